// Plots over time on uPlot: layers or lines, dashed predictions, one cursor for all, zoom, keyboard, text and table.

import { colourOf, faded, ink } from "./colours.js";
import { logLabels, logTicks, short } from "./numbers.js";

const SYNC = "time";
const DEEPEST = 1e-8; // of the largest value: where a log axis of values ends

// A plot is described by
//   {label, timeLabel, time, layers: [{name, colour, values}], total, lines, predicted: {values, marks, levels},
//    belowPredicted: [values], logTime, logValues, height, range}
// and drawn into a holder; `drawPlot` returns {plot, destroy, setTime}.
export function drawPlot(holder, told, onCursor) {
  const { time } = told;
  const { series, data, bands } = told.layers?.length && !told.logValues ? stacked(told) : lined(told);
  const options = {
    width: Math.max(holder.clientWidth, 260),
    height: told.height,
    scales: {
      x: { time: false, distr: told.logTime ? 3 : 1, range: (u, low, high) => [low, high] },
      y: { distr: told.logValues ? 3 : 1, range: (u, low, high) => valueRange(told, low, high) },
    },
    axes: [axis(told.logTime, told.timeLabel), axis(told.logValues, "")],
    series: [{ label: told.timeLabel, value: (u, value) => short(value) }, ...series],
    bands,
    legend: { live: true },
    cursor: { sync: { key: SYNC, setSeries: false, scales: ["x", null] }, drag: { x: true, y: false }, points: { size: 6 } },
    hooks: {
      drawClear: [(u) => drawMarks(u, told)],
      draw: [(u) => drawLive(u, told)],
      setScale: [(u, key) => key === "x" && told.onRange?.(u.scales.x.min, u.scales.x.max)],
      setCursor: [(u) => onCursor && u.cursor.idx !== null && onCursor(u.cursor.idx, u)],
    },
  };
  const plot = new uPlot(options, [time, ...data], holder);
  setRange(plot, told.range);
  listenToKeys(holder, plot, told);
  return { plot, told };
}

export function setRange(plot, range) {
  plot.batch(() => plot.setScale("x", { min: range[0], max: range[1] }));
}

// Puts new data of the same shape into a plot that is there, which is quicker than a new one.
export function refill(drawn, told) {
  const { series, data } = told.layers?.length && !told.logValues ? stacked(told) : lined(told);
  const same = series.length + 1 === drawn.plot.series.length
    && series.every((one, k) => one.label === drawn.plot.series[k + 1].label)
    && told.logTime === drawn.told.logTime && told.logValues === drawn.told.logValues
    && told.timeLabel === drawn.told.timeLabel;
  if (!same) return false;
  Object.assign(drawn.told, told);
  drawn.plot.batch(() => {
    drawn.plot.setData([told.time, ...data], false);
    drawn.plot.setScale("x", { min: told.range[0], max: told.range[1] });
  });
  return true;
}

function stacked(told) {
  const sums = [];
  for (const layer of told.layers) {
    const below = sums.at(-1);
    sums.push(layer.values.map((value, k) => (below ? below[k] : 0) + (value ?? 0)));
  }
  // the top of the stack first, so that each band reaches down to the layer below it
  const order = told.layers.map((_, k) => k).reverse();
  const series = order.map((k) => ({
    label: told.layers[k].name,
    stroke: colourOf(told.layers[k].colour),
    fill: faded(colourOf(told.layers[k].colour), 0.42),
    width: 0.5,
    points: { show: false },
    value: (u, value, s, at) => (at === null ? "" : short(told.layers[k].values[at])),
  }));
  const bands = order.slice(0, -1).map((_, k) => ({ series: [k + 1, k + 2] }));
  const data = order.map((k) => sums[k]);
  series.push({ label: told.label, stroke: ink("ink"), width: 2, points: { show: false }, value: (u, value) => short(value) });
  data.push(sums.at(-1));
  return withPrediction(told, series, data, bands);
}

