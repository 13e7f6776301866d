"use strict";
// Sort a table by the column whose heading was pressed; empty cells stay last.
const column = (row, place) => {
  const cell = row.cells[place];
  const text = cell.dataset.sort ?? cell.textContent.trim();
  return text === "–" ? "" : text;
};
const number = (text) =>
  text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text.replace("−", "-"));
const compare = (x, y) => {
  const [a, b] = [number(x), number(y)];
  return Number.isNaN(a) || Number.isNaN(b) ? x.localeCompare(y, "en", { numeric: true }) : a - b || 0;
};
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  for (const button of table.tHead.querySelectorAll("button")) {
    const head = button.closest("th");
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const keyed = [...body.rows].map((row) => [column(row, head.cellIndex), row]);
      keyed.sort(([x], [y]) =>
        x === "" || y === "" ? (x === "") - (y === "") : up ? compare(x, y) : compare(y, x));
      for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...keyed.map(([, row]) => row));
    });
  }
}
// Keep the rows that contain all words, have the chosen values, and carry a mark if asked to.
for (const form of document.querySelectorAll("form.filter")) {
  const rows = [...document.getElementById(form.dataset.table).tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const words = form.querySelector("input[type=search]");
  const marked = form.querySelector("input[type=checkbox]");
  const choices = [...form.querySelectorAll("select")];
  const heads = [...document.getElementById(form.dataset.table).tHead.rows[0].cells];
  const places = choices.map((each) =>
    heads.findIndex((head) => head.textContent.trim() === each.dataset.column));
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, place) => {
      const kept = wanted.every((word) => texts[place].includes(word)) &&
        !(marked?.checked && !row.className) &&
        choices.every((each, i) =>
          each.value === "" || row.cells[places[i]].textContent.trim() === each.value);
      row.hidden = !kept;
      shown += kept;
    });
    form.querySelector("output").textContent = `${shown} of ${rows.length} rows`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  // A browser may have kept what was typed before the page was loaded again.
  if (words.value || marked?.checked || choices.some((each) => each.value)) filter();
}
