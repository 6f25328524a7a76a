// The fields of a family, made from what the server tells of its spec: labels, help, sliders by factors or steps.

import { ink } from "./colours.js";
import { short } from "./numbers.js";
import { element } from "./table.js";

const STEPS = 1000; // of a slider
const COEFFICIENT = 3; // a slider of a Hermite coefficient goes from minus this to this

// Fills the holder; `onMove(key)` is called when a value changed, `form.spec` then has it.
export function createForm(holder, family, spec, base, onMove, onBase) {
  const form = { family, spec, holder, onMove, drawn: {} };
  const starts = element("select", { id: "start", onchange: () => onBase(starts.value) });
  for (const name of family.allStarts) starts.append(element("option", { value: name }, name === "start" ? "the page's own" : name));
  starts.value = base;
  const head = element("div", { class: "field" }, element("label", { for: "start" }, "start from"), starts);
  form.head = head;
  fill(form);
  return form;
}

function fill(form) {
  const tables = form.family.tables.filter((table) => !table.listed || read(form.spec, table.name)?.length);
  form.holder.replaceChildren(form.head, ...tables.flatMap((table) => (table.listed ? listed(form, table) : [fieldset(form, table)])));
}

function fieldset(form, table) {
  const fields = table.fields.filter((field) => !field.only || read(form.spec, field.only.key) === field.only.value);
  const made = fields.filter((field) => !(field.kind === "choice" && field.choices.length < 2)).map((field) => control(form, field, field.key));
  if (table.folded) return element("details", { class: "table", title: table.help }, element("summary", {}, table.name), ...made);
  return element("fieldset", { title: table.help }, element("legend", {}, table.name), ...made);
}

// The entries of a list of tables, each with the keys that it has.
function listed(form, table) {
  return read(form.spec, table.name).map((entry, k) => {
    const fields = table.fields.filter((field) => field.key.split(".").pop() in entry && !/\.(name|kind)$/.test(field.key));
    const made = fields.map((field) => control(form, field, `${table.name}.${k}.${field.key.split(".").pop()}`));
    const others = [entry.kind ?? "", made.length ? "" : "as the tables above say"].filter(Boolean).join(", ");
    return element("fieldset", {}, element("legend", {}, `${table.name}: ${entry.name}, `, element("span", { class: "unit" }, others)), ...made);
  });
}

function control(form, field, key) {
  const id = `field-${key.replaceAll(".", "-")}`;
  const label = element("label", { for: id }, field.label, field.unit ? element("span", { class: "unit" }, ` (${field.unit})`) : null);
  const help = element("span", { class: "help", id: `${id}-help` }, field.help + (field.words?.length ? ` (or ${field.words.join(", ")})` : ""));
  const wrong = element("span", { class: "wrong", role: "alert", hidden: true });
  const holder = element("div", { class: "field", "data-key": key }, label);
  const shared = { id, "aria-describedby": `${id}-help`, "data-key": key };
  const moved = (value) => {
    wrong.hidden = true;
    write(form.spec, key, value);
    if (field.kind === "choice" && key.endsWith(".kind")) {
      begin(form, field, key);
      fill(form);
    }
    form.onMove(key);
  };
  const value = read(form.spec, key) ?? field.default;
  if (field.kind === "choice") {
    const select = element("select", { ...shared, onchange: () => moved(select.value) }, ...field.choices.map((choice) => element("option", { value: choice }, choice)));
    select.value = value;
    holder.append(select);
  } else if (field.kind === "flag") {
    const box = element("input", { ...shared, type: "checkbox", onchange: () => moved(box.checked) });
    box.checked = Boolean(value);
    holder.append(box);
  } else {
    const typed = element("input", { ...shared, type: "text", spellcheck: "false", value: asText(value), placeholder: field.required ? "" : "none" });
    typed.addEventListener("change", () => {
      const parsed = asValue(typed.value, field);
      if (parsed instanceof Error) {
        wrong.textContent = parsed.message;
        wrong.hidden = false;
        return;
      }
      moved(parsed);
      if (field.kind === "function") fill(form);
      else if (slider) slider.value = String(place(field, parsed));
    });
    holder.append(typed);
    const slider = field.low === undefined ? null : range(field, value, shared, (next) => {
      typed.value = asText(next);
      moved(next);
    });
    if (slider) holder.append(slider);
    if (field.kind === "function") addFunction(form, field, key, holder, typed, moved);
    if (field.kind === "numbers" || field.kind === "value") holder.classList.add("wide");
  }
  holder.append(help, wrong);
  return holder;
}

function range(field, value, shared, act) {
  const slider = element("input", {
    type: "range", min: "0", max: String(STEPS), "data-key": shared["data-key"], "data-slider": shared["data-key"], "aria-label": `${field.label}, slider`,
    "aria-describedby": shared["aria-describedby"],
  });
  slider.value = String(place(field, value));
  slider.classList.toggle("unset", !Number.isFinite(Number(value ?? NaN)));
  const spoken = (v) => slider.setAttribute("aria-valuetext", v === undefined || v === null ? "none" : short(v));
  spoken(value);
  slider.addEventListener("input", () => {
    performance.mark("input");
    const next = valueAt(field, Number(slider.value) / STEPS);
    spoken(next);
    slider.classList.remove("unset");
    act(next);
  });
  return slider;
}

