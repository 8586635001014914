// What the fragment of the address names: a part of the console, perhaps a thing in it, and what is
// asked.

/** `#/recordings/{id}?…` as `{part, id, query}`; null when it names nothing. */
export function route(fragment) {
    const [path, query = ""] = fragment.replace(/^#/, "").split("?", 2);
    let steps;
    try {
        steps = path.split("/").filter(Boolean).map(decodeURIComponent);
    } catch {
        // A percent sign without its digits.
        return null;
    }
    const [part = "recordings", id = null] = steps;
    const known = ["recordings", "deliveries", "quarantine", "health"].includes(part);
    if (!known || steps.length > 2 || (id && part !== "recordings")) return null;
    return { part, id, query: new URLSearchParams(query) };
}

/** The fragment of a recording. */
export const recordingPlace = (id) => `#/recordings/${encodeURIComponent(id)}`;

/** Goes to a place; a place that is open already is opened again. */
export function go(place) {
    if (location.hash === place) dispatchEvent(new HashChangeEvent("hashchange"));
    else location.hash = place;
}

/** The player's address of a segment. */
export const playerPlace = (segment) =>
    `../player/#/cxone-player/segments/${encodeURIComponent(segment)}`;
