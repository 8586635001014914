// Times as people read them.

import { phrases } from "./texts.js";

const locale = () => navigator.language;

function parts(seconds) {
    const whole = Math.max(0, Math.floor(seconds || 0));
    return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
}

/** `1:02:03`, or `2:03` below an hour. */
export function position(seconds) {
    const [hours, minutes, rest] = parts(seconds);
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** The same in words, for those who listen to the page. */
export function spoken(seconds) {
    const [hours, minutes, rest] = parts(seconds);
    const words = [];
    if (hours) words.push(phrases.hours(hours));
    if (minutes) words.push(phrases.minutes(minutes));
    if (rest || !words.length) words.push(phrases.seconds(rest));
    return words.join(" ");
}

/** Day and time in the reader's own zone, with the zone's name. */
export function moment(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) return "";
    const time = at.toLocaleString(locale(), { dateStyle: "medium", timeStyle: "medium" });
    const zone = Intl.DateTimeFormat(locale(), { timeZoneName: "short" }).formatToParts(at)
        .find((part) => part.type === "timeZoneName")?.value ?? "";
    return phrases.at(time, zone);
}

/** Time of day in the reader's own zone. */
export function timeOfDay(ms) {
    return Number.isFinite(ms) ? new Date(ms).toLocaleTimeString(locale()) : "";
}

/** Bytes in the unit that suits them. */
export function size(bytes) {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
    let unit = 0;
    let number = bytes;
    while (number >= 1000 && unit < units.length - 1) {
        number /= 1000;
        unit += 1;
    }
    const form = { style: "unit", unit: units[unit], maximumFractionDigits: number < 10 ? 1 : 0 };
    return number.toLocaleString(locale(), form);
}
