// Buttons and fields of the player, kept in step with the deck.

import { byId, make } from "./dom.js";
import { phrases, texts } from "./texts.js";

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const JUMP_S = 10;

function label(button, text) {
    if (button.getAttribute("aria-label") === text) return;
    button.setAttribute("aria-label", text);
    button.title = text;
}

function show(deck) {
    const play = byId("play");
    label(play, deck.isPlaying ? texts.pause : texts.play);
    play.dataset.playing = String(deck.isPlaying);
    const mute = byId("mute");
    const silent = deck.muted || deck.volume === 0;
    label(mute, silent ? texts.unmute : texts.mute);
    mute.dataset.muted = String(silent);
    byId("volume").value = String(Math.round(deck.volume * 100));
    byId("speed").value = String(deck.rate);
    byId("buffering").hidden = !deck.isWaiting;
}

/** Connects the controls with the deck and with the choice of channels. */
export function prepareControls(deck, channels) {
    byId("speed").append(...RATES.map((rate) =>
        make("option", { value: rate, selected: rate === 1 }, phrases.speed(rate))));
    byId("play").addEventListener("click", () => deck.toggle());
    byId("back").addEventListener("click", () => deck.seek(deck.time - JUMP_S));
    byId("forward").addEventListener("click", () => deck.seek(deck.time + JUMP_S));
    byId("mute").addEventListener("click", () => {
        deck.muted = !deck.muted;
    });
    byId("volume").addEventListener("input", (event) => {
        deck.volume = Number(event.target.value) / 100;
        deck.muted = false;
    });
    byId("speed").addEventListener("change", (event) => {
        deck.rate = Number(event.target.value);
    });
    byId("channels").addEventListener("change", (event) => {
        const channel = event.target.dataset.channel;
        channels.choose(channel === undefined ? null : Number(channel));
    });
    deck.addEventListener("change", () => show(deck));
    show(deck);
}

/** Offers the parties' channels (counted from 0), or takes the choice away. */
export function offerChannels(channels, parties) {
    byId("channels").hidden = parties === null;
    byId("channel-both").checked = true;
    channels.choose(null);
    if (!parties) return;
    byId("channel-agent").dataset.channel = String(parties.agent);
    byId("channel-customer").dataset.channel = String(parties.customer);
}
