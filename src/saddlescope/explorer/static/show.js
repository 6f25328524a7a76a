// All that is shown of a run: the level and what moves below it on one axis of time, the state, the table.
// The page and the exported file show a run by this same code.

import { whenColoursChange } from "./colours.js";
import { decoded, short } from "./numbers.js";
import { drawPlot, inWords, refill, rowsOf } from "./plot.js";
import { drawState, stateInWords } from "./state.js";
import { comparisonTable, dataTable, element } from "./table.js";

export function createShow(holder, onView = () => {}) {
  const show = {
    picture: null, predicted: null, table: null, states: null, raw: {},
    view: { logTime: null, logValues: false, below: null, range: null, now: null },
    main: null, below: null, frame: 0, live: null,
  };
  const parts = skeleton(show, onView);
  show.parts = parts;
  attach(show, holder);
  show.onView = onView;
  whenColoursChange(() => redraw(show));
  new ResizeObserver(() => resize(show)).observe(holder);
  return show;
}

export function attach(show, holder) {
  holder.replaceChildren(...show.parts.all);
}

function skeleton(show, onView) {
  const toggle = (label, name, act) => element("button", { type: "button", "aria-pressed": "false", "data-name": name, onclick: act }, label);
  const changed = () => { redraw(show); onView(); };
  const logTime = toggle("log time", "log-time", () => { show.view.logTime = !usesLogTime(show); show.view.range = null; changed(); });
  const logValues = toggle("log values", "log-values", () => { show.view.logValues = !show.view.logValues; changed(); });
  const all = element("button", { type: "button", "data-name": "all", onclick: () => { show.view.range = null; changed(); } }, "show all");
  const choose = element("select", { "aria-label": "What is drawn below", onchange: () => { show.view.below = choose.value; changed(); } });
  const tools = element("div", { class: "tools" }, logTime, logValues, all, element("span", { class: "spring" }), element("label", {}, "below: ", choose));
  const plot = (name) => element("div", { class: "plot", id: `plot-${name}`, tabindex: "0", role: "group", "aria-describedby": "plot-keys" });
  const [main, below] = [plot("main"), plot("below")];
  for (const one of [main, below]) {
    one.addEventListener("reset", () => { show.view.range = null; changed(); });
    one.addEventListener("dblclick", () => { show.view.range = null; changed(); });
  }
  const title = element("p", { class: "plot-title" });
  const titleBelow = element("p", { class: "plot-title" });
  const caption = element("p", { class: "caption", id: "read", "aria-live": "polite" });
  const keys = element("p", { class: "caption", id: "plot-keys" }, "Drag over a plot to zoom. With the keyboard: arrows move the cursor, + and − zoom, 0 shows all. A click sets the time of the state.");
  const scrub = element("input", { type: "range", min: "0", value: "0", "aria-label": "Time of the state", oninput: () => { setFrame(show, Number(scrub.value)); onView(); } });
  const play = element("button", { type: "button", "data-name": "play", onclick: () => playFrames(show) }, "play");
  const at = element("output");
  const canvas = element("canvas", { role: "img" });
  const words = element("p", { class: "caption" });
  const state = element("section", { class: "state", hidden: true, "aria-label": "State" }, element("h3", {}, "State"), element("div", { class: "scrub" }, play, scrub, at), canvas, words);
  const table = element("section", { id: "comparison", "aria-label": "Predicted beside measured" });
  const data = element("div", {});
  return {
    all: [tools, title, main, caption, titleBelow, below, keys, data, table, state],
    tools, logTime, logValues, choose, main, below, title, titleBelow, caption, keys, scrub, play, at, canvas, words, state, table, data,
  };
}

function usesLogTime(show) {
  return show.view.logTime ?? show.picture?.log_time ?? true;
}

// Events of a run, as the server sends them.
export function showEvent(show, name, content) {
  if (name === "picture") {
    show.raw = { picture: content };
    show.live = null;
    show.picture = decoded(content);
    show.predicted = null;
    redraw(show);
  } else if (name === "predicted") {
    show.raw.predicted = content;
    show.predicted = decoded(content);
    redraw(show);
  } else if (name === "table") {
    show.raw.table = content;
    show.table = content;
    show.parts.table.replaceChildren(element("h3", {}, "Predicted beside measured"), ...comparisonTable(content));
  } else if (name === "states") {
    show.raw.states = content;
    show.states = decoded(content);
    placeStates(show);
  } else if (name === "points") {
    addPoints(show, decoded(content));
  }
}

