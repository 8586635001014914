// Two media elements, of which one is heard. The other takes over when the link is renewed, at the
// same place, so that nothing of the recording is missed.

import { after } from "./dom.js";
import { happens, putAt, unload } from "./element.js";

/** How far ahead the other element waits for the one that plays, in seconds of listening. */
const LEAD_S = 0.3;
/** What is near enough to that place. */
const NEAR_S = 0.15;
/** What is another place. */
const FAR_S = 1;
const STEP_MS = 10;
const TRIES = 5;
/** Between tries to renew a link, and the longest of these waits. */
const RETRY_MS = 2000;
const LONGEST_RETRY_MS = 60_000;
/** So often a link may be over within this time before something else must be wrong. */
const MOST_EXPIRED = 5;
const AGAIN_MS = 10_000;
/** An element that waits for so long is looked after: a browser itself tries for half a minute. */
const WAIT_MS = 6000;

/**
 * Events: `change` (state, place, duration, picture), `time`, `problem` (`detail`: kind of notice),
 * `renewed`, `ended`.
 */
export class Deck extends EventTarget {
    #elements;
    #active;
    #link = null;
    #fetchLink = null;
    #timer = 0;
    #retryMs = RETRY_MS;
    #load = 0;
    #switching = false;
    /** Where to be, as long as the element cannot say. */
    #place = 0;
    #wanted = false;
    #failedAt = -Infinity;
    #failedPlace = -Infinity;
    #failures = 0;
    #watching = 0;
    #rate = 1;
    #volume = 1;
    #muted = false;

