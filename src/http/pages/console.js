// The operator console: opens the part that the address names, and says what went wrong.

import { ask } from "./api.js";
import { keepSearch, showDetail } from "./console-detail.js";
import { showHealth } from "./console-health.js";
import { say } from "./console-parts.js";
import { route } from "./console-route.js";
import { prepareSearch, showSearch } from "./console-search.js";
import { refusals, tell, words } from "./console-texts.js";
import { showDeliveries, showQuarantine } from "./console-work.js";
import { byId, fillTexts } from "./dom.js";
import { hideNotice, showNotice, showWait } from "./notice.js";
import { isSignedIn } from "./session.js";
import { askToSignIn, leave, prepareSignIn } from "./sign-in.js";
import { texts } from "./texts.js";

const SHOWS = {
    recordings: showSearch,
    deliveries: showDeliveries,
    quarantine: showQuarantine,
    health: showHealth,
};

const main = byId("main");
/** Of the address that is open; aborted when another one is. */
let open = new AbortController();
/** Whether the focus goes to what is opened: it does once somebody went somewhere. */
let moved = false;

function enter(state) {
    main.dataset.state = state;
    byId("tabs").hidden = state === "sign-in" || !isSignedIn();
}

function problem(kind, told, retry) {
    const actions = kind === "bad-address" ? [] : [[texts.retry, retry]];
    if (kind === "forbidden") {
        actions.push([texts.otherUser, () => {
            leave();
            start();
        }]);
    }
    showNotice(kind, { told, actions, words: refusals[kind] ?? refusals.server });
}

/** Asks for the sign-in; what is on show is not for whoever comes next. */
async function needSignIn(ended) {
    hideNotice();
    say("");
    byId("search").hidden = true;
    byId("view").replaceChildren();
    enter("sign-in");
    await askToSignIn(ended);
    moved = true;
    enter("loading");
}

/** Gives the body of an answer. A refusal of something that was done is told beside what is on show. */
function caller(signal) {
    const onWait = (kind, seconds) => showWait(kind, seconds, refusals[kind] ?? refusals.busy);
    return async (path, method = "GET") => {
        const { body } = await ask(path, { method, signal, needSignIn, onWait });
        hideNotice();
        return body;
    };
}

/** Marks the tab of a part. */
function mark(part) {
    for (const tab of byId("tabs").querySelectorAll("a")) {
        if (tab.dataset.tab === part) tab.setAttribute("aria-current", "page");
        else tab.removeAttribute("aria-current");
    }
    document.title = tell.title(words[part] ?? words.consoleTitle);
}

/** Opens what the address names; `said` is what was done before. */
async function start(said = "") {
    open.abort();
    open = new AbortController();
    const { signal } = open;
    // The button that did it is gone.
    if (said) moved = true;
    const place = route(location.hash);
    say("");
    if (!place) {
        mark(null);
        byId("search").hidden = true;
        byId("view").replaceChildren();
        enter("problem");
        problem("bad-address");
        return;
    }
    mark(place.part);
    enter("loading");
    hideNotice();
    const call = caller(signal);
    const guarded = async (path, method) => {
        try {
            return await call(path, method);
        } catch (error) {
            if (!signal.aborted) problem(error.kind ?? "server", error.told, () => start());
            throw error;
        }
    };
    const shows = place.id === null ? SHOWS[place.part] : showDetail;
    if (place.part === "recordings" && place.id === null) keepSearch(location.hash);
    else byId("search").hidden = true;
    try {
        const made = await shows(place, guarded, start);
        if (signal.aborted) return;
        byId("search").hidden = shows !== showSearch;
        byId("view").replaceChildren(...made);
        enter("ready");
        if (said) say(said);
        focusView(shows);
    } catch (error) {
        if (signal.aborted) return;
        if (!error.kind) problem("server", undefined, () => start());
        byId("view").replaceChildren();
        enter("problem");
    }
}

function focusView(shows) {
    if (moved && shows !== showSearch) byId("view").querySelector("h2")?.focus();
    if (moved && shows === showSearch && document.activeElement === document.body) {
        byId("search-from").focus();
    }
    moved = false;
}

/** What a button did may have been refused: it was told already. */
addEventListener("unhandledrejection", (event) => {
    if (event.reason?.kind || event.reason?.name === "AbortError") event.preventDefault();
});

fillTexts(words);
prepareSearch();
prepareSignIn(() => start());
addEventListener("hashchange", () => {
    moved = true;
    start();
});
start();
