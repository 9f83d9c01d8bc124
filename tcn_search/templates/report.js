"use strict";
(() => {
  const data = JSON.parse(document.getElementById("trial-data").textContent);
  const table = document.getElementById("trial-table");
  const headers = Array.from(table.tHead.rows[0].cells);
  const search = document.getElementById("search");
  const status = document.getElementById("status");
  const previous = document.getElementById("previous");
  const next = document.getElementById("next");
  const texts = data.rows.map((row) => row.join("\n").toLowerCase());
  let order = data.rows.map((row, number) => number);
  let matching = order;
  let first = 0;

  function cell(row, column) {
    const element = document.createElement("td");
    element.textContent = row[column];
    element.title = row[column];
    element.className = headers[column].className;
    const mark = column === 0 ? data.marks[row[0]] : undefined;
    if (mark) {
      const label = document.createElement("b");
      label.textContent = mark;
      element.append(" ", label);
    }
    return element;
  }

  function show() {
    const last = Math.min(first + data.rowsAtOnce, matching.length);
    const shown = matching.slice(first, last).map((number) => {
      const row = data.rows[number];
      const element = document.createElement("tr");
      if (data.marks[row[0]]) element.className = "marked";
      element.append(...row.map((text, column) => cell(row, column)));
      return element;
    });
    table.tBodies[0].replaceChildren(...shown);
    const range = matching.length ? `${first + 1} to ${last} of ` : "";
    document.getElementById("shown").textContent = `${range}${matching.length}`;
    previous.disabled = first === 0;
    next.disabled = last === matching.length;
  }

  function filter() {
    const wanted = search.value.trim().toLowerCase();
    matching = order.filter((number) =>
      (!status.value || data.rows[number][data.statusColumn] === status.value) &&
      texts[number].includes(wanted));
    first = 0;
    show();
  }

  // Rows without a value come last in both directions; equal ones stay in the order of their rank.
  function sort(column, direction) {
    const key = data.numbers[column] ? Number : (text) => text;
    order = data.rows.map((row, number) => number).sort((one, other) => {
      const left = data.rows[one][column];
      const right = data.rows[other][column];
      if (left === "" || right === "") return (left === "") - (right === "") || one - other;
      const before = key(left) < key(right);
      const after = key(left) > key(right);
      return direction * (after - before) || one - other;
    });
    filter();
  }

  headers.forEach((header, column) => {
    header.firstElementChild.addEventListener("click", () => {
      const descends = header.getAttribute("aria-sort") === "ascending";
      headers.forEach((each) => each.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", descends ? "descending" : "ascending");
      sort(column, descends ? -1 : 1);
    });
  });
  search.addEventListener("input", filter);
  status.addEventListener("change", filter);
  document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
  previous.addEventListener("click", () => { first -= data.rowsAtOnce; show(); });
  next.addEventListener("click", () => { first += data.rowsAtOnce; show(); });
  document.getElementById("controls").hidden = false;
  document.documentElement.classList.add("script");
  show();
})();
