// The state of a run at one of its times: a cloud of neurons, singular vectors beside the way in a plane, or bars.

import { colourOf, faded, ink } from "./colours.js";
import { short } from "./numbers.js";

const NARROW = 440; // pixels

export function drawState(canvas, states, frame) {
  canvas.classList.toggle("tall", states.kind === "vectors");
  const scale = devicePixelRatio;
  canvas.width = Math.max(canvas.clientWidth, 200) * scale;
  canvas.height = Math.max(canvas.clientHeight, 150) * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.font = "12px system-ui, sans-serif";
  const box = { x: 54, y: 12, width: canvas.width / scale - 70, height: canvas.height / scale - 52 };
  if (states.kind === "cloud") drawCloud(pen, box, states, frame);
  else if (states.kind === "bars") drawBars(pen, box, states, frame);
  else drawVectors(pen, box, states, frame);
  canvas.setAttribute("aria-label", stateInWords(states, frame));
}

export function stateInWords(states, frame) {
  const at = `At time ${short(states.times[frame])}: `;
  if (states.kind === "cloud") {
    const size = (values) => short(Math.max(...values.map(Math.abs)), 3);
    const [across, up] = states.labels;
    return `${at}${states.x[frame].length} neurons, largest ${across} ${size(states.x[frame])}, largest ${up} ${size(states.y[frame])} in size.`;
  }
  if (states.kind === "bars") {
    const large = states.bars[frame].filter((value) => Math.abs(value) > 0.05).length;
    return `${at}${large} of ${states.bars[frame].length} coefficients are above 0.05 in size.`;
  }
  return `${at}leading singular values ${states.sizes[frame].map((value) => short(value, 3)).join(", ")}.`;
}

function limits(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const row of values) for (const value of row) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const room = 0.08 * (high - low || 1);
  return [low - room, high + room];
}

function frameOf(pen, box, across, up, labels) {
  const x = (value) => box.x + ((value - across[0]) / (across[1] - across[0])) * box.width;
  const y = (value) => box.y + box.height - ((value - up[0]) / (up[1] - up[0])) * box.height;
  pen.strokeStyle = ink("line");
  pen.fillStyle = ink("soft");
  pen.strokeRect(box.x, box.y, box.width, box.height);
  pen.textAlign = "center";
  for (const value of ticks(across)) pen.fillText(short(value, 3), x(value), box.y + box.height + 16);
  pen.fillText(labels[0], box.x + box.width / 2, box.y + box.height + 33);
  pen.textAlign = "right";
  for (const value of ticks(up)) pen.fillText(short(value, 3), box.x - 6, y(value) + 4);
  pen.textAlign = "left";
  pen.fillText(labels[1], box.x + 6, box.y + 14);
  return [x, y];
}

function ticks([low, high]) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((k) => k * power >= raw) * power;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return found;
}

function drawCloud(pen, box, states, frame) {
  const [x, y] = frameOf(pen, box, limits(states.x), limits([...states.y, [-1, 1]]), states.labels);
  const [low, high] = limits([states.colour]);
  const xs = states.x[frame];
  const ys = states.y[frame];
  xs.forEach((value, k) => {
    const share = (states.colour[k] - low) / (high - low);
    pen.fillStyle = faded(colourOf(share < 1 / 3 ? 0 : share < 2 / 3 ? 2 : 1), 0.75);
    pen.beginPath();
    pen.arc(x(value), y(ys[k]), 2 + 3 * Math.sqrt(states.weight[k]), 0, 7);
    pen.fill();
  });
}

function drawBars(pen, box, states, frame) {
  const values = states.bars[frame];
  const up = limits([...states.bars, states.predicted ?? [0]]);
  const [x, y] = frameOf(pen, box, [-0.5, values.length - 0.5], up, states.labels);
  const width = box.width / values.length;
  values.forEach((value, k) => {
    pen.fillStyle = colourOf(0);
    pen.fillRect(x(k) - 0.38 * width, Math.min(y(0), y(value)), 0.76 * width, Math.abs(y(value) - y(0)));
  });
  pen.strokeStyle = ink("predicted");
  (states.predicted ?? []).forEach((value, k) => {
    if (value === 0) return;
    pen.beginPath();
    pen.moveTo(x(k) - 0.5 * width, y(value));
    pen.lineTo(x(k) + 0.5 * width, y(value));
    pen.stroke();
  });
}

function drawVectors(pen, box, states, frame) {
  // side by side, on a phone below each other
  const beside = box.width > NARROW;
  const half = box.width / 2 - 34;
  const left = beside ? { ...box, width: half } : { ...box, height: box.height / 2 - 30 };
  const right = beside ? { ...box, x: box.x + half + 68, width: half } : { x: 12, y: box.y + box.height / 2 + 26, width: box.width + 40, height: box.height / 2 + 4 };
  drawPlane(pen, left, states.plane, frame);
  const rows = [["left", states.left[frame]], ["right", states.right[frame]]];
  const height = (right.height - 26) / 2;
  rows.forEach(([name, vectors], row) => {
    const top = right.y + row * (height + 26);
    const longest = vectors[0].length;
    const cell = Math.min((right.width - 76) / longest, 40); // the rest is for the singular value
    const tall = Math.min((height - 16) / vectors.length - 2, 34);
    pen.fillStyle = ink("soft");
    pen.textAlign = "left";
    pen.fillText(`${name} singular vectors, by their singular value`, right.x, top + 10);
    vectors.forEach((vector, k) => {
      const share = Math.min(states.sizes[frame][k] / states.largest, 1);
      vector.forEach((value, entry) => {
        pen.fillStyle = faded(colourOf(value > 0 ? 4 : 1), Math.abs(value) * (0.12 + 0.88 * share));
        pen.fillRect(right.x + entry * cell, top + 16 + k * (tall + 2), cell - 1, tall);
      });
      pen.fillStyle = ink("ink");
      pen.fillText(`s${k + 1} = ${short(states.sizes[frame][k], 3)}`, right.x + longest * cell + 6, top + 20 + k * (tall + 2) + tall / 2);
    });
  });
}

function drawPlane(pen, box, plane, frame) {
  const points = plane.saddles ? [...plane.run, ...plane.saddles] : plane.run;
  const across = limits([points.map((p) => p[0])]);
  const up = limits([points.map((p) => p[1])]);
  const [x, y] = frameOf(pen, box, across, up, ["first direction of the saddles", "second direction"]);
  const line = (way, colour, width) => {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    way.forEach(([a, b], k) => (k ? pen.lineTo(x(a), y(b)) : pen.moveTo(x(a), y(b))));
    pen.stroke();
    pen.lineWidth = 1;
  };
  line(plane.run, ink("line"), 2);
  line(plane.frames.slice(0, frame + 1), ink("ink"), 2.4);
  (plane.saddles ?? []).forEach(([a, b], k) => {
    pen.strokeStyle = ink("predicted");
    pen.strokeRect(x(a) - 5, y(b) - 5, 10, 10);
    pen.fillStyle = ink("predicted");
    const name = plane.names[k] ?? "";
    const room = x(a) + 8 + pen.measureText(name).width < box.x + box.width + 16; // else it stands left of its saddle
    pen.textAlign = room ? "left" : "right";
    pen.fillText(name, x(a) + (room ? 8 : -8), y(b) - 6);
  });
  const [a, b] = plane.frames[frame];
  pen.fillStyle = ink("accent");
  pen.beginPath();
  pen.arc(x(a), y(b), 5, 0, 7);
  pen.fill();
}
