// Colours: those of `saddlescope.plot`, handed over by the server, and the inks of the style sheet, light or dark.

const palette = { degrees: ["#56B4E9"], rest: "#8C8C8C" };

export function usePalette(given) {
  Object.assign(palette, given);
}

export function colourOf(number) {
  return number === null || number === undefined ? palette.rest : palette.degrees[number % palette.degrees.length];
}

export function faded(colour, share) {
  const part = (k) => parseInt(colour.slice(1 + 2 * k, 3 + 2 * k), 16);
  return `rgba(${part(0)}, ${part(1)}, ${part(2)}, ${share})`;
}

export function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Dark or light is the system's wish; what is drawn on a canvas has to be drawn again when it changes.
export function whenColoursChange(act) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
}
