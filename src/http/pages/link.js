// A signed link to a media file, and how long it is good.

/** How much of a link's life is left over when it is renewed, and its bounds in milliseconds. */
const LEFT_OVER = 0.3;
const LEAST_MS = 1000;
const MOST_MS = 300_000;

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
     * `server`, `corrupt`, `network`.
     */
    async look() {
        if (!this.isOurs) return this.isOver ? "expired" : "good";
        let answer;
        try {
            const first = { range: "bytes=0-0" };
            answer = await fetch(this.url, { headers: first, cache: "no-store" });
            if (answer.ok) {
                answer.body?.cancel();
                return "good";
            }
        } catch {
            return "network";
        }
        const code = (await answer.json().catch(() => null))?.internalCode;
        if (code === "LINK_EXPIRED") return "expired";
        if (code === "LINK_REVOKED") return "revoked";
        if (answer.status === 403) return "forbidden";
        if (code === "SEALED") return "sealed";
        if (answer.status === 404) return "not-found";
        return answer.status >= 500 ? "server" : "corrupt";
    }
}