export function forget(show) {
  Object.assign(show, { picture: null, predicted: null, table: null, states: null, live: null, raw: {} });
  show.parts.table.replaceChildren();
  show.parts.state.hidden = true;
  show.view = { logTime: null, logValues: false, below: null, range: null, now: null };
  show.parts.title.textContent = show.parts.titleBelow.textContent = "";
  show.parts.data.replaceChildren();
  for (const name of ["main", "below"]) destroy(show, name);
}

function addPoints(show, points) {
  if (points.values === null) return;
  if (show.live?.run !== points.run) show.live = { run: points.run, time: [], values: [] };
  show.live.time.push(...points.time);
  show.live.values.push(...points.values);
  if (!show.picture) {
    // nothing is drawn yet: the points alone
    const positive = show.live.time.map((t, k) => [t, show.live.values[k]]).filter(([t]) => t > 0);
    if (positive.length < 2) return;
    const time = positive.map(([t]) => t);
    const told = { ...plain("level", time), lines: [{ name: "running", ink: true, values: positive.map(([, v]) => v) }], fromZero: true };
    show.parts.title.textContent = "running ...";
    place(show, "main", { ...told, range: [time[0], time.at(-1)], logTime: usesLogTime(show) });
  } else if (show.main) {
    show.main.told.live = show.live;
    show.main.plot.redraw(false);
  }
}

function plain(label, time) {
  return { label, time, timeLabel: "time t", layers: [], total: null, logTime: true, logValues: false, height: 300, predicted: null };
}

export function redraw(show) {
  const { picture, view, parts } = show;
  if (!picture) return;
  const logTime = usesLogTime(show);
  const end = picture.time.at(-1);
  const whole = logTime ? [picture.view[0], end] : [picture.time[0], picture.view[1]];
  const range = view.range ?? whole;
  parts.logTime.setAttribute("aria-pressed", String(logTime));
  parts.logValues.setAttribute("aria-pressed", String(view.logValues));
  const common = {
    time: picture.time, timeLabel: picture.time_label, logTime, range, live: show.live, now: timeOfState(show),
    onRange: (low, high) => followRange(show, low, high, whole),
  };
  const main = {
    ...common, label: picture.main.label, layers: picture.main.layers, total: picture.main.total, lines: picture.main.lines,
    predicted: show.predicted, logValues: view.logValues, height: 320, namesMarks: true, fromZero: true,
  };
  parts.title.textContent = `${picture.main.label}${picture.main.layers.length > 1 && !view.logValues ? ", stacked" : ""}${show.predicted ? "; dashed: predicted" : ""}`;
  place(show, "main", main);
  placeBelow(show, common);
  parts.data.replaceChildren(
    dataTable(`Numbers of the picture above`, () => rowsOf(show.main.told)),
    ...(show.below ? [dataTable(`Numbers of the picture below`, () => rowsOf(show.below.told))] : []),
  );
}

function placeBelow(show, common) {
  const { picture, parts, view } = show;
  const labels = picture.below.map((panel) => panel.label);
  if (parts.choose.dataset.labels !== labels.join("|")) {
    parts.choose.dataset.labels = labels.join("|");
    parts.choose.replaceChildren(...labels.map((label) => element("option", { value: label }, label)));
  }
  const panel = picture.below.find((one) => one.label === view.below) ?? picture.below[0];
  parts.below.hidden = parts.titleBelow.hidden = !panel;
  parts.choose.parentElement.hidden = !panel;
  if (!panel) return;
  parts.choose.value = panel.label;
  const belowPredicted = show.predicted?.below?.[panel.key] ?? [];
  const predicted = show.predicted ? { values: null, marks: show.predicted.marks } : null;
  parts.titleBelow.textContent = panel.label;
  place(show, "below", {
    ...common, live: null, label: panel.label, layers: [], total: null, lines: panel.lines, predicted, belowPredicted,
    logValues: view.logValues && panel.key === "singular_values", height: 220,
  });
}

