// Leaving with something: code, specs, pictures, data, one HTML file.

import { ask, stream } from "./stream.js";
import { element } from "./table.js";

const WORDS = [["python", "Python"], ["toml", "TOML"], ["sweep", "Sweep"], ["png", "PNG"], ["svg", "SVG"], ["netcdf", "netCDF"], ["html", "HTML file"], ["link", "Link"]];

// `state()` returns {spec, key, raw, title, palette, view, version} of what is shown now.
export function createLeave(holder, state, say) {
  const box = element("div", { id: "left", hidden: true });
  const act = async (what) => {
    try {
      await leave(what, state(), box, say);
    } catch (error) {
      say(error.message, true);
    }
  };
  holder.replaceChildren(element("span", {}, "Leave with"), ...WORDS.map(([what, word]) => element("button", { type: "button", "data-export": what, onclick: () => act(what) }, word)), box);
}

async function leave(what, now, box, say) {
  box.hidden = true;
  if (what === "link") {
    await navigator.clipboard?.writeText(location.href);
    say("The address of this page, which repeats what it shows, is copied.");
  } else if (what === "html") {
    save("saddlescope.html", await asOneFile(now), "text/html");
  } else if (["python", "toml", "sweep"].includes(what)) {
    const { name, text } = await ask("/export", { what, spec: now.spec, key: now.key });
    box.replaceChildren(element("pre", { tabindex: "0" }, text), element("button", { type: "button", onclick: () => navigator.clipboard?.writeText(text) }, "copy"));
    box.hidden = false;
    save(name, text, "text/plain");
  } else {
    say("Writing ...");
    await stream("/export", { what, spec: now.spec }, (event, content) => {
      if (event === "file") {
        save(content.name, Uint8Array.from(atob(content.content), (letter) => letter.charCodeAt(0)), "application/octet-stream");
        say(`Saved ${content.name}.`);
      } else if (content.sentence) say(content.sentence, event !== "starting");
    });
  }
}

async function asOneFile(now) {
  const { text: toml } = await ask("/export", { what: "toml", spec: now.spec });
  const page = await (await fetch("/viewer.html")).text();
  const data = JSON.stringify({ ...now.raw, toml, title: now.title, palette: now.palette, view: now.view, version: now.version });
  // a function: what stands for a pattern in a replacement must not be one here
  return page.replace('"DATA"', () => data.replaceAll("<", "\\u003c"));
}

function save(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
