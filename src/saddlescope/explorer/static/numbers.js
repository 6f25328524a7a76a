// Numbers: arrays as the server sends them, and numbers as people read them.

export function decoded(told) {
  if (typeof told === "string" && told.startsWith("f32:")) return numbersOf(told);
  if (Array.isArray(told)) return told.map(decoded);
  if (told !== null && typeof told === "object") {
    if ("shape" in told && "numbers" in told) return folded(decoded(told.numbers), told.shape);
    return Object.fromEntries(Object.entries(told).map(([key, value]) => [key, decoded(value)]));
  }
  return told;
}

// Plain loops: what takes a function for every letter is ten times slower, and a slider waits for it.
function numbersOf(told) {
  const letters = atob(told.slice(4));
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < letters.length; k++) bytes[k] = letters.charCodeAt(k);
  const floats = new Float32Array(bytes.buffer);
  const numbers = new Array(floats.length);
  for (let k = 0; k < floats.length; k++) numbers[k] = Number.isFinite(floats[k]) ? floats[k] : null;
  return numbers;
}

function folded(flat, shape) {
  if (shape.length === 1) return flat;
  const size = flat.length / shape[0];
  return Array.from({ length: shape[0] }, (_, k) => folded(flat.slice(k * size, (k + 1) * size), shape.slice(1)));
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export function powerOfTen(exponent) {
  return "10" + [...String(exponent)].map((letter) => RAISED[letter]).join("");
}

// Four digits, as a plain number where that is short: 0.0123, 1.23e-8.
export function short(value, digits = 4) {
  if (typeof value !== "number" || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return String(Number(value.toPrecision(digits)));
}

// 1 to 9 times each power of ten between two numbers.
export function logTicks(low, high) {
  const ticks = [];
  if (!(low > 0 && high < Infinity)) return ticks;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (let digit = 1; digit < 10; digit++) {
      const tick = Number(`${digit}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

// The labels of a log axis: powers of ten, every so many of them; 2 and 5 where the axis spans less than two decades.
export function logLabels(ticks, low, high) {
  const decades = Math.log10(high / low);
  const every = Math.max(1, Math.ceil(decades / 9));
  return ticks.map((tick) => {
    const exponent = Math.log10(tick);
    const whole = Math.round(exponent);
    if (Math.abs(exponent - whole) < 1e-6) {
      if (whole % every !== 0) return "";
      return Math.abs(whole) < 3 ? String(Number((10 ** whole).toPrecision(3))) : powerOfTen(whole);
    }
    if (decades > 2) return "";
    const first = Number((tick / 10 ** Math.floor(exponent + 1e-9)).toPrecision(2));
    return first === 2 || first === 5 ? short(tick, 2) : "";
  });
}