function place(show, name, told) {
  const holder = show.parts[name];
  holder.setAttribute("aria-label", inWords({ ...told, total: told.total ?? [] }));
  if (show[name] && refill(show[name], told)) return;
  destroy(show, name);
  show[name] = drawPlot(holder, told, (at, u) => readOut(show, at, u));
  show[name].plot.over.addEventListener("click", () => {
    const at = show[name]?.plot.cursor.idx;
    if (at !== null && at !== undefined && show.states) {
      setFrame(show, nearest(show.states.times, show[name].plot.data[0][at]));
      show.onView();
    }
  });
}

function destroy(show, name) {
  show[name]?.plot.destroy();
  show[name] = null;
}

function followRange(show, low, high, whole) {
  if (low === null || high === null) return;
  for (const name of ["main", "below"]) {
    const scale = show[name]?.plot.scales.x;
    if (scale && scale.min !== null && (Math.abs(scale.min / low - 1) > 1e-9 || Math.abs(scale.max / high - 1) > 1e-9)) {
      show[name].plot.setScale("x", { min: low, max: high });
    }
  }
  const zoomed = Math.abs(low / whole[0] - 1) > 1e-3 || Math.abs(high / whole[1] - 1) > 1e-3;
  const before = show.view.range;
  show.view.range = zoomed ? [low, high] : null;
  if (Boolean(before) !== zoomed || zoomed) show.onView();
}

function readOut(show, at, u) {
  const told = u === show.main?.plot ? show.main.told : show.below?.told;
  if (!told || document.activeElement !== u.root.parentElement) return;
  const lines = told.layers.length ? [{ name: told.label, values: told.total }, ...told.layers] : told.lines;
  show.parts.caption.textContent = `t = ${short(told.time[at])}: ` + lines.map((line) => `${line.name} ${short(line.values[at])}`).join(", ");
}

function nearest(times, t) {
  let best = 0;
  times.forEach((time, k) => { if (Math.abs(Math.log((time + 1e-300) / t)) < Math.abs(Math.log((times[best] + 1e-300) / t))) best = k; });
  return best;
}

function timeOfState(show) {
  return show.states ? show.states.times[show.frame] : null;
}

function placeStates(show) {
  const { parts, states } = show;
  parts.state.hidden = !states;
  if (!states) return;
  parts.scrub.max = String(states.times.length - 1);
  const frame = show.view.now === null ? states.times.length - 1 : nearest(states.times, show.view.now);
  setFrame(show, frame);
}

export function setFrame(show, frame) {
  show.frame = Math.min(Math.max(frame, 0), show.states.times.length - 1);
  show.view.now = show.frame === show.states.times.length - 1 ? null : show.states.times[show.frame];
  const { parts, states } = show;
  parts.scrub.value = String(show.frame);
  parts.scrub.setAttribute("aria-valuetext", `time ${short(states.times[show.frame])}`);
  parts.at.textContent = `t = ${short(states.times[show.frame])}`;
  parts.words.textContent = stateInWords(states, show.frame);
  drawState(parts.canvas, states, show.frame);
  for (const name of ["main", "below"]) {
    if (!show[name]) continue;
    show[name].told.now = states.times[show.frame];
    show[name].plot.redraw(false);
  }
}

function playFrames(show) {
  if (show.playing) {
    clearInterval(show.playing);
    show.playing = null;
  } else {
    if (show.frame >= show.states.times.length - 1) setFrame(show, 0);
    show.playing = setInterval(() => {
      if (!show.states || show.frame >= show.states.times.length - 1) return playFrames(show);
      return setFrame(show, show.frame + 1);
    }, 80);
  }
  show.parts.play.textContent = show.playing ? "stop" : "play";
}

function resize(show) {
  for (const name of ["main", "below"]) {
    const drawn = show[name];
    const width = show.parts[name].clientWidth;
    if (drawn && width > 0 && width !== drawn.plot.width) drawn.plot.setSize({ width, height: drawn.told.height });
  }
  if (show.states && show.parts.canvas.clientWidth) drawState(show.parts.canvas, show.states, show.frame);
}
