// Hearing one channel alone. Web Audio is brought in only when that is asked for: plain playing
// does not depend on it.

export class Channels {
    #elements;
    #context = null;
    #gains = [];

    constructor(elements) {
        this.#elements = elements;
    }

    /** `null` for both; else the channel to hear on both ears, counted from 0. */
    choose(channel) {
        if (!this.#context) {
            if (channel === null) return;
            this.#connect();
        }
        this.#context.resume();
        for (const { from, to, gain } of this.#gains) {
            gain.value = channel === null ? Number(from === to) : Number(from === channel);
        }
    }

    #connect() {
        this.#context = new AudioContext();
        for (const element of this.#elements) {
            const splitter = new ChannelSplitterNode(this.#context, { numberOfOutputs: 2 });
            const merger = new ChannelMergerNode(this.#context, { numberOfInputs: 2 });
            this.#context.createMediaElementSource(element).connect(splitter);
            for (const [from, to] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
                const node = new GainNode(this.#context);
                splitter.connect(node, from).connect(merger, 0, to);
                this.#gains.push({ from, to, gain: node.gain });
            }
            merger.connect(this.#context.destination);
        }
    }
}
