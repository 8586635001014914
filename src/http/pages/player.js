// The player page: finds what the address names, and plays it.

import { ask } from "./api.js";
import { Channels } from "./channels.js";
import { moment, position, timeOfDay } from "./clock.js";
import { offerChannels, prepareControls } from "./controls.js";
import { Deck } from "./deck.js";
import { agentOf, showCategories, showEmail, showParts, showSpans } from "./details.js";
import { byId, fillTexts } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { Link } from "./link.js";
import { hideNotice, showNotice, showWait } from "./notice.js";
import { playerPath } from "./route.js";
import { askToSignIn, leave, prepareSignIn } from "./sign-in.js";
import { spansOf } from "./spans.js";
import { names, texts } from "./texts.js";
import { Transcript } from "./transcript.js";
import { Waveform } from "./waveform.js";

/** A fresh link needs nothing else of the answer. */
const LINK_ONLY = "&exclude-waveforms=true&exclude-qm-categories=true";

const main = byId("main");
const elements = [...byId("stage").querySelectorAll("video")];
const deck = new Deck(elements);
const channels = new Channels(elements);
const waveform = new Waveform(byId("position"), (seconds) => deck.seek(seconds));
const transcript = new Transcript(byId("lines"), byId("follow"), (seconds) => deck.seek(seconds));
/** Of the address that is open; aborted when another one is. */
let open = new AbortController();
/** What is on show: rows of the waveform, spans, start and expected length. */
let part = null;
/** Whether the form that had the focus is gone. */
let takesFocus = false;

function enter(state) {
    main.dataset.state = state;
    byId("player").hidden = state !== "ready";
}

function problem(kind, told) {
    const actions = [[texts.retry, () => (part?.hasMedia ? retryMedia() : start())]];
    if (kind === "forbidden" || kind === "not-found") {
        actions.push([texts.otherUser, () => {
            leave();
            start();
        }]);
    }
    if (kind === "bad-address") actions.length = 0;
    showNotice(kind, { told, actions });
}

function retryMedia() {
    hideNotice();
    deck.retry();
}

/** Asks for the sign-in, and shows what was on show before when that is done. */
async function needSignIn(ended) {
    const before = main.dataset.state;
    if (before !== "ready") {
        hideNotice();
        enter("sign-in");
    }
    await askToSignIn(ended);
    if (before === "ready") return;
    enter("loading");
    showNotice("loading");
    takesFocus = true;
}

/** Opens what the address names. */
async function start() {
    open.abort();
    open = new AbortController();
    const { signal } = open;
    part = null;
    deck.close();
    enter("loading");
    const path = playerPath(location.hash);
    if (!path) {
        enter("problem");
        problem("bad-address");
        return;
    }
    showNotice("loading");
    try {
        const answer = await ask(path, { signal, needSignIn, onWait: showWait });
        show(answer, path, signal);
    } catch (error) {
        if (signal.aborted) return;
        enter("problem");
        problem(error.kind ?? "server", error.told);
    }
}

function show({ body, servedMs }, path, signal) {
    performance.mark("player:answered");
    const interactions = body.interactions ?? [];
    if (!interactions.length) {
        enter("problem");
        problem("no-media");
        return;
    }
    hideNotice();
    enter("ready");
    const choose = (index) => {
        showParts(interactions, index, (other) => {
            choose(other);
            byId("part-list").querySelector(`[data-part="${other}"]`)?.focus();
        });
        showPart(interactions[index], { index, path, signal, servedMs });
    };
    choose(0);
    if (takesFocus) byId(part.hasMedia ? "play" : "lines").focus();
    takesFocus = false;
    requestAnimationFrame(() => {
        performance.mark("player:drawn");
        performance.measure("player:page-work", "player:answered", "player:drawn");
    });
}

const idOf = (interaction) => [
    interaction["@type"],
    interaction.data?.segmentsDataList?.[0]?.segmentId,
    interaction.startTime,
].join(" ");

/** Asks again for the link to the file of this part. */
async function freshLink(interaction, { index, path, signal }) {
    // Nobody is told of waits: the old link may play on meanwhile.
    const onWait = () => new Promise(() => {});
    const { body, servedMs } = await ask(path + LINK_ONLY, { signal, needSignIn, onWait });
    const all = body.interactions ?? [];
    const same = all.find((one) => idOf(one) === idOf(interaction)) ?? all[index];
    const url = same?.data?.fileToPlayUrl;
    if (!url) throw Object.assign(new Error("no media"), { kind: "no-media" });
    return new Link(url, servedMs);
}

