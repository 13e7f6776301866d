// Sort a table by the column whose heading was pressed; empty cells stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.querySelectorAll("thead tr:last-child th")];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    const value = (row) => row.cells[column].dataset.sort;
    const numeric = head.classList.contains("number");
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = numeric ? toNumber(x) - toNumber(y) : x.localeCompare(y);
      return up ? order : -order;
    });
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...rows);
  }));
}
function toNumber(text) {
  return text === "inf" ? Number.MAX_VALUE : text === "-inf" ? -Number.MAX_VALUE : Number(text);
}
// Keep the rows that contain all words.
const words = document.getElementById("words");
const marked = document.getElementById("marked");
const rows = [...document.querySelector("#scores").closest("section").querySelector("tbody").rows];
function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word)) || (marked.checked && !row.className);
  }
  const shown = rows.filter((row) => !row.hidden).length;
  document.getElementById("count").textContent = `${shown} of ${rows.length} rows`;
}
words.addEventListener("input", filter);
marked.addEventListener("change", filter);
