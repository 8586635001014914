// One recording: what its document says, each file with its stages, and what is owed for it.

import { position, size } from "./clock.js";
import { heading, list, mono, objectList, reason, state, table, time } from "./console-parts.js";
import { playerPlace } from "./console-route.js";
import { tell, words } from "./console-texts.js";
import { deliveryActions } from "./console-work.js";
import { make } from "./dom.js";

/** Where the search was when a recording was opened. */
let search = "#/recordings";

/** Keeps the search to go back to. */
export function keepSearch(place) {
    search = place || "#/recordings";
}

const seconds = (ms) => position(ms / 1000);
const bytes = (count) => (count === null || count === undefined ? "" : size(count));

function timeline(stages) {
    return make("ol", { class: "timeline" }, ...stages.map((stage) =>
        make("li", {}, make("span", { class: "when" }, time(stage.at)), state(stage.state),
            stage.reason ? make("span", { class: "mono" }, ` ${stage.reason}`) : "")));
}

function silenced(certificate) {
    if (!certificate?.silencedCount) return "";
    const spans = certificate.silenced.map((span) =>
        make("li", {}, `${seconds(span.fromMs)} – ${seconds(span.toMs)} (${span.reason})`));
    return make("details", {}, make("summary", {}, tell.masked(certificate.silencedCount)),
        make("ul", {}, ...spans));
}

function job(work) {
    if (!work) return "";
    const told = [tell.attempts(work.attempts)];
    const next = !work.running && work.nextTime && make("span", {}, ", ", time(work.nextTime));
    return [told.join(""), next || "", work.lastError ? make("p", {}, work.lastError) : ""];
}

function mediaFile(file) {
    const { content, stored, seal, certificate, receipt } = file;
    const codec = certificate && [certificate.container, certificate.codec].filter(Boolean).join(", ");
    return make("section", { class: "card" },
        make("div", { class: "bar" }, make("h3", { class: "mono" }, file.mediaId), state(file.state)),
        reason(file.reason, file.detail),
        make("h3", {}, words.stages), timeline(file.stages),
        list([
            [words.started, time(file.startTime)],
            [words.file, [file.mediaKind, file.type].filter(Boolean).join(", ")],
            ["Asset", mono(file.assetId)],
            [words.node, mono(file.node)],
            [words.job, job(file.job)],
            [words.receipt, receipt && [bytes(receipt.bytes), make("br"), mono(receipt.sha256)]],
            [words.content, content &&
                [`${bytes(content.bytes)}, ${seconds(content.durationMs)}`, make("br"), mono(content.sha256)]],
            [words.stored, stored && [mono(stored.url), make("br"), bytes(stored.bytes), make("br"),
                mono(stored.sha256)]],
            [words.seal, seal && [seal.mode, seal.cipher, ...(seal.certAlias ?? [])]
                .filter(Boolean).join(", ")],
            ["Codec", codec],
            [words.silenced, silenced(certificate)],
        ]));
}

function owed(deliveries, call, again) {
    const place = make("section", { class: "card" });
    if (!deliveries.length) {
        place.append(make("h2", {}, words.deliveries), make("p", {}, words.noDeliveries));
        return place;
    }
    const columns = [words.target, words.state, words.tries, words.actions];
    place.append(table(words.deliveries, columns, deliveries.map((delivery) => [
        delivery.target,
        state(delivery.state),
        make("ol", {}, ...delivery.tries.map((tried) =>
            make("li", {}, time(tried.at), ` ${tried.outcome}: ${tried.detail}`))),
        deliveryActions(delivery, call, again),
    ])));
    return place;
}

function renditions(rows) {
    const place = make("section", { class: "card" });
    if (!rows.length) {
        place.append(make("h2", {}, words.renditions), make("p", {}, words.noRenditions));
        return place;
    }
    const columns = [words.file, words.state, words.tries, words.size];
    place.append(table(words.renditions, columns, rows.map((one) => [
        mono(one.recipe),
        [state(one.state), one.reason ? make("p", {}, one.reason) : ""],
        String(one.attempts),
        bytes(one.bytes),
    ])));
    return place;
}

/** Shows a recording. */
export async function showDetail({ id }, call, again) {
    const found = await call(`admin/v1/recordings/${encodeURIComponent(id)}`);
    const play = found.segmentId && found.media.some((file) => file.state === "ready") &&
        make("a", { id: "play-link", href: playerPlace(found.segmentId) }, words.play);
    const { agent } = found;
    const head = make("section", { class: "card" },
        make("div", { class: "bar" }, heading(tell.recording(found.recordingId)), play || ""),
        list([
            [words.started, time(found.startTime)],
            [words.agent, [agent.name, agent.userId].filter(Boolean).join(", ")],
            [words.numbers, tell.fromTo(found.callerPhoneNumber, found.dialedPhoneNumber)],
            [words.contact, mono(found.contactId)],
        ]),
        make("details", {}, make("summary", {}, words.document), objectList(found.summary)));
    return [
        make("p", {}, make("a", { href: search }, words.backToSearch)),
        head,
        make("h2", {}, words.media),
        make("div", { class: "parts files" }, ...found.media.map(mediaFile)),
        owed(found.deliveries, call, again),
        renditions(found.renditions),
    ];
}