    constructor(elements) {
        super();
        this.#elements = elements;
        this.#active = elements[0];
        for (const element of elements) this.#listen(element);
        this.#mark();
        // A computer that slept wakes with a link that is over.
        document.addEventListener("visibilitychange", () => this.#plan());
    }

    #listen(element) {
        const changed = () => {
            if (element !== this.#active) return;
            this.#watch();
            this.dispatchEvent(new Event("change"));
        };
        const changes = [
            "play", "pause", "playing", "waiting", "seeking", "seeked", "loadedmetadata",
            "durationchange", "ratechange", "volumechange", "resize", "canplay",
        ];
        for (const name of changes) element.addEventListener(name, changed);
        element.addEventListener("timeupdate", () => {
            if (element !== this.#active || !element.readyState) return;
            this.#place = element.currentTime;
            this.dispatchEvent(new Event("time"));
        });
        element.addEventListener("ended", () => {
            if (element !== this.#active) return;
            this.#wanted = false;
            this.dispatchEvent(new Event("ended"));
            this.dispatchEvent(new Event("change"));
        });
        element.addEventListener("error", () => {
            if (element === this.#active && element.hasAttribute("src")) this.#failed();
        });
    }

    get #other() { return this.#elements.find((element) => element !== this.#active); }
    get time() { return this.#active.readyState ? this.#active.currentTime : this.#place; }
    get duration() {
        return Number.isFinite(this.#active.duration) ? this.#active.duration : 0;
    }
    /** Whether it plays, or would if it had the bytes. */
    get isPlaying() { return this.#wanted; }
    get isWaiting() {
        const { readyState, seeking, error } = this.#active;
        return !error && (seeking || (this.#wanted && readyState < HTMLMediaElement.HAVE_FUTURE_DATA));
    }
    get hasPicture() { return this.#active.videoWidth > 0; }
    get rate() { return this.#rate; }
    get volume() { return this.#volume; }
    get muted() { return this.#muted; }

    set rate(rate) {
        this.#rate = rate;
        this.#dress(this.#active);
    }

    set volume(volume) {
        this.#volume = Math.min(1, Math.max(0, volume));
        this.#dress(this.#active);
    }

    set muted(muted) {
        this.#muted = muted;
        this.#dress(this.#active);
    }

    /** Opens a link; `fetchLink` is called for a fresh one to the same file. */
    open(link, fetchLink, seconds = 0) {
        this.close();
        this.#fetchLink = fetchLink;
        this.#use(link, seconds);
    }

    close() {
        this.#load += 1;
        clearTimeout(this.#timer);
        clearTimeout(this.#watching);
        this.#watching = 0;
        this.#link = null;
        this.#wanted = false;
        this.#switching = false;
        this.#forgive();
        this.#place = 0;
        for (const element of this.#elements) unload(element);
        this.dispatchEvent(new Event("change"));
    }

    play() {
        if (!this.#link) return;
        this.#wanted = true;
        if (this.#active.error || !this.#active.hasAttribute("src")) this.retry();
        else if (this.#link.isOver) this.#recover("expired");
        else this.#start(this.#active);
        this.dispatchEvent(new Event("change"));
    }

    pause() {
        this.#wanted = false;
        this.#active.pause();
        this.dispatchEvent(new Event("change"));
    }

    toggle() {
        if (this.#wanted) this.pause();
        else this.play();
    }

    seek(seconds) {
        const last = this.duration || Infinity;
        this.#place = Math.min(Math.max(0, seconds), last);
        if (this.#active.readyState) this.#active.currentTime = this.#place;
        this.dispatchEvent(new Event("time"));
    }

    /** Tries again after a problem. */
    retry() {
        this.#forgive();
        this.#recover("expired");
    }

    #forgive() {
        this.#failedAt = this.#failedPlace = -Infinity;
        this.#failures = 0;
    }

    async #start(element) {
        try {
            await element.play();
        } catch (error) {
            // The browser wants a press of a key or button first; what else failed is an event.
            if (error.name === "NotAllowedError" && element === this.#active) this.pause();
        }
    }

    #dress(element) {
        element.defaultPlaybackRate = this.#rate;
        element.playbackRate = this.#rate;
        element.volume = this.#volume;
        element.muted = this.#muted;
    }

    #mark() {
        for (const element of this.#elements) {
            element.toggleAttribute("data-active", element === this.#active);
        }
    }

    #use(link, seconds) {
        this.#link = link;
        this.#place = seconds;
        const element = this.#active;
        element.src = link.url;
        this.#dress(element);
        if (seconds) {
            element.addEventListener("loadedmetadata", () => {
                element.currentTime = this.#place;
            }, { once: true });
        }
        if (this.#wanted) this.#start(element);
        this.#plan();
    }

    #plan() {
        clearTimeout(this.#timer);
        if (!this.#link || this.#link.renewAt === Infinity) return;
        const left = Math.max(0, this.#link.renewAt - performance.now());
        // Timers stand still while a computer sleeps: look in between.
        this.#timer = setTimeout(() => {
            if (this.#link.renewAt > performance.now()) this.#plan();
            else this.#renew();
        }, Math.min(left, 30_000));
    }

    async #renew() {
        if (this.#switching || !this.#link) return;
        this.#switching = true;
        const load = this.#load;
        try {
            const link = await this.#fetchLink();
            if (load !== this.#load) return;
            await this.#switchTo(link, load);
            this.#retryMs = RETRY_MS;
        } catch {
            // The link in use may still be good; when it is not, the element says so.
            if (load !== this.#load) return;
            unload(this.#other);
            this.#timer = setTimeout(() => this.#renew(), this.#retryMs);
            this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
        } finally {
            if (load === this.#load) this.#switching = false;
        }
    }

    async #switchTo(link, load) {
        const active = this.#active;
        const next = this.#other;
        const loaded = happens(next, "loadedmetadata");
        next.src = link.url;
        this.#dress(next);
        next.muted = true;
        await loaded;
        await this.#meet(active, next, load);
        if (load !== this.#load) return;
        if (active.error) {
            // It failed meanwhile: the recovery has its own link.
            unload(next);
            return;
        }
        // Somebody may have gone elsewhere, or begun or stopped playing, while they met.
        if (Math.abs(next.currentTime - active.currentTime) > FAR_S || active.seeking) {
            next.currentTime = active.currentTime;
        }
        this.#dress(next);
        this.#link = link;
        this.#active = next;
        this.#mark();
        if (!this.#wanted) next.pause();
        else if (next.paused) this.#start(next);
        unload(active);
        this.#plan();
        this.dispatchEvent(new Event("renewed"));
        this.dispatchEvent(new Event("change"));
    }

    /** Brings `next` to where `active` is, playing if that plays. */
    async #meet(active, next, load) {
        for (let tries = 1; ; tries += 1) {
            const playing = !active.paused && !active.ended;
            const at = active.currentTime + (playing ? LEAD_S * this.#rate * tries : 0);
            await putAt(next, Math.min(at, next.duration || at));
            if (!playing && Math.abs(active.currentTime - at) < NEAR_S) return;
            const waits = () => load === this.#load && !active.paused && !active.error;
            while (waits() && active.currentTime < at && at - active.currentTime < 3) {
                await after(STEP_MS);
            }
            if (load !== this.#load || active.error) return;
            const near = Math.abs(active.currentTime - at) < NEAR_S * this.#rate;
            if (!near && tries < TRIES) continue;
            if (!active.paused) await next.play();
            return;
        }
    }

    async #failed() {
        const load = this.#load;
        const code = this.#active.error?.code;
        const found = await this.#link.look();
        if (load !== this.#load || !this.#active.error) return;
        const broken = code === MediaError.MEDIA_ERR_NETWORK;
        if (found === "good" && !broken) this.#give("corrupt");
        else this.#recover(found);
    }

    /** Goes on with a fresh link at the same place, unless that did not help just now. */
    async #recover(why) {
        const now = performance.now();
        const again = why === "expired" ? now - this.#failedAt < AGAIN_MS
            : Math.abs(this.#place - this.#failedPlace) < FAR_S;
        this.#failures = again ? this.#failures + 1 : 1;
        this.#failedAt = now;
        this.#failedPlace = this.#place;
        if (this.#failures > (why === "expired" ? MOST_EXPIRED : 1)) {
            const kinds = { good: "corrupt", expired: "server" };
            this.#give(kinds[why] ?? why);
            return;
        }
        const load = ++this.#load;
        this.#switching = false;
        const place = this.#place;
        try {
            const link = await this.#fetchLink();
            if (load !== this.#load) return;
            for (const element of this.#elements) unload(element);
            this.#use(link, place);
            this.dispatchEvent(new Event("renewed"));
        } catch (error) {
            if (load !== this.#load || error.name === "AbortError") return;
            this.#give(error.kind ?? "server");
        }
    }

    #watch() {
        if (this.#link && this.isWaiting) {
            this.#watching ||= setTimeout(() => this.#lookAfter(), WAIT_MS);
        } else {
            clearTimeout(this.#watching);
            this.#watching = 0;
        }
    }

    /** The bytes do not come: finds out why before the browser gives up. */
    async #lookAfter() {
        const load = this.#load;
        const found = await this.#link.look(this.duration ? this.#place / this.duration : 0);
        this.#watching = 0;
        if (load !== this.#load || !this.isWaiting) return;
        if (found === "good" || found === "network") {
            // The element goes on by itself when the connection does.
            if (found === "network") this.#tell(found);
            this.#watch();
        } else if (found === "corrupt") {
            unload(this.#active);
            this.#give(found);
        } else {
            this.#recover(found);
        }
    }

    #tell(kind) {
        this.dispatchEvent(new CustomEvent("problem", { detail: kind }));
    }

    #give(kind) {
        this.#wanted = false;
        this.#tell(kind);
        this.dispatchEvent(new Event("change"));
    }
}
