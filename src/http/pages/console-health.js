// How the parts of the gateway are.

import { size } from "./clock.js";
import { heading, list, state } from "./console-parts.js";
import { facts, parts, states, tell, words } from "./console-texts.js";
import { make } from "./dom.js";

function shown(name, value) {
    if (name.endsWith("Bytes")) return size(value ?? 0);
    if (name === "milliseconds") return tell.ms(value);
    if (typeof value === "boolean") return value ? tell.yes : tell.no;
    return value === null ? "" : String(value);
}

function certificates(all) {
    return make("ul", {}, ...all.map((one) => make("li", {},
        tell.certificate(one.role, one.issuer, one.serial), ": ", state(one.state), " ",
        tell.days(one.daysLeft))));
}

function part(name, facts_) {
    const { state: word, counts, list: all, ...rest } = facts_;
    const pairs = Object.entries(rest).map(([fact, value]) => [facts[fact] ?? fact, shown(fact, value)]);
    const counted = Object.entries(counts ?? {})
        .map(([fact, count]) => [states[fact]?.[0] ?? fact, String(count)]);
    return make("section", { class: "card", "data-part": name },
        make("div", { class: "bar" }, make("h3", {}, parts[name]), state(word)),
        list([...pairs, ...counted]), all ? certificates(all) : "");
}

/** Shows the health of the node and the tenant. */
export async function showHealth(_, call, again) {
    const health = await call("admin/v1/health");
    const look = make("button", { type: "button", class: "quiet", onclick: () => again() }, words.again);
    const all = Object.keys(parts).filter((name) => health[name]);
    return [
        make("div", { class: "bar" }, heading(words.healthTitle), state(health.state), look),
        make("p", { class: "hint" }, tell.node(health.node, health.version)),
        make("div", { class: "parts" }, ...all.map((name) => part(name, health[name]))),
    ];
}
