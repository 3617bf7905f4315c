"use strict";
/*
hwsim.table(root, { caption, columns, rows, sort, className, onChange }) -> { show(rows), shown(), sort() }
Fills `root` with a table whose headers are buttons that sort, first one way, then the other.
  columns [{ key, title, unit, kind: "text" | "number", value(row), cell(row, td) , total(rows) }]: `value` is sorted by; `cell` fills the
  <td> where its text is not enough; `total` gives the text of the foot, of the rows that are shown. The first column heads its row.
  rows: any records. sort: { key, isDown }. onChange(rows in their order): after every change.
*/
hwsim.table = (root, { caption, columns, rows, sort = null, className = "", onChange = () => {} }) => {
  root.replaceChildren();
  const frame = hwsim.put(root, "div", null, "scroll tall");
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", caption);
  const table = hwsim.put(frame, "table", null, `sortable ${className}`);
  hwsim.put(table, "caption", caption, "away");
  const head = hwsim.put(hwsim.put(table, "thead"), "tr");
  const body = hwsim.put(table, "tbody");
  const foot = columns.some((column) => column.total) ? hwsim.put(hwsim.put(table, "tfoot"), "tr") : null;
  const kindOf = ({ kind, className = "" }) => `${kind === "number" ? "number" : ""} ${className}`.trim();
  const heads = columns.map((column) => {
    const cell = hwsim.put(head, "th", null, kindOf(column));
    cell.scope = "col";
    const button = hwsim.put(cell, "button", column.title);
    button.type = "button";
    if (column.unit) hwsim.put(cell, "span", `[${column.unit}]`, "unit");
    button.addEventListener("click", () => {
      const isSame = sort?.key === column.key;
      // Of figures the largest are looked for, of texts the first.
      sort = { key: column.key, isDown: isSame ? !sort.isDown : column.kind === "number" };
      fill();
    });
    return cell;
  });
  let ordered = [];

  function compare(a, b) {
    if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1;
    if (b === null || b === undefined) return -1;
    const order = typeof a === "number" ? a - b : String(a) < String(b) ? -1 : Number(String(a) > String(b));
    return sort.isDown ? -order : order;
  }
  function fill() {
    const by = sort && columns.find((column) => column.key === sort.key);
    ordered = by ? rows.toSorted((a, b) => compare(by.value(a), by.value(b))) : rows;
    heads.forEach((cell, i) => {
      const way = sort?.key !== columns[i].key ? "none" : sort.isDown ? "descending" : "ascending";
      cell.setAttribute("aria-sort", way);
    });
    body.replaceChildren();
    for (const row of ordered) {
      const line = hwsim.put(body, "tr");
      columns.forEach((column, i) => {
        const cell = hwsim.put(line, i ? "td" : "th", null, kindOf(column));
        if (!i) cell.scope = "row";
        if (column.cell) column.cell(row, cell);
        else cell.textContent = column.value(row) ?? "–";
      });
    }
    if (foot) {
      foot.replaceChildren();
      columns.forEach((column, i) => hwsim.put(foot, i ? "td" : "th", column.total?.(ordered) ?? "", kindOf(column)));
    }
    onChange(ordered);
  }
  fill();
  return {
    show(shown) {
      rows = shown;
      fill();
    },
    shown: () => ordered,
    sort: () => sort,
  };
};
