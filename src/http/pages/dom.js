// Making elements. Text is always a text node: nothing that comes from a recording is markup.

import { texts } from "./texts.js";

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Makes an element; what is neither an element nor empty becomes text. */
export function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
        else if (value === true) made.setAttribute(name, "");
        else if (value !== false && value != null) made.setAttribute(name, String(value));
    }
    made.append(...children.filter((child) => child != null && child !== ""));
    return made;
}

/** Puts the texts into the fixed places of the document; `more` are those of one page alone. */
export function fillTexts(more = {}) {
    const all = { ...texts, ...more };
    for (const place of document.querySelectorAll("[data-text]")) {
        place.textContent = all[place.dataset.text];
    }
    for (const place of document.querySelectorAll("[data-label]")) {
        place.setAttribute("aria-label", all[place.dataset.label]);
        if (place.tagName === "BUTTON") place.title = all[place.dataset.label];
    }
}

/** Resolves after so many milliseconds; rejects when the signal aborts. */
export function after(ms, signal) {
    return new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener("abort", () => {
            clearTimeout(timer);
            reject(signal.reason);
        }, { once: true });
    });
}
