// Playing with the keyboard.

const STEP_S = 5;
const LONG_STEP_S = 30;
const JUMP_S = 10;

/** Whether an element under the focus needs this key itself. */
function isTaken(target, key) {
    if (target.closest("select, textarea, input:not([type=range], [type=radio], [type=checkbox])")) {
        return true;
    }
    const own = target.closest("input") ? /^(Arrow.*|Home|End|Page.*| )$/ : null;
    if (own?.test(key)) return true;
    return (key === " " || key === "Enter") && Boolean(target.closest("button, a, summary"));
}

/** What a key does to the deck; undefined when it does nothing. */
function actOf(event, deck) {
    const step = event.shiftKey ? LONG_STEP_S : STEP_S;
    const by = (seconds) => () => deck.seek(deck.time + seconds);
    const onSlider = event.target.closest("[role=slider]");
    const acts = {
        " ": () => deck.toggle(),
        k: () => deck.toggle(),
        j: by(-JUMP_S),
        l: by(JUMP_S),
        m: () => {
            deck.muted = !deck.muted;
        },
        ArrowLeft: by(-step),
        ArrowRight: by(step),
    };
    const sliderActs = {
        ArrowDown: by(-step),
        ArrowUp: by(step),
        PageDown: by(-deck.duration / 10),
        PageUp: by(deck.duration / 10),
        Home: () => deck.seek(0),
        End: () => deck.seek(deck.duration),
    };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^[0-9]$/.test(key)) return () => deck.seek((deck.duration * Number(key)) / 10);
    return acts[key] ?? (onSlider ? sliderActs[key] : undefined);
}

/** Listens on the whole document while `isOn` says so. */
export function listenToKeys(deck, isOn) {
    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
        if (!isOn() || isTaken(event.target, event.key)) return;
        const act = actOf(event, deck);
        if (!act) return;
        event.preventDefault();
        act();
    });
}
