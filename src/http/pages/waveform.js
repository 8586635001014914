// The waveform: one row for each channel, agent above; silenced and held spans are drawn into it.
// It is the slider of the recording as well.

import { position, spoken } from "./clock.js";
import { spanAt } from "./spans.js";
import { names, phrases } from "./texts.js";

/** Distance and width of the strokes of a silenced span, in CSS pixels. */
const HATCH = 8;
const STROKE = 2;

function hatch(context, colour) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = HATCH;
    const draw = tile.getContext("2d");
    draw.strokeStyle = colour;
    draw.lineWidth = STROKE;
    for (const shift of [-HATCH, 0, HATCH]) {
        draw.moveTo(shift, HATCH);
        draw.lineTo(shift + HATCH, 0);
    }
    draw.stroke();
    return context.createPattern(tile, "repeat");
}

/** `onSeek(seconds)` is called when a place is chosen with the pointer. */
export class Waveform {
    #root;
    #below;
    #above;
    #cursor;
    #onSeek;
    #rows = [];
    #spans = [];
    #duration = 0;
    #said = "";
    /** The place under the pointer while it is held down, and where it came down. */
    #dragging = null;
    #began = 0;

    constructor(root, onSeek) {
        this.#root = root;
        this.#onSeek = onSeek;
        [this.#below, this.#above] = root.querySelectorAll("canvas");
        this.#cursor = root.querySelector(".cursor");
        new ResizeObserver(() => this.#draw()).observe(root);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
        root.addEventListener("pointerdown", (event) => this.#begin(event));
        root.addEventListener("pointermove", (event) => this.#drag(event));
        root.addEventListener("pointerup", (event) => this.#end(event));
        root.addEventListener("pointercancel", () => {
            this.#dragging = null;
        });
    }

    /** `rows`: `{channel, points, shade}` from top to bottom, with points from 0 to 1. */
    show(rows, spans, duration) {
        this.#rows = rows;
        this.#spans = spans;
        this.#duration = duration;
        this.#said = "";
        this.#draw();
    }

    /** Shows where the recording is. */
    at(seconds) {
        if (this.#dragging === null) this.#place(seconds);
    }

    #place(seconds) {
        const part = this.#duration ? Math.min(1, Math.max(0, seconds / this.#duration)) : 0;
        this.#above.style.clipPath = `inset(0 ${(100 - part * 100).toFixed(3)}% 0 0)`;
        this.#cursor.style.left = `${(part * 100).toFixed(3)}%`;
        const span = spanAt(this.#spans, seconds);
        const text = phrases.positionOf(spoken(seconds), spoken(this.#duration));
        const said = span ? phrases.inSpan(text, names[span.kind]) : text;
        if (said === this.#said) return;
        this.#said = said;
        this.#root.setAttribute("aria-valuemax", String(Math.floor(this.#duration)));
        this.#root.setAttribute("aria-valuenow", String(Math.floor(seconds)));
        this.#root.setAttribute("aria-valuetext", said);
    }

    #secondsAt(event) {
        const box = this.#root.getBoundingClientRect();
        const part = (event.clientX - box.left) / box.width;
        return Math.min(1, Math.max(0, part)) * this.#duration;
    }

    #begin(event) {
        if (event.button !== 0 || !this.#duration) return;
        this.#root.setPointerCapture(event.pointerId);
        this.#dragging = this.#secondsAt(event);
        this.#began = this.#dragging;
        this.#onSeek(this.#dragging);
        this.#place(this.#dragging);
    }

    #drag(event) {
        if (this.#dragging === null) {
            this.#root.title = position(this.#secondsAt(event));
            return;
        }
        this.#dragging = this.#secondsAt(event);
        this.#place(this.#dragging);
    }

    #end(event) {
        if (this.#dragging === null) return;
        const moved = this.#dragging !== this.#began;
        const chosen = this.#dragging;
        this.#dragging = null;
        if (moved) this.#onSeek(chosen);
    }

    #draw() {
        const { width, height } = this.#root.getBoundingClientRect();
        if (!width || !this.#rows.length) return;
        const style = getComputedStyle(this.#root);
        const colour = (name) => style.getPropertyValue(`--${name}`).trim();
        for (const canvas of [this.#below, this.#above]) {
            canvas.width = Math.round(width * devicePixelRatio);
            canvas.height = Math.round(height * devicePixelRatio);
            const context = canvas.getContext("2d");
            context.scale(devicePixelRatio, devicePixelRatio);
            const played = canvas === this.#above;
            const rowHeight = height / this.#rows.length;
            this.#rows.forEach(({ points, shade }, row) => {
                context.fillStyle = colour(played ? `${shade}-played` : shade);
                bars(context, points, { top: row * rowHeight, height: rowHeight, width });
            });
            if (!played) this.#drawSpans(context, { rowHeight, width }, colour);
        }
        this.#root.dataset.drawn = String(this.#rows[0].points.length);
    }

    #drawSpans(context, { rowHeight, width }, colour) {
        const strokes = hatch(context, colour("mask"));
        for (const span of this.#spans) {
            const left = (span.from / this.#duration) * width;
            const wide = Math.max(1, ((span.to - span.from) / this.#duration) * width);
            this.#rows.forEach(({ channel }, row) => {
                if (this.#rows.length > 1 && !concerns(span, channel)) return;
                context.fillStyle = colour(span.kind === "MASK" ? "mask-back" : "hold-back");
                context.fillRect(left, row * rowHeight, wide, rowHeight);
                if (span.kind !== "MASK") return;
                context.fillStyle = strokes;
                context.fillRect(left, row * rowHeight, wide, rowHeight);
            });
        }
    }
}

/** A span without a channel of its own concerns all of them. */
const concerns = (span, channel) =>
    span.channels.has(channel) || span.channels.has(undefined) || span.channels.has(null);

function bars(context, wave, { top, height, width }) {
    const middle = top + height / 2;
    const most = height / 2 - 4;
    context.fillRect(0, middle - 0.5, width, 1);
    const columns = Math.min(Math.floor(width), wave.length);
    for (let column = 0; column < columns; column += 1) {
        const from = Math.floor((column * wave.length) / columns);
        const to = Math.max(from + 1, Math.floor(((column + 1) * wave.length) / columns));
        let peak = 0;
        for (let at = from; at < to; at += 1) peak = Math.max(peak, Math.abs(wave[at]) || 0);
        const half = Math.min(1, peak) * most;
        const left = (column * width) / columns;
        context.fillRect(left, middle - half, Math.max(0.7, width / columns - 0.4), half * 2);
    }
}
