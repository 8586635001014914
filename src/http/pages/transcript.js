// What was said or written. Long transcripts are filled in where they are looked at, so that the
// document stays small.

import { position, spoken, timeOfDay } from "./clock.js";
import { make } from "./dom.js";
import { names, phrases } from "./texts.js";

const CHUNK = 100;
/** What a line is taken to be high before it was shown, in CSS pixels. */
const LINE_PX = 44;
/** After scrolling by hand the list does not follow for this time. */
const HANDS_OFF_MS = 4000;

/** `onSeek(seconds)` is called when a line is chosen. */
export class Transcript {
    #list;
    #follow;
    #onSeek;
    #lines = [];
    #chunks = [];
    #current = -1;
    #scrolledAt = -Infinity;
    #sight;

    constructor(list, follow, onSeek) {
        this.#list = list;
        this.#follow = follow;
        this.#onSeek = onSeek;
        this.#sight = new IntersectionObserver((seen) => {
            for (const { target, isIntersecting } of seen) this.#fill(target, isIntersecting);
        }, { root: list, rootMargin: "200px" });
        for (const hand of ["wheel", "touchmove", "pointerdown"]) {
            list.addEventListener(hand, () => {
                this.#scrolledAt = performance.now();
            }, { passive: true });
        }
        list.addEventListener("click", (event) => {
            const line = this.#lines[Number(event.target.closest("[data-line]")?.dataset.line)];
            if (line?.seconds != null) this.#onSeek(line.seconds);
        });
    }

    /** `begin`: start of the media in milliseconds, null when there is none to follow. */
    show(messages, begin) {
        this.#sight.disconnect();
        this.#current = -1;
        this.#lines = messages.map((message) => {
            const ms = Date.parse(message.timeStamp);
            const seconds = begin === null || Number.isNaN(ms) ? null : (ms - begin) / 1000;
            return { ...message, ms, seconds };
        });
        const inOrder = (a, b) => (a.ms || 0) - (b.ms || 0);
        if (begin !== null) this.#lines.sort(inOrder);
        this.#chunks = [];
        for (let first = 0; first < this.#lines.length; first += CHUNK) {
            const chunk = make("div", { class: "chunk", "data-chunk": this.#chunks.length });
            const count = Math.min(CHUNK, this.#lines.length - first);
            chunk.style.minHeight = `${count * LINE_PX}px`;
            this.#chunks.push(chunk);
        }
        this.#list.replaceChildren(...this.#chunks);
        for (const chunk of this.#chunks) this.#sight.observe(chunk);
        if (this.#chunks.length) this.#fill(this.#chunks[0], true);
        this.#list.scrollTop = 0;
    }

    /** Marks what is said at this place. */
    at(seconds) {
        let low = 0;
        let high = this.#lines.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if ((this.#lines[middle].seconds ?? Infinity) <= seconds + 0.05) low = middle + 1;
            else high = middle;
        }
        if (low - 1 === this.#current) return;
        this.#line(this.#current)?.removeAttribute("aria-current");
        this.#current = low - 1;
        this.#reveal();
    }

    #reveal() {
        if (this.#current < 0) return;
        const handsOff = performance.now() - this.#scrolledAt > HANDS_OFF_MS;
        const follows = this.#follow.checked && handsOff;
        const chunk = this.#chunks[Math.floor(this.#current / CHUNK)];
        if (follows) this.#fill(chunk, true);
        const line = this.#line(this.#current);
        line?.setAttribute("aria-current", "true");
        if (!line || !follows) return;
        const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
        const gap = line.getBoundingClientRect().top - this.#list.getBoundingClientRect().top;
        const top = this.#list.scrollTop + gap - this.#list.clientHeight / 3;
        const far = Math.abs(top - this.#list.scrollTop) > this.#list.clientHeight * 2;
        this.#list.scrollTo({ top, behavior: calm || far ? "instant" : "smooth" });
    }

    #line(index) {
        return this.#list.querySelector(`[data-line="${index}"]`);
    }

    #fill(chunk, wanted) {
        const filled = chunk.childElementCount > 0;
        if (wanted === filled) return;
        if (!wanted) {
            // What has the focus stays, and what it leaves keeps its height.
            if (chunk.contains(document.activeElement)) return;
            chunk.style.minHeight = `${chunk.offsetHeight}px`;
            chunk.replaceChildren();
            return;
        }
        const first = Number(chunk.dataset.chunk) * CHUNK;
        const lines = this.#lines.slice(first, first + CHUNK);
        chunk.append(...lines.map((line, at) => row(line, first + at, this.#current)));
        chunk.style.minHeight = "";
    }
}

function row(line, index, current) {
    const who = line.participantName || names[line.participantType] || "";
    const side = line.participantType === "CUSTOMER" ? "customer" : "agent";
    const time = line.seconds === null ? timeOfDay(line.ms) : position(line.seconds);
    const attributes = {
        class: `line ${side}`,
        "data-line": index,
        "aria-current": index === current ? "true" : null,
        dir: "auto",
    };
    const inside = [
        make("span", { class: "when" }, time),
        make("span", { class: "who" }, who),
        make("span", { class: "said" }, line.text ?? ""),
    ];
    const tag = line.seconds === null ? "div" : "button";
    if (tag === "button") {
        attributes.type = "button";
        attributes.title = phrases.jumpTo(spoken(line.seconds));
    }
    return make("div", { role: "listitem" }, make(tag, attributes, ...inside));
}
