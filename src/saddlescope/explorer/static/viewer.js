// The exported file: shows the run that it holds, without a server.

import { usePalette } from "./colours.js";
import { createShow, showEvent } from "./show.js";
import { element } from "./table.js";

const saved = JSON.parse(document.getElementById("data").textContent);
if (saved && typeof saved === "object") {
  usePalette(saved.palette);
  document.title = `${saved.title}: saddlescope`;
  const place = element("div");
  document.getElementById("viewer").append(
    element("h1", {}, saved.title),
    place,
    element("details", {}, element("summary", {}, "The spec that repeats it"), element("pre", {}, saved.toml)),
    element("p", { class: "caption" }, `Written by saddlescope ${saved.version}.`),
  );
  const show = createShow(place);
  Object.assign(show.view, saved.view);
  for (const name of ["picture", "predicted", "table", "states"]) if (saved[name]) showEvent(show, name, saved[name]);
}