function place(field, value) {
  const number = Number(value);
  if (value === undefined || value === null || !Number.isFinite(number)) return STEPS / 2;
  const share = field.log
    ? Math.log(Math.max(number, field.low) / field.low) / Math.log(field.high / field.low)
    : (number - field.low) / (field.high - field.low);
  return Math.round(STEPS * Math.min(Math.max(share, 0), 1));
}

function valueAt(field, share) {
  const value = field.log ? field.low * (field.high / field.low) ** share : field.low + share * (field.high - field.low);
  return field.whole ? Math.round(value) : Number(value.toPrecision(4));
}

// A slider for each coefficient, and a small plot of the function once the server has told it.
function addFunction(form, field, key, holder, typed, moved) {
  const value = read(form.spec, key);
  holder.classList.add("wide");
  if (Array.isArray(value) && value.length <= 6) {
    value.forEach((coefficient, k) => {
      const slider = element("input", { type: "range", min: String(-COEFFICIENT), max: String(COEFFICIENT), step: "0.05", "data-slider": `${key}.${k}`, "aria-label": `${field.label}, coefficient of degree ${k}` });
      slider.value = String(coefficient);
      slider.addEventListener("input", () => {
        performance.mark("input");
        const next = [...read(form.spec, key)];
        next[k] = Number(slider.value);
        typed.value = asText(next);
        moved(next);
      });
      holder.append(slider);
    });
  }
  const canvas = element("canvas", { role: "img", "aria-label": `plot of the ${field.label}`, hidden: true });
  form.drawn[key] = canvas;
  holder.append(canvas);
}

export function drawFunctions(form, told) {
  for (const [key, canvas] of Object.entries(form.drawn)) {
    const values = told[key.split(".").pop()];
    canvas.hidden = !values;
    if (!values) continue;
    const scale = devicePixelRatio;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    const pen = canvas.getContext("2d");
    const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
    const x = (at) => ((at - told.x[0]) / (told.x.at(-1) - told.x[0])) * canvas.width;
    const y = (value) => canvas.height * (0.94 - (0.88 * (value - low)) / (high - low || 1));
    pen.lineWidth = scale;
    pen.strokeStyle = ink("line");
    pen.strokeRect(0, y(0), canvas.width, 0);
    pen.strokeRect(x(0), 0, 0, canvas.height);
    pen.strokeStyle = ink("accent");
    pen.lineWidth = 2 * scale;
    pen.beginPath();
    values.forEach((value, k) => pen.lineTo(x(told.x[k]), y(value)));
    pen.stroke();
  }
}

// Another kind of table keeps no keys of the one before, and begins with what the server has as defaults.
function begin(form, field, key) {
  const table = key.split(".")[0];
  const kind = read(form.spec, key);
  const before = form.spec[table];
  form.spec[table] = { kind };
  for (const one of form.family.tables.find((t) => t.name === table).fields) {
    if (one.only?.value !== kind) continue;
    const name = one.key.split(".").pop();
    const known = form.family.kinds?.[table]?.[kind]?.[name];
    if (known !== undefined) form.spec[table][name] = structuredClone(known);
    else if (one.required) form.spec[table][name] = before[name] ?? guess(one);
  }
}

function guess(field) {
  if (field.kind === "numbers") return [1];
  if (field.low === undefined) return 1;
  const middle = field.log ? Math.sqrt(field.low * field.high) : (field.low + field.high) / 2;
  return field.whole ? Math.round(middle) : Number(middle.toPrecision(2));
}

function asText(value) {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value) && value.every((entry) => typeof entry === "number")) return value.join(", ");
  if (typeof value === "number") return Math.abs(value) > 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6) ? value.toExponential().replace("e+", "e") : String(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function asValue(text, field) {
  const typed = text.trim();
  if (typed === "") return field.required ? new Error(`${field.label} is needed.`) : undefined;
  if (field.kind === "number") {
    if (field.words.includes(typed) || (typed === "inf" && field.label === "dimension")) return typed;
    const number = Number(typed);
    return Number.isFinite(number) ? number : new Error(`${field.label} is a number, but got ${typed.slice(0, 40)}.`);
  }
  if (field.kind === "text") return typed;
  for (const attempt of [typed, `[${typed}]`]) {
    try {
      return JSON.parse(attempt);
    } catch {
      // the next attempt, or a word
    }
  }
  return /^[\w-]+$/.test(typed) ? typed : new Error(`${field.label} is a list such as 1, -1, 1, or a name.`);
}

export function read(spec, key) {
  return key.split(".").reduce((held, part) => (held === undefined || held === null ? undefined : held[part]), spec);
}

export function write(spec, key, value) {
  const parts = key.split(".");
  const last = parts.pop();
  let held = spec;
  for (const part of parts) {
    if (held[part] === undefined || held[part] === null || typeof held[part] !== "object") held[part] = {};
    held = held[part];
  }
  if (value === undefined) delete held[last];
  else held[last] = value;
}
