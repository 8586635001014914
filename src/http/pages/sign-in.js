// The form that asks for an access key.

import { byId } from "./dom.js";
import { isSignedIn, signIn, signOut } from "./session.js";
import { signInProblems, texts } from "./texts.js";

let asking = null;
let answered = null;

/** Prepares the form and the button that signs out; `onSignOut` is called after that. */
export function prepareSignIn(onSignOut) {
    byId("sign-in-form").addEventListener("submit", submit);
    byId("sign-out").addEventListener("click", () => {
        leave();
        onSignOut();
    });
    showSignOut();
}

/** Signs out, and leaves nothing of who was there. */
export function leave() {
    signOut();
    byId("sign-in-form").reset();
}

function showSignOut() {
    byId("sign-out").hidden = !isSignedIn();
}

function complain(text, field) {
    const place = byId("sign-in-problem");
    place.textContent = text;
    for (const name of ["access-key-id", "access-key-secret"]) {
        byId(name).toggleAttribute("aria-invalid", Boolean(text) && (!field || field === name));
    }
}

/** Shows the form until somebody is signed in. `ended` says that a sign-in ran out. */
export function askToSignIn(ended) {
    asking ??= new Promise((resolve) => {
        answered = resolve;
    });
    showSignOut();
    complain(ended ? signInProblems.ended : "");
    byId("sign-in").hidden = false;
    byId(byId("access-key-id").value ? "access-key-secret" : "access-key-id").focus();
    return asking;
}

async function submit(event) {
    event.preventDefault();
    const [id, secret, button] = ["access-key-id", "access-key-secret", "sign-in-button"].map(byId);
    const empty = [id, secret].find((field) => !field.value.trim());
    if (empty) {
        complain(signInProblems.missing, empty.id);
        empty.focus();
        return;
    }
    button.disabled = true;
    button.textContent = texts.signingIn;
    try {
        await signIn(id.value.trim(), secret.value.trim());
        secret.value = "";
        complain("");
        byId("sign-in").hidden = true;
        asking = null;
        showSignOut();
        answered();
    } catch (error) {
        const text = signInProblems[error.kind] ?? signInProblems.server;
        complain(typeof text === "function" ? text(error.seconds) : text);
        secret.focus();
        secret.select();
    } finally {
        button.disabled = false;
        button.textContent = texts.signIn;
    }
}
