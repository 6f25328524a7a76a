// My curve: a training log that is dropped on the page, its plateaus, and a run beside it on a free scale of time.

import { decoded, short } from "./numbers.js";
import { drawPlot, inWords, refill, rowsOf } from "./plot.js";
import { stream } from "./stream.js";
import { comparisonTable, dataTable, element } from "./table.js";

const GRID = 700;
const SPAN = 1e4; // the slider goes from a factor below the fit to as far above it

// `latest()` returns {key, picture, title} of the last run that was shown, or null.
export function createCurve(fields, holder, given, most, latest, say) {
  const curve = { told: null, file: null, number: null, drawn: null, factor: 1, fit: 1, holder, say, latest, most, logTime: true };
  const input = element("input", { type: "file", id: "log-file", onchange: () => input.files[0] && take(curve, input.files[0]) });
  const drop = element("div", { class: "drop", id: "drop" }, element("p", {}, "Drop a training log here"), element("label", { for: "log-file" }, "or choose a file: "), input);
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files[0]) take(curve, event.dataTransfer.files[0]);
  });
  const named = given.map((name, number) => element("button", { type: "button", onclick: () => { curve.file = null; curve.number = number; load(curve); } }, name));
  curve.column = element("select", { id: "column", "aria-label": "Column", onchange: () => load(curve) });
  curve.axis = element("select", { id: "axis", "aria-label": "Axis of time", onchange: () => load(curve) }, element("option", { value: "log" }, "log time"), element("option", { value: "linear" }, "linear time"));
  curve.slider = element("input", { type: "range", min: "-1000", max: "1000", value: "0", id: "factor", "data-slider": "factor", "aria-label": "Scale of the run's time" });
  curve.slider.addEventListener("input", () => {
    curve.factor = curve.fit * SPAN ** (Number(curve.slider.value) / 1000);
    draw(curve);
  });
  curve.factorTold = element("output", {});
  curve.beside = element("div", { class: "field", hidden: true }, element("label", { for: "factor" }, "scale of the run's time"), curve.factorTold, curve.slider);
  curve.controls = element("div", { hidden: true },
    element("div", { class: "field" }, element("label", { for: "column" }, "column"), curve.column),
    element("div", { class: "field" }, element("label", { for: "axis" }, "axis of time"), curve.axis), curve.beside);
  fields.replaceChildren(element("h2", {}, "My curve"), drop, ...(named.length ? [element("div", { class: "tools" }, "named: ", ...named)] : []),
    element("p", { class: "caption" }, "CSV, JSON, printed logs, TensorBoard event files, npz and others; the file stays on this machine."), curve.controls);
  curve.parts = {
    title: element("p", { class: "plot-title" }),
    plot: element("div", { class: "plot", id: "plot-curve", tabindex: "0", role: "group" }),
    table: element("div"),
    beside: element("section", { "aria-label": "Beside the run" }),
    notes: element("div"),
  };
  if (given.length) { curve.number = 0; }
  return curve;
}

export function showCurve(curve) {
  curve.holder.replaceChildren(curve.parts.title, curve.parts.plot, curve.parts.notes, curve.parts.table, curve.parts.beside);
  if (curve.told) draw(curve);
  else if (curve.number !== null) load(curve);
  else curve.say("Drop a log to see its plateaus.");
}

function take(curve, file) {
  if (file.size > curve.most) {
    curve.say(`${file.name} has ${Math.round(file.size / 1024 ** 2)} MB; the page takes ${curve.most / 1024 ** 2} MB at most.`, true);
    return;
  }
  curve.file = file;
  curve.number = null;
  curve.told = null;
  curve.column.replaceChildren();
  load(curve);
}

async function load(curve) {
  const words = new URLSearchParams({ time_axis: curve.axis.value, key: curve.latest()?.key ?? "" });
  if (curve.column.value) words.set("y", curve.column.value);
  if (curve.file) words.set("name", curve.file.name);
  else words.set("number", String(curve.number));
  curve.say("Reading ...");
  curve.parts.beside.replaceChildren();
  await stream(`/curve?${words}`, curve.file ?? new Blob([]), (name, content) => {
    if (name === "curve") place(curve, decoded(content));
    else if (name === "beside") placeBeside(curve, content);
    else if (content.sentence) curve.say(content.sentence, name !== "starting");
  }).catch((error) => curve.say(error.message, true));
}

