// Tables: predicted beside measured, what is said below it, and the numbers of a plot.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function comparisonTable(told) {
  const heads = told.columns.map(({ head, words }) => element("th", { scope: "col", class: words ? "words" : "" }, head));
  const rows = told.rows.map((cells) =>
    element("tr", {}, ...cells.map((cell, k) => element("td", { class: told.columns[k].words ? "words" : "" }, cell))));
  const caption = element("caption", {}, element("b", {}, told.title), element("small", {}, told.subtitle ?? ""));
  const table = element("table", {}, caption, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  const parts = [];
  if (told.doubts?.length) {
    parts.push(element("div", { class: "doubts", role: "note", "aria-label": "Doubts" },
      ...told.doubts.map((doubt) => element("p", {}, element("b", {}, "Doubt: "), doubt))));
  }
  parts.push(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": told.title }, table));
  const said = [
    ...(told.remarks ?? []),
    ...(told.theory ?? []).map((text) => ["Theory", text]),
    ...(told.accuracy ?? []).map((text) => ["Accuracy", text]),
    ...(told.references?.length ? [["Cite", told.references.join(", ")]] : []),
  ];
  parts.push(element("div", { class: "notes" }, ...said.map(([head, text]) => element("p", {}, element("b", {}, `${head} `), text))));
  return parts;
}

// A table that is made when it is opened: most are not.
export function dataTable(title, rows) {
  const details = element("details", { class: "data" }, element("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    const told = rows();
    const table = element("table", {},
      element("thead", {}, element("tr", {}, ...told.heads.map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, ...told.rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))))));
    details.append(element("div", { class: "scroll", tabindex: "0" }, table));
  });
  return details;
}
