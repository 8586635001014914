// What the fragment of the address names, as a path of the media playback API.

const API = "media-playback/v1";

function split(fragment) {
    const [path, query = ""] = fragment.replace(/^#/, "").split("?", 2);
    let steps;
    try {
        steps = path.split("/").filter(Boolean).map(decodeURIComponent);
    } catch {
        // A percent sign without its digits: no recording has such a name.
        steps = [];
    }
    return { steps, query: new URLSearchParams(query) };
}

const one = encodeURIComponent;

function of(steps, query) {
    const [kind, id, statements, statement] = steps;
    if (kind === "segments" && steps.length === 2) return `${API}/segments/${one(id)}?${query}`;
    if (kind !== "acd-contacts" || !id) return null;
    if (steps.length === 2) {
        return `${API}/contacts?acd-call-id=${one(id)}&${query}`;
    }
    if (steps.length !== 4 || statements !== "statements") return null;
    return `${API}/acd-contacts/${one(id)}/statements/${one(statement)}?${query}`;
}

/** For the player: `#/cxone-player/…`; null when the fragment names no recording. */
export function playerPath(fragment) {
    const { steps } = split(fragment);
    if (steps[0] !== "cxone-player") return null;
    return of(steps.slice(1), "media-type=all");
}

/** For the download page: `#/acd-contacts?acdContactId=…`, or the id as a step of the path. */
export function downloadPath(fragment) {
    const { steps, query } = split(fragment);
    const wanted = new URLSearchParams({ isDownload: "true", "exclude-waveforms": "true" });
    for (const type of query.getAll("mediaType")) wanted.append("media-type", type);
    const id = query.get("acdContactId");
    const all = steps.length === 1 && steps[0] === "acd-contacts" && id ? [...steps, id] : steps;
    return of(all, wanted);
}
