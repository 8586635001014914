// Who is signed in. Tokens live in this tab's session storage, and end with it.

const KEY = "reelgate.session";
/** A token that ends sooner than this is renewed before it is used, in milliseconds. */
const EARLY_MS = 30_000;

/** Where the gateway's paths begin: pages are one step below it. */
export const base = new URL("../", document.baseURI);

/** Why a sign-in was refused: `wrong`, `forbidden`, `busy`, `network` or `server`. */
export class SignInRefused extends Error {
    constructor(kind, seconds) {
        super(kind);
        this.kind = kind;
        this.seconds = seconds;
    }
}

let session = read();
let renewing = null;

function read() {
    try {
        return JSON.parse(sessionStorage.getItem(KEY));
    } catch {
        return null;
    }
}

function keep(answer) {
    session = answer && {
        access: answer.access_token,
        refresh: answer.refresh_token,
        ends: Date.now() + Number(answer.expires_in || 3600) * 1000,
    };
    if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
    else sessionStorage.removeItem(KEY);
}

async function token(body) {
    let answer;
    try {
        answer = await fetch(new URL("authentication/v1/token/access-key", base), {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body),
            cache: "no-store",
            credentials: "omit",
        });
    } catch {
        throw new SignInRefused("network");
    }
    if (answer.ok) return answer.json();
    if (answer.status === 429) {
        throw new SignInRefused("busy", Number(answer.headers.get("retry-after")) || 60);
    }
    if (answer.status === 403) throw new SignInRefused("forbidden");
    throw new SignInRefused(answer.status < 500 ? "wrong" : "server");
}

/** Signs in with an access key. */
export async function signIn(accessKeyId, accessKeySecret) {
    keep(await token({ accessKeyId, accessKeySecret }));
}

/** Forgets the tokens, and tells the gateway to do so too. */
export function signOut() {
    const refresh = session?.refresh;
    keep(null);
    if (!refresh) return;
    const body = new URLSearchParams({ refresh_token: refresh });
    const told = { method: "POST", body, keepalive: true, credentials: "omit" };
    // Without the gateway the tokens end by themselves.
    fetch(new URL("auth/logout", base), told).catch(() => {});
}

/** Whether there are tokens, good or not. */
export const isSignedIn = () => session !== null;

/**
 * Gets new tokens with the refresh token, once for all who ask at the same time. False when a new
 * sign-in is needed.
 */
export function renew() {
    renewing ??= renewOnce().finally(() => {
        renewing = null;
    });
    return renewing;
}

async function renewOnce() {
    if (!session?.refresh) return false;
    try {
        keep(await token({ grant_type: "refresh_token", refresh_token: session.refresh }));
        return true;
    } catch (error) {
        if (error.kind !== "wrong" && error.kind !== "forbidden") throw error;
        keep(null);
        return false;
    }
}

/** The access token, renewed when it is about to end; null when a sign-in is needed. */
export async function accessToken() {
    if (session && session.ends - Date.now() < EARLY_MS) {
        if (!(await renew())) return null;
    }
    return session?.access ?? null;
}
