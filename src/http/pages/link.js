// A signed link to a media file, and how long it is good.

/** How much of a link's life is left over when it is renewed, and its bounds in milliseconds. */
const LEFT_OVER = 0.3;
const LEAST_MS = 1000;
const MOST_MS = 300_000;
/** How far around a place bytes are tried, and for how many milliseconds. */
const AROUND = 262_144;
const SLOW_MS = 10_000;

export class Link {
    /** `servedMs` is the server's time when it gave the link: the clock here may be wrong. */
    constructor(url, servedMs) {
        this.url = url;
        const seconds = Number(new URL(url, document.baseURI).searchParams.get("expires"));
        const life = seconds ? seconds * 1000 - servedMs : Infinity;
        const early = Math.min(Math.max(life * LEFT_OVER, LEAST_MS), MOST_MS);
        const now = performance.now();
        this.endsAt = now + life;
        this.renewAt = now + Math.max(life - early, LEAST_MS);
    }

    get isOver() {
        return performance.now() >= this.endsAt;
    }

    /** Whether scripts of this page may read it. */
    get isOurs() {
        return new URL(this.url, document.baseURI).origin === location.origin;
    }

    /**
     * What became of the link: `good`, `expired`, `revoked`, `forbidden`, `sealed`, `not-found`,
     * `server`, `corrupt`, `network`. With a `share` of the file, the bytes there are read as well.
     */
    async look(share = null) {
        if (!this.isOurs) return this.isOver ? "expired" : "good";
        let answer;
        try {
            answer = await this.#read("0-0");
        } catch {
            return "network";
        }
        if (!answer.ok) return refusalOf(answer);
        answer.body?.cancel();
        const whole = Number(/\/(\d+)$/.exec(answer.headers.get("content-range"))?.[1]);
        return share === null || !whole ? "good" : this.#lookAt(Math.floor(share * whole), whole);
    }

    /** Whether the bytes around a place can be read: a server breaks off before damaged ones. */
    async #lookAt(place, whole) {
        const from = Math.max(0, place - AROUND);
        const to = Math.min(whole, place + AROUND) - 1;
        try {
            const answer = await this.#read(`${from}-${to}`, AbortSignal.timeout(SLOW_MS));
            await answer.arrayBuffer();
            return "good";
        } catch (error) {
            return error.name === "TimeoutError" ? "good" : "corrupt";
        }
    }

    #read(range, signal) {
        return fetch(this.url, { headers: { range: `bytes=${range}` }, cache: "no-store", signal });
    }
}

async function refusalOf(answer) {
    const code = (await answer.json().catch(() => null))?.internalCode;
    const known = { LINK_EXPIRED: "expired", LINK_REVOKED: "revoked", SEALED: "sealed" };
    if (known[code]) return known[code];
    if (answer.status === 403) return "forbidden";
    if (answer.status === 404) return "not-found";
    return answer.status >= 500 ? "server" : "corrupt";
}
