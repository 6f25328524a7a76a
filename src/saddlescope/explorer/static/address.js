// The state of the page in the part of the address after #: the family, what it starts from, and what differs.

import { write } from "./form.js";

// #/single_index/start?dynamics.epsilon=1e-6&view.log-values=1
export function toAddress({ tab, base, spec, start, view }) {
  const words = [];
  if (spec) {
    const [own, before] = [leaves(spec), leaves(start)];
    for (const [key, value] of Object.entries(own)) if (JSON.stringify(before[key]) !== JSON.stringify(value)) words.push([key, JSON.stringify(value)]);
    for (const key of Object.keys(before)) if (!(key in own)) words.push([key, ""]);
  }
  if (view) {
    if (view.logTime !== null) words.push(["view.log-time", view.logTime ? "1" : "0"]);
    if (view.logValues) words.push(["view.log-values", "1"]);
    if (view.below !== null) words.push(["view.below", view.below]);
    if (view.now !== null) words.push(["view.now", String(Number(view.now.toPrecision(4)))]);
    if (view.range) words.push(["view.range", view.range.map((t) => Number(t.toPrecision(4))).join("_")]);
  }
  const query = words.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
  return `#/${tab}${base ? `/${encodeURIComponent(base)}` : ""}${query ? `?${query}` : ""}`;
}

// What an address says; `starts(tab, base)` returns the spec that its differences apply to.
export function fromAddress(hash, starts) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [tab, base] = path.split("/").map(decodeURIComponent);
  const start = starts(tab, base);
  const spec = start && structuredClone(start);
  const view = { logTime: null, logValues: false, below: null, range: null, now: null };
  for (const word of query.split("&").filter(Boolean)) {
    const at = word.indexOf("=");
    const key = word.slice(0, at);
    let text = "";
    try {
      text = decodeURIComponent(word.slice(at + 1));
    } catch {
      continue; // an address that was cut
    }
    if (key === "view.log-time") view.logTime = text === "1";
    else if (key === "view.log-values") view.logValues = text === "1";
    else if (key === "view.below") view.below = text;
    else if (key === "view.now") view.now = Number(text) > 0 ? Number(text) : null;
    else if (key === "view.range") view.range = rangeOf(text);
    else if (spec && /^[\w.]+$/.test(key) && !/__proto__|prototype|constructor/.test(key)) writeTyped(spec, key, text);
  }
  return { tab, base, spec, start, view };
}

function rangeOf(text) {
  const [low, high] = text.split("_").map(Number);
  return low < high ? [low, high] : null;
}

function writeTyped(spec, key, text) {
  if (text === "") {
    write(spec, key, undefined);
    return;
  }
  try {
    write(spec, key, JSON.parse(text));
  } catch {
    write(spec, key, text);
  }
}

function leaves(value, prefix = "", found = {}) {
  const inner = value !== null && typeof value === "object";
  const tables = inner && (!Array.isArray(value) || (value.length > 0 && value.every((one) => one !== null && typeof one === "object" && !Array.isArray(one))));
  if (!tables) {
    found[prefix] = value;
    return found;
  }
  for (const [key, one] of Object.entries(value)) leaves(one, prefix ? `${prefix}.${key}` : key, found);
  return found;
}