function lined(told) {
  const positive = (values) => (told.logValues ? values.map((value) => (value > 0 ? value : null)) : values);
  const series = [];
  const data = [];
  if (told.layers?.length) {
    series.push({ label: told.label, stroke: ink("ink"), width: 2.2, points: { show: false }, value: (u, v) => short(v) });
    data.push(positive(told.total));
  }
  const several = told.layers?.length > 1 ? told.layers : [];
  for (const line of [...several, ...(told.lines ?? [])]) {
    const colour = line.ink ? ink("ink") : colourOf(line.colour);
    series.push({
      label: line.name, stroke: colour, width: 2, points: { show: false }, value: (u, v) => short(v),
      dash: (line.colour ?? 0) > 5 ? [2, 3] : undefined,
    });
    data.push(positive(line.values));
  }
  (told.belowPredicted ?? []).forEach((values, k) => {
    series.push({ label: `${told.lines[k]?.name ?? k} predicted`, stroke: ink("predicted"), width: 1.4, dash: [6, 4], points: { show: false }, value: (u, v) => short(v) });
    data.push(positive(values));
  });
  return withPrediction(told, series, data, []);
}

function withPrediction(told, series, data, bands) {
  series.push({ label: "predicted", stroke: ink("predicted"), width: 1.8, dash: [7, 4], points: { show: false }, value: (u, v) => short(v) });
  data.push(told.predicted?.values ?? told.time.map(() => null));
  return { series, data, bands };
}

function valueRange(told, low, high) {
  if (low === null || high === null) return told.logValues ? [1e-6, 1] : [0, 1];
  if (told.logValues) return [Math.max(low, DEEPEST * high) / 1.5, 2 * high];
  if (told.layers?.length || told.fromZero) return [Math.min(0, low), 1.08 * Math.max(high, 1e-300)];
  const room = 0.06 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}

function axis(log, label) {
  return {
    stroke: ink("ink"),
    grid: { stroke: ink("grid"), width: 1, ...(log ? { filter: wholePowers } : {}) },
    ticks: { stroke: ink("line"), width: 1, ...(log ? { filter: wholePowers } : {}) },
    label: label || undefined,
    labelSize: 22,
    size: label ? 34 : 58,
    font: "12px system-ui, sans-serif",
    labelFont: "13px system-ui, sans-serif",
    // uPlot's own ticks of a log axis begin at its end, and never end where that is no round number
    ...(log ? { filter: (u, ticks) => ticks, splits: (u, side, low, high) => logTicks(low, high) } : {}),
    values: (u, ticks, side) => {
      const scale = side === 0 ? u.scales.x : u.scales.y;
      return log ? logLabels(ticks, scale.min, scale.max) : ticks.map((tick) => short(tick, 6));
    },
  };
}

// Of the ticks of a log axis those at powers of ten, where there are many.
function wholePowers(u, ticks) {
  if (ticks.length < 28) return ticks;
  return ticks.map((tick) => (Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-6 ? tick : null));
}