function place(curve, told) {
  curve.told = told;
  curve.say("");
  curve.controls.hidden = false;
  curve.column.replaceChildren(...told.columns.map((name) => element("option", { value: name }, name)));
  curve.column.value = told.y;
  const run = curve.latest();
  curve.fit = run ? told.time.at(-1) / run.picture.time.at(-1) : 1;
  curve.factor = curve.fit;
  curve.slider.value = "0";
  const count = told.plateaus.length;
  curve.parts.title.textContent = `${told.name}: ${told.head}, ${told.points} points; ${count} plateau${count === 1 ? "" : "s"}`;
  const doubts = told.doubts.map((doubt) => element("p", {}, element("b", {}, "Doubt: "), doubt));
  curve.parts.notes.replaceChildren(...(doubts.length ? [element("div", { class: "doubts" }, ...doubts)] : []), ...told.notes.map((note) => element("p", { class: "caption" }, note)));
  const heads = ["", "start", "end", "height", "then", "at"];
  const rows = told.plateaus.map((p, k) => [String(k + 1), short(p.start), short(p.end), short(p.height), p.drop ?? "–", short(p.drop_time)]);
  curve.parts.table.replaceChildren(...comparisonTable({ title: "Plateaus", columns: heads.map((head) => ({ head })), rows }));
  draw(curve);
}

function placeBeside(curve, told) {
  if (told.time_scale) {
    curve.fit = told.time_scale;
    curve.factor = told.time_scale;
    curve.slider.value = "0";
    draw(curve);
  }
  curve.parts.beside.replaceChildren(element("h3", {}, "Beside the run"), ...comparisonTable(told));
}

function draw(curve) {
  const { told, parts } = curve;
  const run = curve.latest();
  curve.beside.hidden = !run;
  const log = told.time_axis === "log";
  const first = Math.max(told.time.find((t) => t > 0), 1e-300);
  const last = told.time.at(-1);
  const low = log ? first : told.time[0];
  const grid = Array.from({ length: GRID }, (_, k) => (log ? low * (last / low) ** (k / (GRID - 1)) : low + ((last - low) * k) / (GRID - 1)));
  const time = told.time.length > 2 * GRID || run ? [...new Set([...grid, ...told.time.filter((t) => t >= low)])].sort((a, b) => a - b) : told.time.filter((t) => t >= low);
  const lines = [{ name: told.y, colour: 4, values: between(time, told.time, told.values) }];
  if (run) lines.push({ name: `run: ${run.title}`, colour: 3, values: scaledRun(run.picture, told, curve.factor, time) });
  curve.factorTold.textContent = `1 of the run is ${short(curve.factor)}`;
  const wanted = { label: told.y, timeLabel: told.time_label, time, layers: [], total: null, lines, predicted: null, logTime: log, logValues: told.value_axis === "log", height: 360, range: [time[0], last], plateaus: told.plateaus, now: null };
  parts.plot.setAttribute("aria-label", inWords(wanted));
  if (curve.drawn && refill(curve.drawn, wanted)) return;
  curve.drawn?.plot.destroy();
  parts.plot.replaceChildren();
  curve.drawn = drawPlot(parts.plot, wanted, null);
  parts.plot.onreset ??= parts.plot.addEventListener("reset", () => draw(curve)) ?? true;
  parts.table.querySelector("details")?.remove();
  parts.table.append(dataTable("Numbers of the picture", () => rowsOf(curve.drawn.told)));
}

// The level of the run on the curve's axes: its time scaled, its fall from the curve's first height to its last.
function scaledRun(picture, told, factor, time) {
  const level = picture.main.total ?? picture.main.lines[0].values;
  const known = level.filter((value) => value !== null);
  const [high, low] = [known[0], known.at(-1)];
  const [top, bottom] = [told.values[0], told.values.at(-1)];
  const heights = level.map((value) => (value === null ? null : bottom + ((value - low) / (high - low || 1)) * (top - bottom)));
  return between(time, picture.time.map((t) => t * factor), heights);
}

function between(at, time, values) {
  let k = 0;
  return at.map((t) => {
    if (t < time[0] || t > time.at(-1)) return null;
    while (k < time.length - 2 && time[k + 1] < t) k += 1;
    const [a, b] = [values[k], values[k + 1]];
    if (a === null || b === null || b === undefined) return a ?? null;
    return a + ((b - a) * (t - time[k])) / (time[k + 1] - time[k] || 1);
  });
}
