// What the parts of the console are built of: tables, states, times, facts, the dialog.

import { moment } from "./clock.js";
import { facts, reasons, states, words } from "./console-texts.js";
import { byId, make } from "./dom.js";

/** A state in words, with a colour and a sign. */
export function state(name) {
    const [text, mood] = states[name] ?? [name, ""];
    return make("span", { class: `state ${mood}`, "data-state": name }, text);
}

/** An instant in the reader's own zone; the exact text is its title. */
export function time(text) {
    if (!text) return "";
    return make("time", { datetime: text, title: text }, moment(text) || text);
}

/** A reason code with what it means. */
export function reason(code, detail) {
    if (!code) return "";
    return make("div", {}, make("span", { class: "mono" }, code),
        make("p", { class: "hint" }, reasons[code] ?? ""), detail ? make("p", {}, detail) : "");
}

/** A text of machines. */
export const mono = (text) => (text ? make("span", { class: "mono" }, text) : "");

/**
 * A table. `columns` are headings; each row is a list of cells, each a list of what is in it.
 */
export function table(caption, columns, rows) {
    const head = make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)));
    return make("table", { class: "rows" }, make("caption", {}, caption),
        make("thead", {}, head), make("tbody", {}, ...rows.map((cells) => row(columns, cells))));
}

/** One row of such a table. */
export function row(columns, cells) {
    return make("tr", {}, ...cells.map((cell, index) => {
        const inside = make("div", {}, ...[cell].flat());
        return make("td", { "data-head": columns[index] }, inside);
    }));
}

/** Pairs of a name and what is known; what is empty is left out. */
export function list(pairs) {
    const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
    return make("dl", {}, ...known.flatMap(([name, value]) =>
        [make("dt", {}, name), make("dd", {}, ...[value].flat())]));
}

/** The same of an object of plain values. */
export function objectList(object) {
    return list(Object.entries(object ?? {}).map(([name, value]) => [facts[name] ?? name, plain(value)]));
}

function plain(value) {
    if (typeof value === "boolean") return value ? "✓" : "–";
    if (Array.isArray(value)) return value.map(plain).join(", ");
    if (value && typeof value === "object") return value.value ?? JSON.stringify(value);
    return value === null || value === undefined ? "" : String(value);
}

/** A heading that takes the focus when the part is opened. */
export const heading = (text) => make("h2", { tabindex: "-1" }, text);

/** Says something to those who look and those who listen. */
export function say(text) {
    byId("said").textContent = text;
}

/** Asks before something is lost; resolves with whether to go on. */
export function confirmed({ title, lines, yes }) {
    const dialog = byId("confirm");
    byId("confirm-title").textContent = title;
    byId("confirm-text").replaceChildren(...lines.map((line) => make("p", {}, line)));
    byId("confirm-yes").textContent = yes;
    return new Promise((resolve) => {
        const stop = new AbortController();
        const end = (answer) => {
            stop.abort();
            dialog.close();
            resolve(answer);
        };
        const { signal } = stop;
        byId("confirm-yes").addEventListener("click", () => end(true), { signal });
        byId("confirm-no").addEventListener("click", () => end(false), { signal });
        // The key Escape.
        dialog.addEventListener("cancel", () => end(false), { signal });
        dialog.showModal();
        byId("confirm-no").focus();
    });
}

/** A button that works once at a time. It stays in reach of the keyboard meanwhile. */
export function button(label, about, act, extra = "") {
    let busy = false;
    const onclick = async () => {
        if (busy) return;
        busy = true;
        try {
            await act();
        } finally {
            busy = false;
        }
    };
    const named = { "aria-label": `${label}: ${about}`, class: `quiet ${extra}` };
    return make("button", { type: "button", ...named, onclick }, label);
}

/** The button below a list that has more. */
export const moreButton = (act) =>
    make("button", { type: "button", class: "quiet more", onclick: act }, words.more);
