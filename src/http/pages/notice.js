// One place that says what is happening, what is wrong, and what to do about it.

import { byId, make } from "./dom.js";
import { notices, phrases, texts } from "./texts.js";

let timer = 0;

/** Kinds that tell of work under way. */
const CALM = new Set([
    "loading", "preparing", "locked", "busy", "asking", "checking", "saving", "signed-out",
]);

/**
 * Shows a text of `notices`. `told` is what the server said; `actions` are pairs of a label and
 * what it does; `words` replace the text.
 */
export function showNotice(kind, { told, actions = [], words } = {}) {
    clearInterval(timer);
    const { title, text } = words ?? notices[kind] ?? notices.server;
    const place = byId("notice");
    const calm = CALM.has(kind);
    const buttons = actions.map(([label, act]) =>
        make("button", { type: "button", class: "quiet", onclick: act }, label));
    const said = make("div", { role: calm ? "status" : "alert" },
        make("h2", {}, title), make("p", {}, text));
    const detail = told && make("p", { class: "told" }, phrases.serverSays(told));
    place.replaceChildren(said, detail || "", make("p", { class: "count" }),
        make("div", { class: "actions" }, ...buttons));
    place.dataset.kind = kind;
    place.classList.toggle("calm", calm);
    place.hidden = false;
}

/** Takes it away. */
export function hideNotice() {
    clearInterval(timer);
    const place = byId("notice");
    place.hidden = true;
    delete place.dataset.kind;
}

/** Shows a wait that counts down. Resolves when somebody does not want to wait so long. */
export function showWait(kind, seconds, words) {
    return new Promise((resolve) => {
        showNotice(kind, { actions: [[texts.tryNow, resolve]], words });
        const count = byId("notice").querySelector(".count");
        const ends = performance.now() + seconds * 1000;
        const tick = () => {
            const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
            count.textContent = phrases.waiting(left);
        };
        tick();
        timer = setInterval(tick, 1000);
    });
}
