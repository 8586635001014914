// The search: a form, a table, further pages. What is asked stands in the fragment.

import { row, say, state, table, time, moreButton, mono } from "./console-parts.js";
import { go, recordingPlace } from "./console-route.js";
import { states, tell, words } from "./console-texts.js";
import { byId, make } from "./dom.js";

const FIELDS = ["from", "to", "agent", "number", "contact", "state", "text"];
const TIMES = new Set(["from", "to"]);
const FILE_STATES = [
    "declared", "receiving", "spooled", "committing", "ready", "quarantined", "erased",
];
const COLUMNS = ["started", "recording", "agent", "numbers", "contact", "media"]
    .map((name) => words[name]);

/** An instant as the field for local times has it. */
function local(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) return "";
    const two = (number) => String(number).padStart(2, "0");
    const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
    return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Prepares the form. */
export function prepareSearch() {
    const choices = FILE_STATES.map((name) => make("option", { value: name }, states[name][0]));
    byId("search-state").replaceChildren(make("option", { value: "" }, words.anyState), ...choices);
    byId("search-form").addEventListener("submit", (event) => {
        event.preventDefault();
        const query = new URLSearchParams();
        for (const name of FIELDS) {
            const value = byId(`search-${name}`).value.trim();
            if (value) query.set(name, TIMES.has(name) ? new Date(value).toISOString() : value);
        }
        go(query.size ? `#/recordings?${query}` : "#/recordings");
    });
    byId("search-clear").addEventListener("click", () => {
        go("#/recordings");
        byId("search-from").focus();
    });
}

function fill(query) {
    for (const name of FIELDS) {
        const value = query.get(name) ?? "";
        byId(`search-${name}`).value = TIMES.has(name) && value ? local(value) : value;
    }
}

function cells(found) {
    const { agent } = found;
    const link = make("a", { href: recordingPlace(found.recordingId) }, found.recordingId);
    return [
        time(found.startTime),
        link,
        [agent.name, agent.userId].filter(Boolean).join(", "),
        tell.fromTo(found.callerPhoneNumber, found.dialedPhoneNumber),
        mono(found.contactId),
        make("div", { class: "states" }, ...found.media.map((file) => state(file.state))),
    ];
}

/** Shows the search and what it finds. */
export async function showSearch({ query }, call) {
    fill(query);
    byId("search").hidden = false;
    const asked = new URLSearchParams();
    for (const name of FIELDS) if (query.get(name)) asked.set(name, query.get(name));
    const first = await call(`admin/v1/recordings?${asked}`);
    if (!first.recordings.length) {
        say(words.none);
        return [make("p", { class: "card" }, words.none)];
    }
    const shown = table(words.found, COLUMNS, first.recordings.map(cells));
    const place = make("section", { class: "card" }, shown);
    let count = first.recordings.length;
    say(tell.count(count, first.next));
    const offer = (next) => {
        if (!next) return;
        const button = moreButton(async () => {
            button.disabled = true;
            asked.set("after", next);
            try {
                const page = await call(`admin/v1/recordings?${asked}`);
                const added = page.recordings.map((found) => row(COLUMNS, cells(found)));
                shown.tBodies[0].append(...added);
                count += added.length;
                say(tell.count(count, page.next));
                added[0]?.querySelector("a")?.focus();
                button.remove();
                offer(page.next);
            } finally {
                button.disabled = false;
            }
        });
        place.append(button);
    };
    offer(first.next);
    return [place];
}
