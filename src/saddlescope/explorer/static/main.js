// The page: tabs, the run that is asked for, and where what comes back goes.

import { fromAddress, toAddress } from "./address.js";
import { usePalette } from "./colours.js";
import { createCurve, showCurve } from "./curve.js";
import { createForm, drawFunctions } from "./form.js";
import { createLeave } from "./leave.js";
import { decoded, short } from "./numbers.js";
import { attach, createShow, forget, redraw, showEvent } from "./show.js";
import { stream, watchServer } from "./stream.js";
import { element } from "./table.js";

const PATIENCE = 150; // ms that a run may take to its picture before a newer move ends it
const page = { setup: null, tab: null, base: null, start: null, form: null, show: null, curve: null, running: null, next: null, moved: null, title: "", latest: null, lesson: null };
const at = (id) => document.getElementById(id);

async function begin() {
  page.setup = await (await fetch("/setup.json")).json();
  usePalette(page.setup.palette);
  for (const family of page.setup.families) {
    for (const { name, tables } of page.setup.given.specs) if ((tables.family ?? "single_index") === family.family) family.starts = { [name]: tables, ...family.starts };
    family.allStarts = Object.keys(family.starts);
    family.kinds = kindsOf(family);
  }
  const tabs = [
    ...page.setup.families.map((family) => [family.family, family.name]),
    ...page.setup.given.results.map((name, k) => [`result-${k}`, name]),
    ["curve", "My curve"],
    ["lessons", "Lessons"],
  ];
  at("tabs").replaceChildren(...tabs.map(([id, name]) => element("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": "panel", "aria-selected": "false", tabindex: "-1", onclick: () => open({ tab: id }) }, name)));
  at("tabs").addEventListener("keydown", moveThroughTabs);
  page.show = createShow(at("shown"), saveAddress);
  page.curve = createCurve(at("curve-fields"), at("shown"), page.setup.given.logs, page.setup.most_log, () => page.latest, say);
  createLeave(at("leave"), leaving, say);
  listLessons();
  addEventListener("hashchange", () => { if (location.hash !== page.saved) openAddress(); });
  watchServer(serverIsThere);
  openAddress();
}

// Keys of the kinds of a table that some starting spec has, for who chooses another kind.
function kindsOf(family) {
  const found = {};
  for (const spec of Object.values(family.starts)) {
    for (const [table, keys] of Object.entries(spec)) {
      if (keys?.kind) ((found[table] ??= {})[keys.kind] ??= keys);
    }
  }
  return found;
}

function startOf(tab, base) {
  const family = page.setup.families.find((one) => one.family === tab);
  return family && (family.starts[base] ?? family.starts[family.allStarts[0]]);
}

function openAddress() {
  const told = fromAddress(location.hash, startOf);
  const known = page.setup.given;
  if (!told.tab) told.tab = known.specs.length ? (known.specs[0].tables.family ?? "single_index") : known.results.length ? "result-0" : known.logs.length ? "curve" : page.setup.families[0].family;
  open(told);
}

