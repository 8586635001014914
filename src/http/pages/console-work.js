// What an operator does: another try for a delivery or a quarantined file, and giving a file up.

import { size } from "./clock.js";
import {
    button, confirmed, heading, mono, moreButton, reason, row, say, state, table, time,
} from "./console-parts.js";
import { go, recordingPlace } from "./console-route.js";
import { states, tell, words } from "./console-texts.js";
import { make } from "./dom.js";

const DELIVERY_STATES = ["pending", "doubtful", "delivered", "dead"];

/** The button of a delivery that was not made yet. */
export function deliveryActions(delivery, call, again) {
    if (delivery.state === "delivered") return "";
    const about = `${delivery.target}, ${delivery.recordingId}`;
    return button(words.retry, about, async () => {
        await call(`admin/v1/deliveries/${delivery.deliveryId}/retry`, "POST");
        await again(tell.retried(words.delivery));
    });
}

/** A table that grows by pages. */
function pages({ caption, columns, path, query, items, cells, none }, call, first) {
    const place = make("section", { class: "card" });
    if (!items(first).length) {
        say(none);
        place.append(make("p", {}, none));
        return place;
    }
    const shown = table(caption, columns, items(first).map(cells));
    place.append(shown);
    const offer = (next) => {
        if (!next) return;
        const more = moreButton(async () => {
            more.disabled = true;
            query.set("after", next);
            try {
                const page = await call(`${path}?${query}`);
                const added = items(page).map((one) => row(columns, cells(one)));
                shown.tBodies[0].append(...added);
                added[0]?.querySelector("a")?.focus();
                more.remove();
                offer(page.next);
            } finally {
                more.disabled = false;
            }
        });
        place.append(more);
    };
    offer(first.next);
    return place;
}

/** Deliveries, of one state or all. */
export async function showDeliveries({ query }, call, again) {
    const asked = new URLSearchParams();
    const chosen = query.get("state") ?? "";
    if (chosen) asked.set("state", chosen);
    const path = "admin/v1/deliveries";
    const first = await call(`${path}?${asked}`);
    const choice = make("select", {
        id: "delivery-state",
        autocomplete: "off",
        onchange: () => go(choice.value ? `#/deliveries?state=${choice.value}` : "#/deliveries"),
    }, make("option", { value: "" }, words.all), ...DELIVERY_STATES.map((name) =>
        make("option", { value: name, selected: name === chosen }, states[name][0])));
    const bar = make("div", { class: "bar" }, heading(words.deliveries),
        make("label", {}, words.show, choice));
    const cells = (delivery) => [
        make("a", { href: recordingPlace(delivery.recordingId) }, delivery.recordingId),
        delivery.target,
        [state(delivery.state), delivery.nextTime
            ? make("p", { class: "hint" }, words.next, ": ", time(delivery.nextTime)) : ""],
        time(delivery.createdTime),
        [tell.attempts(delivery.attempts), delivery.lastTry
            ? make("p", { class: "hint" }, `${delivery.lastTry.outcome}: ${delivery.lastTry.detail}`)
            : ""],
        deliveryActions(delivery, call, again),
    ];
    const columns = ["recording", "target", "state", "created", "tries", "actions"]
        .map((name) => words[name]);
    const items = (page) => page.deliveries;
    const what = { caption: words.owed, columns, path, query: asked, items, cells, none: words.noneOwed };
    return [bar, pages(what, call, first)];
}

async function erase(file, call, again) {
    const lost = tell.lost(file.mediaId, file.recordingId, size(file.bytes ?? 0));
    const question = { title: words.eraseTitle, lines: [lost, tell.after], yes: words.eraseYes };
    if (!(await confirmed(question))) return;
    await call(`admin/v1/quarantine/${file.assetId}/erase`, "POST");
    await again(tell.erased(file.mediaId));
}

/** Files that are held back. */
export async function showQuarantine(_, call, again) {
    const path = "admin/v1/quarantine";
    const first = await call(path);
    const actions = (file) => {
        if (!file.here) return make("p", { class: "hint" }, tell.elsewhere(file.node));
        return make("div", { class: "actions" },
            button(words.retry, file.mediaId, async () => {
                await call(`${path}/${file.assetId}/retry`, "POST");
                await again(tell.retried(file.mediaId));
            }),
            button(words.erase, file.mediaId, () => erase(file, call, again), "danger-quiet"));
    };
    const cells = (file) => [
        mono(file.mediaId),
        make("a", { href: recordingPlace(file.recordingId) }, file.recordingId),
        reason(file.reason, file.detail),
        time(file.since),
        file.bytes === null ? "" : size(file.bytes),
        actions(file),
    ];
    const columns = ["file", "recording", "reason", "since", "size", "actions"]
        .map((name) => words[name]);
    const what = {
        caption: words.held,
        columns,
        path,
        query: new URLSearchParams(),
        items: (page) => page.assets,
        cells,
        none: words.noneHeld,
    };
    return [heading(words.quarantine), pages(what, call, first)];
}
