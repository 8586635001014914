// The download page: finds what the address names, and has the browser save it.

import { ask } from "./api.js";
import { size } from "./clock.js";
import { byId, fillTexts, make } from "./dom.js";
import { showNotice, showWait } from "./notice.js";
import { downloadPath } from "./route.js";
import { askToSignIn, leave, prepareSignIn } from "./sign-in.js";
import { phrases, texts } from "./texts.js";

const main = byId("main");
let open = new AbortController();

function problem(kind, told) {
    main.dataset.state = "problem";
    const actions = [[texts.retry, start]];
    if (kind === "forbidden" || kind === "not-found") {
        actions.push([texts.otherUser, () => {
            leave();
            start();
        }]);
    }
    showNotice(kind, { told, actions: kind === "bad-address" ? [] : actions });
}

async function needSignIn(ended) {
    main.dataset.state = "sign-in";
    byId("notice").hidden = true;
    await askToSignIn(ended);
    main.dataset.state = "asking";
    showNotice("asking");
}

/** Name and length of a file that the browser is about to save; null when nobody may ask. */
async function described(url) {
    if (url.origin !== location.origin) return null;
    let answer;
    try {
        answer = await fetch(url, { method: "HEAD", cache: "no-store" });
    } catch {
        throw Object.assign(new Error("no answer"), { kind: "network" });
    }
    if (!answer.ok) {
        const kind = { 403: "revoked", 404: "not-found" }[answer.status] ?? "server";
        throw Object.assign(new Error("no file"), { kind });
    }
    const name = /filename="([^"]*)"/.exec(answer.headers.get("content-disposition"))?.[1];
    return { name, bytes: Number(answer.headers.get("content-length")) };
}

/** Saves what a link gives, under the name that the server gives it. */
function save(url) {
    const link = make("a", { href: url, download: "", hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
}

async function start() {
    open.abort();
    open = new AbortController();
    const { signal } = open;
    const path = downloadPath(location.hash);
    byId("file").textContent = "";
    if (!path) return problem("bad-address");
    main.dataset.state = "asking";
    showNotice("asking");
    try {
        const { body } = await ask(path, { signal, needSignIn, onWait: showWait });
        if (!body.redirectUrl) return problem("no-media");
        showNotice("checking");
        const url = new URL(body.redirectUrl, document.baseURI);
        if (!/^https?:$/.test(url.protocol)) return problem("server");
        const file = await described(url);
        signal.throwIfAborted();
        save(url);
        main.dataset.state = "saving";
        showNotice("saving", { actions: [[texts.download, start]] });
        if (file?.name) byId("file").textContent = phrases.file(file.name, size(file.bytes));
    } catch (error) {
        if (!signal.aborted) problem(error.kind ?? "server", error.told);
    }
}

fillTexts();
prepareSignIn(start);
addEventListener("hashchange", start);
start();
