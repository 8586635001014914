// What a media element does in its own time, as promises.

/** How long an element may take to be ready. */
const READY_MS = 30_000;

/** Resolves at the event; rejects with the element's error. */
export function happens(element, event) {
    return new Promise((resolve, reject) => {
        const stop = new AbortController();
        const once = { signal: stop.signal };
        const timer = setTimeout(() => end(reject, new Error(`no ${event}`)), READY_MS);
        function end(how, what) {
            clearTimeout(timer);
            stop.abort();
            how(what);
        }
        element.addEventListener(event, () => end(resolve), once);
        element.addEventListener("error", () => end(reject, element.error), once);
        element.addEventListener("emptied", () => end(reject, new Error("unloaded")), once);
    });
}

/** Goes to a place, and waits until it can play on from there. */
export async function putAt(element, seconds) {
    if (Math.abs(element.currentTime - seconds) > 0.001) {
        const there = happens(element, "seeked");
        element.currentTime = seconds;
        await there;
    }
    if (element.readyState < HTMLMediaElement.HAVE_ENOUGH_DATA) {
        await happens(element, "canplaythrough");
    }
}

/** Lets a file go. */
export function unload(element) {
    element.pause();
    element.removeAttribute("src");
    element.load();
}
