// What is known about a part beside its sound: spans, categories, sentiment, the e-mail.

import { position } from "./clock.js";
import { byId, make } from "./dom.js";
import { names, phrases, texts } from "./texts.js";

function goTo(seconds, text, onSeek) {
    return make("button", { type: "button", class: "quiet", onclick: () => onSeek(seconds) }, text);
}

/** The silenced and held spans as a list. `parties` names each channel, or is null. */
export function showSpans(spans, parties, onSeek) {
    const items = spans.map((span) => {
        const text = phrases.span(names[span.kind], position(span.from), position(span.to));
        const [only] = span.channels;
        const named = span.channels.size === 1 && parties?.size > 1 && parties.get(only);
        const whole = named ? phrases.onlyOf(text, named) : text;
        return make("li", { "data-kind": span.kind }, goTo(span.from, whole, onSeek));
    });
    byId("span-list").replaceChildren(...items);
    byId("no-spans").hidden = items.length > 0;
}

/** Categories with their places, and what people felt. */
export function showCategories(data, onSeek) {
    const matches = data.categoryMatchesList ?? [];
    byId("categories").hidden = !matches.length;
    byId("category-list").replaceChildren(...matches.map((match) => {
        const name = [match.categoryHierarchy ?? []].flat().join(" › ");
        const places = (match.secondsOffsets ?? [])
            .map((seconds) => goTo(seconds, position(seconds), onSeek));
        return make("li", {}, make("span", {}, name), ...places);
    }));
    const sentiments = data.sentiments ?? [];
    byId("sentiments").hidden = !sentiments.length;
    byId("sentiment-list").replaceChildren(...sentiments.map((sentiment) => {
        const party = (data.participantDataList ?? [])
            .find((one) => one.channel === sentiment.channel);
        const who = names[party?.participantType] ?? "";
        const feeling = names[sentiment.overallSentiment] ?? String(sentiment.overallSentiment);
        return make("li", {}, who ? phrases.sentiment(who, feeling) : feeling);
    }));
}

/** Head and body of an e-mail; the body is shown as text, whatever it holds. */
export function showEmail(content) {
    const place = byId("email");
    place.hidden = !content;
    if (!content) return;
    const fields = ["sentTime", "from", "to", "cc", "bcc", "subject"];
    const given = fields.filter((name) => [content[name] ?? []].flat().join(""));
    const head = make("dl", {}, ...given.flatMap((name) => [
        make("dt", {}, names[name]),
        make("dd", {}, [content[name]].flat().join(", ")),
    ]));
    place.replaceChildren(make("h2", {}, texts.email), head,
        make("div", { class: "mail", dir: "auto" }, content.body ?? ""));
}

/** The parts of the contact, when there are several. */
export function showParts(interactions, chosen, onChoose) {
    byId("parts").hidden = interactions.length < 2;
    byId("part-list").replaceChildren(...interactions.map((interaction, index) => {
        const { title, length } = partTexts(interaction, index);
        const current = index === chosen ? "true" : null;
        const attributes = { type: "button", "aria-current": current, "data-part": index };
        return make("li", {}, make("button", { ...attributes, onclick: () => onChoose(index) },
            make("span", {}, title), make("span", { class: "when" }, length)));
    }));
}

function partTexts(interaction, index) {
    const kind = names[interaction.mediaType] ?? interaction.mediaType;
    const title = phrases.part(index + 1, kind, agentOf(interaction));
    const seconds = (Date.parse(interaction.endTime) - Date.parse(interaction.startTime)) / 1000;
    return { title, length: seconds > 0 ? position(seconds) : "" };
}

/** Name of the agent of a part, if it is told. */
export function agentOf(interaction) {
    const people = interaction.data?.participantDataList ?? interaction.data?.participants ?? [];
    const agent = people.find((one) => one.participantType === "AGENT");
    return agent?.agentName ?? agent?.participantName ?? "";
}