/** Channel numbers of agent and customer, as the participants say. */
function partiesOf(interaction) {
    const of = (type) => (interaction.data.participantDataList ?? [])
        .find((one) => one.participantType === type && one.channel > 0)?.channel;
    return { agent: of("AGENT") ?? 1, customer: of("CUSTOMER") ?? 2 };
}

/** Rows of the waveform: the agent above. */
function rowsOf(interaction, parties) {
    const waves = interaction.data.waveformDataList ?? [];
    const rows = waves.map(({ channel, normalizedPcmData }) => ({
        channel,
        points: normalizedPcmData ?? [],
        shade: channel === parties.customer ? "customer" : "agent",
    }));
    rows.sort((a, b) => (a.shade === b.shade ? a.channel - b.channel : a.shade < b.shade ? -1 : 1));
    return rows.length ? rows : [{ channel: parties.agent, points: [], shade: "agent" }];
}

function showPart(interaction, context) {
    const data = interaction.data ?? {};
    interaction.data = data;
    const begin = Date.parse(interaction.startTime);
    const url = data.fileToPlayUrl;
    const parties = partiesOf(interaction);
    const rows = rowsOf(interaction, parties);
    const length = (Date.parse(interaction.endTime) - begin) / 1000 || 0;
    part = { begin, rows, spans: spansOf(interaction), length, hasMedia: Boolean(url) };
    showHead(interaction);
    byId("media").hidden = !url;
    byId("details").hidden = !url;
    byId("stage").hidden = !/screen/i.test(interaction.mediaType ?? "");
    hideNotice();
    if (url) {
        const link = new Link(url, context.servedMs);
        const two = rows.length > 1 && link.isOurs;
        offerChannels(channels, two
            ? { agent: parties.agent - 1, customer: parties.customer - 1 } : null);
        waveform.show(rows, part.spans, length);
        deck.open(link, () => freshLink(interaction, context));
    } else {
        deck.close();
        if (!data.messages?.length && !data.content) problem("no-media");
    }
    const named = rows.length > 1
        ? new Map([[parties.agent, names.AGENT], [parties.customer, names.CUSTOMER]]) : null;
    showSpans(part.spans, named, (seconds) => deck.seek(seconds));
    showCategories(data, (seconds) => deck.seek(seconds));
    showEmail(data.content);
    showTranscript(data, url ? begin : null);
    follow();
}

function showHead(interaction) {
    const agent = agentOf(interaction);
    const when = moment(interaction.startTime);
    byId("who").textContent = agent || names[interaction.mediaType] || texts.playerTitle;
    byId("when").textContent = when;
    document.title = [texts.playerTitle, agent, when].filter(Boolean).join(" · ");
}

function showTranscript(data, begin) {
    const messages = data.messages ?? [];
    byId("talk").hidden = Boolean(data.content) && !messages.length;
    byId("no-transcript").hidden = messages.length > 0;
    byId("lines").hidden = !messages.length;
    byId("follow-choice").hidden = !messages.length || begin === null;
    transcript.show(messages, begin);
}

/** Puts everything that moves where the deck is. */
function follow() {
    if (!part?.hasMedia) return;
    const seconds = deck.time;
    waveform.at(seconds);
    byId("at").textContent = position(seconds);
    byId("whole").textContent = position(part.length);
    byId("clock").textContent = timeOfDay(part.begin + seconds * 1000);
    transcript.at(seconds);
}

/** The file knows its length better than the times of the call do. */
function measure() {
    if (!part?.hasMedia || !deck.duration) return;
    if (deck.hasPicture) byId("stage").hidden = false;
    if (Math.abs(deck.duration - part.length) < 0.01) return;
    part.length = deck.duration;
    waveform.show(part.rows, part.spans, part.length);
}

fillTexts();
prepareSignIn(() => {
    open.abort();
    part = null;
    deck.close();
    start();
});
prepareControls(deck, channels);
listenToKeys(deck, () => main.dataset.state === "ready" && part?.hasMedia);
deck.addEventListener("time", follow);
deck.addEventListener("change", () => {
    measure();
    follow();
    const comes = deck.isPlaying && !deck.isWaiting;
    if (comes && byId("notice").dataset.kind === "network") hideNotice();
});
deck.addEventListener("problem", ({ detail }) => {
    // Told once, however often it is found.
    if (byId("notice").dataset.kind !== detail) problem(detail);
});
deck.addEventListener("renewed", () => {
    hideNotice();
    main.dataset.renewed = String(Number(main.dataset.renewed ?? 0) + 1);
});
addEventListener("hashchange", start);
start();
