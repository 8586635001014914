// Asks the gateway until there is an answer, or a reason why there is none.

import { after } from "./dom.js";
import { accessToken, base, renew } from "./session.js";

/** What a wait lasts when the server does not say, in seconds. */
const WAIT_S = 5;
const LONGEST_WAIT_S = 300;

/** Why there is no recording; `kind` names a text of `notices`. */
export class Refused extends Error {
    constructor(kind, message) {
        super(message ?? kind);
        this.kind = kind;
        this.told = message;
    }
}

/** Kinds by status, for those that end the asking. */
function refusal(status, body) {
    const told = body?.message;
    if (status === 403) return new Refused("forbidden", told);
    if (status === 404) {
        const kinds = { ARCHIVED: "archived", NO_MEDIA: "no-media" };
        return new Refused(kinds[body?.internalCode] ?? "not-found", told);
    }
    if (status === 409) return new Refused("conflict", told);
    return new Refused(status < 500 ? "bad-request" : "server", told);
}

/** Kinds by status, for those that pass by themselves. */
const PASSING = { 202: "preparing", 425: "locked", 429: "busy" };

function waitSeconds(headers) {
    const told = Number(headers.get("retry-after"));
    const seconds = Number.isFinite(told) && told > 0 ? told : WAIT_S;
    return Math.min(seconds, LONGEST_WAIT_S);
}

async function once(url, { method, signal }) {
    const bearer = await accessToken();
    if (!bearer) return null;
    try {
        return await fetch(url, {
            method,
            headers: { authorization: `Bearer ${bearer}`, accept: "application/json" },
            cache: "no-store",
            credentials: "omit",
            signal,
        });
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new Refused("network");
    }
}

/**
 * Asks for a path below the gateway, by GET if no other method is named. `needSignIn` is awaited whenever the tokens are no good;
 * `onWait(kind, seconds)` hears of each wait and may return a promise that ends it early.
 * Gives the body and the server's own time of it; throws `Refused`.
 */
export async function ask(path, { method = "GET", signal, needSignIn, onWait }) {
    const url = new URL(path, base);
    for (let renewed = false; ;) {
        let answer;
        try {
            answer = await once(url, { method, signal });
            if (answer?.status === 401 && !renewed && (await renew())) {
                renewed = true;
                continue;
            }
        } catch (error) {
            // The refresh token could not be used just now; it may be good.
            if (error.name === "AbortError" || error instanceof Refused) throw error;
            throw new Refused(error.kind === "network" ? "network" : "server");
        }
        signal?.throwIfAborted();
        if (!answer || answer.status === 401) {
            await needSignIn(Boolean(answer));
            signal?.throwIfAborted();
            renewed = false;
            continue;
        }
        const body = await answer.json().catch(() => null);
        signal?.throwIfAborted();
        const passing = PASSING[answer.status];
        if (passing) {
            const seconds = waitSeconds(answer.headers);
            await Promise.race([after(seconds * 1000, signal), onWait(passing, seconds)]);
            continue;
        }
        if (answer.status !== 200 || !body) throw refusal(answer.status, body);
        return { body, servedMs: Date.parse(answer.headers.get("date")) || Date.now() };
    }
}
