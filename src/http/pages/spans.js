// Spans of a recording that are silenced or held, in seconds of the file.

const KINDS = new Set(["MASK", "HOLD"]);
/** Spans of voice and screen that differ by less are one. */
const SAME_S = 0.05;

const secondsBetween = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;

function stagesOf(participant) {
    return [...(participant.voiceStages ?? []), ...(participant.screenStages ?? [])]
        .filter((stage) => KINDS.has(stage.stageType));
}

/** `[{kind, from, to, channels}]` of an interaction, by time; `channels` is a set of numbers. */
export function spansOf(interaction) {
    const found = [];
    for (const participant of interaction.data?.participantDataList ?? []) {
        for (const stage of stagesOf(participant)) {
            const from = Math.max(0, secondsBetween(interaction.startTime, stage.startTime));
            const to = secondsBetween(interaction.startTime, stage.endTime);
            if (!(to > from)) continue;
            found.push({ kind: stage.stageType, from, to, channel: participant.channel });
        }
    }
    found.sort((a, b) => a.from - b.from || a.to - b.to);
    const spans = [];
    for (const { kind, from, to, channel } of found) {
        const same = spans.findLast((span) => span.kind === kind
            && Math.abs(span.from - from) < SAME_S && Math.abs(span.to - to) < SAME_S);
        if (same) same.channels.add(channel);
        else spans.push({ kind, from, to, channels: new Set([channel]) });
    }
    return spans;
}

/** The span that a place lies in. */
export const spanAt = (spans, seconds) =>
    spans.find((span) => seconds >= span.from && seconds < span.to);