// Predicted times as thin lines, predicted levels without times as dashed ones, the time of the scrubber, plateaus.
function drawMarks(u, told) {
  const { ctx, bbox } = u;
  const marks = told.predicted?.marks ?? [];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineWidth = devicePixelRatio;
  const upright = (t, colour, dash) => {
    const x = u.valToPos(t, "x", true);
    ctx.strokeStyle = colour;
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    return x;
  };
  let [last, row] = [-Infinity, 0];
  for (const mark of marks) {
    const x = upright(mark.time, ink("predicted"), [6 * devicePixelRatio, 4 * devicePixelRatio]);
    if (!told.namesMarks) continue;
    ctx.fillStyle = ink("predicted");
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    // names that would meet stand below each other
    row = x < last ? row + 1 : 0;
    last = x + ctx.measureText(mark.name).width + 8 * devicePixelRatio;
    ctx.fillText(mark.name, x + 4 * devicePixelRatio, bbox.top + (13 + 14 * row) * devicePixelRatio);
  }
  for (const level of told.predicted?.levels ?? []) {
    const y = u.valToPos(level, "y", true);
    ctx.strokeStyle = ink("predicted");
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  for (const plateau of told.plateaus ?? []) {
    const [left, right] = [plateau.start, plateau.end].map((t) => u.valToPos(Math.max(t, u.scales.x.min), "x", true));
    const y = u.valToPos(plateau.height, "y", true);
    ctx.fillStyle = faded(colourOf(1), 0.5);
    ctx.fillRect(left, y - 5 * devicePixelRatio, right - left, 10 * devicePixelRatio);
  }
  if (told.now !== null && told.now !== undefined) upright(told.now, ink("accent"), []);
  ctx.restore();
}

// What a run has come to while it goes on, over the picture of the run before.
function drawLive(u, told) {
  if (!told.live) return;
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = ink("accent");
  ctx.lineWidth = 3 * devicePixelRatio;
  ctx.beginPath();
  told.live.time.forEach((t, k) => {
    if (told.logTime && t <= 0) return;
    ctx.lineTo(u.valToPos(t, "x", true), u.valToPos(told.live.values[k], "y", true));
  });
  ctx.stroke();
  ctx.restore();
}

// Keys on a plot that has the focus: arrows move the cursor, + and - zoom around it, 0 shows all again.
function listenToKeys(holder, plot, told) {
  holder.onkeydown = (event) => {
    const time = plot.data[0];
    const inside = time.findIndex((t) => t >= plot.scales.x.min);
    const last = time.findLastIndex((t) => t <= plot.scales.x.max);
    const at = plot.cursor.idx ?? Math.round((inside + last) / 2);
    const step = Math.max(1, Math.round((last - inside) / 100)) * (event.shiftKey ? 10 : 1);
    const places = { ArrowLeft: at - step, ArrowRight: at + step, Home: inside, End: last };
    if (event.key in places) {
      const place = Math.min(Math.max(places[event.key], inside), last);
      plot.setCursor({ left: plot.valToPos(time[place], "x"), top: plot.bbox.height / devicePixelRatio / 2 });
    } else if (event.key === "+" || event.key === "=") {
      zoom(plot, told, time[at], 0.5);
    } else if (event.key === "-") {
      zoom(plot, told, time[at], 2);
    } else if (event.key === "0" || event.key === "Escape") {
      holder.dispatchEvent(new CustomEvent("reset", { bubbles: true }));
    } else {
      return;
    }
    event.preventDefault();
  };
}

function zoom(plot, told, around, share) {
  const to = told.logTime ? Math.log : (x) => x;
  const back = told.logTime ? Math.exp : (x) => x;
  const time = plot.data[0];
  const low = Math.max(back(to(around) - share * (to(around) - to(plot.scales.x.min))), time[0]);
  const high = Math.min(back(to(around) + share * (to(plot.scales.x.max) - to(around))), time.at(-1));
  plot.setScale("x", { min: low, max: high });
}

// What a plot shows, in a sentence, for who does not see it.
export function inWords(told) {
  const lines = told.layers?.length ? [{ name: told.label, values: told.total }] : told.lines ?? [];
  const parts = lines.slice(0, 4).map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    return `${name} goes from ${short(known[0])} to ${short(known.at(-1))}`;
  });
  const marks = (told.predicted?.marks ?? []).map((mark) => `${mark.name} at ${short(mark.time)}`);
  const predicted = marks.length ? ` Predicted: ${marks.join(", ")}.` : "";
  return `${told.label} over ${told.timeLabel}, ${told.logTime ? "log" : "linear"} axis, from ${short(told.time[0])} to ${short(told.time.at(-1))}: ${parts.join("; ")}.${predicted}`;
}

// The numbers of a plot, at most so many rows.
export function rowsOf(told, most = 200) {
  const lines = [...(told.layers?.length ? [{ name: told.label, values: told.total }, ...told.layers] : []), ...(told.lines ?? [])];
  if (told.predicted?.values) lines.push({ name: "predicted", values: told.predicted.values });
  const step = Math.max(1, Math.ceil(told.time.length / most));
  const rows = [];
  for (let k = 0; k < told.time.length; k += step) rows.push([told.time[k], ...lines.map((line) => line.values[k])].map((v) => short(v, 5)));
  return { heads: [told.timeLabel, ...lines.map((line) => line.name)], rows };
}