function open({ tab, base, spec, view }) {
  if (!at(`tab-${tab}`)) tab = page.setup.families[0].family;
  stop();
  const family = page.setup.families.find((one) => one.family === tab);
  const fresh = tab !== page.tab;
  page.tab = tab;
  for (const button of at("tabs").children) {
    const chosen = button.id === `tab-${tab}`;
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  at("panel").setAttribute("aria-labelledby", `tab-${tab}`);
  at("fields").hidden = !family;
  at("curve-fields").hidden = tab !== "curve";
  at("lessons").hidden = tab !== "lessons";
  at("pictures").hidden = tab === "lessons";
  at("leave").hidden = !family;
  say("");
  if (fresh && tab !== "curve") {
    forget(page.show);
    attach(page.show, at("shown"));
  }
  if (family) {
    page.base = base in family.starts ? base : family.allStarts[0];
    page.start = family.starts[page.base];
    if (view) Object.assign(page.show.view, view);
    page.form = createForm(at("fields"), family, spec ?? structuredClone(page.start), page.base, moved, (name) => open({ tab, base: name }));
    page.moved = null;
    saveAddress();
    run();
  } else {
    page.base = null;
    page.form = null;
    saveAddress();
    if (tab === "curve") showCurve(page.curve);
    if (tab.startsWith("result-")) openResult(Number(tab.slice(7)));
  }
}

function moved(key) {
  page.moved = key;
  saveAddress();
  run();
}

let saving = null;
function saveAddress() {
  if (saving) return;
  saving = setTimeout(() => {
    saving = null;
    const spec = page.form?.spec;
    page.saved = toAddress({ tab: page.tab, base: page.base, spec, start: page.start, view: spec ? page.show.view : null });
    if (location.hash !== page.saved) history.replaceState(null, "", `${location.pathname}${location.search}${page.saved}`);
    document.dispatchEvent(new CustomEvent("saved"));
  }, 250);
}

// A newer move takes the place of the run before. While that is about to show its picture, the newest move waits for
// it, so that a slider that is being dragged shows something on its way; no more than one ever waits.
function run() {
  const young = page.running && !page.running.pictured && performance.now() - page.running.since < PATIENCE;
  if (young) {
    page.next ??= setTimeout(() => { page.next = null; run(); }, Math.max(1, PATIENCE - (performance.now() - page.running.since)));
    return;
  }
  stop();
  follow("/run", { spec: page.form.spec });
}

function stop() {
  clearTimeout(page.next);
  page.next = null;
  page.running?.control.abort();
  page.running = null;
}

function openResult(number) {
  follow("/open", { number });
}

async function follow(path, body) {
  const running = { control: new AbortController(), since: performance.now(), pictured: false, key: null, told: null };
  page.running = running;
  const form = page.form;
  const show = page.show;
  const slow = setTimeout(() => page.running === running && tellProgress(running), 400);
  const on = (name, content) => {
    if (page.running !== running) return;
    if (name === "key") running.key = content.key;
    else if (name === "begin") page.title = content.title;
    else if (name === "points") {
      running.told = content;
      showEvent(show, name, content);
      painted("points");
      if (performance.now() - running.since > 400) tellProgress(running);
    } else if (name === "functions") {
      if (form) drawFunctions(form, decoded(content));
    } else if (["refused", "failed", "starting"].includes(name)) {
      running.said = true;
      say(content.sentence, name !== "starting");
    } else if (name === "cancelled") say("Stopped.");
    else {
      if (name === "picture") {
        running.pictured = true;
        say(page.title ? `${page.title}: solved, comparing with theory ...` : "");
      }
      showEvent(show, name, content);
      if (name === "picture") {
        painted("picture");
        page.latest = { key: running.key, picture: show.picture, title: page.title };
        if (page.next) { clearTimeout(page.next); page.next = null; run(); }
      }
      if (name === "table") { running.said = true; say(page.title); }
    }
  };
  try {
    await stream(path, body, on, running.control.signal);
  } catch (error) {
    if (error.name !== "AbortError" && page.running === running) {
      const lost = error instanceof TypeError && /fetch|network|load/i.test(error.message);
      if (!lost) console.error(error);
      say(lost ? "The server does not answer." : `The page cannot show this: ${error.message}.`, true);
    }
  }
  clearTimeout(slow);
  if (page.running === running) {
    page.running = null;
    performance.mark("done");
    document.dispatchEvent(new CustomEvent("done"));
  }
}

// When what was drawn last is on the screen, for the benchmark of latencies.
function painted(name) {
  requestAnimationFrame(() => setTimeout(() => performance.mark(name), 0));
}

function tellProgress(running) {
  const { done = null, left = null, run: number = 0 } = running.told ?? {};
  const bar = element("progress", { max: "1", "aria-label": "How far the run is" });
  if (done !== null) bar.value = done;
  const halt = element("button", { type: "button", id: "stop", onclick: () => { stop(); say("Stopped."); } }, "stop");
  const words = running.pictured ? "Comparing with theory ..." : `Solving${number ? `, run ${number + 1}` : ""} ...`;
  if (running.bar?.isConnected) {
    if (done !== null) running.bar.value = done;
    running.words.textContent = words + (left ? ` ${short(left, 2)} s left` : "");
    return;
  }
  running.bar = bar;
  running.words = element("span", {}, words);
  at("said").replaceChildren(running.words, bar, halt);
}

function say(text, wrong = false) {
  at("said").replaceChildren(...(text ? [element("span", { class: wrong ? "wrong" : "" }, text)] : []));
}

function leaving() {
  if (!page.show.raw.picture) throw new Error("There is nothing to leave with yet.");
  return { spec: page.form.spec, key: page.moved ?? firstSlider(), raw: page.show.raw, title: page.title, palette: page.setup.palette, view: page.show.view, version: page.setup.version };
}

function firstSlider() {
  return document.querySelector("#fields [data-slider]:not([data-slider*='problem'])")?.dataset.slider ?? "";
}

let away = false;
function serverIsThere(there) {
  at("offline").hidden = there;
  if (there && away && page.form) run();
  away = !there;
}

function moveThroughTabs(event) {
  const tabs = [...at("tabs").children];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  event.preventDefault();
}

function listLessons() {
  at("lessons").replaceChildren(element("h2", {}, "Lessons"), ...page.setup.lessons.map((lesson) =>
    element("div", { class: "lesson" }, element("b", {}, lesson.title), element("p", {}, lesson.about), element("button", { type: "button", "data-lesson": lesson.name, onclick: () => takeStep(lesson, 0) }, "begin"))));
}

function takeStep(lesson, number) {
  const step = lesson.step[number];
  const go = (label, to) => element("button", { type: "button", onclick: () => takeStep(lesson, to) }, label);
  at("lesson").hidden = false;
  at("lesson").replaceChildren(
    element("b", {}, `${lesson.title} (${number + 1} of ${lesson.step.length})`),
    element("p", {}, step.text),
    element("div", { class: "tools" }, ...(number ? [go("back", number - 1)] : []), ...(number + 1 < lesson.step.length ? [go("next", number + 1)] : []),
      element("button", { type: "button", onclick: () => { at("lesson").hidden = true; } }, "leave the lesson")));
  open(fromAddress(step.state, startOf));
}

window.saddlescope = { page, redraw };
begin().catch((error) => say(`The page could not be set up: ${error.message}`, true));
