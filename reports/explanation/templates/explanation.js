"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const config = { responsive: true, displayModeBar: false };
const charts = [...document.querySelectorAll("[data-figure]")];
const drawn = new Set();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function widest(texts) {
  return Math.max(...texts.map((text) => text.replace(/<[^>]*>/g, "").length));
}

// Bars end where their longest figure still fits beside them; a narrow page leaves shares out.
function makeRoom(element, trace, layout) {
  const pixels = 7.6;
  const room = () => element.clientWidth - 24 - pixels * widest(layout.yaxis.ticktext);
  if (room() < 420) {
    trace.text = trace.meta;
    layout.yaxis.ticktext = layout.meta;
  }
  const plot = room();
  const left = Math.max(0.3, 1 - (pixels * widest(trace.text)) / plot);
  const [start, end] = layout.xaxis.range;
  layout.xaxis.range = [start, start + (end - start) / left];
}

function draw(element) {
  const figure = structuredClone(figures[element.dataset.figure]);
  const [ink, line, card] = ["--ink", "--line", "--card"].map(colour);
  const layout = figure.layout;
  layout.font.color = ink;
  layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
  layout.hoverlabel = { align: "left", bgcolor: card, bordercolor: line, font: { color: ink } };
  layout.xaxis.gridcolor = line;
  layout.xaxis.zerolinecolor = line;
  for (const trace of figure.data) {
    if (trace.mode === "markers") trace.marker.line.color = ink;
    if (trace.marker?.pattern) trace.marker.pattern.fgcolor = card;
    if (trace.marker?.pattern) trace.marker.pattern.bgcolor = trace.marker.color;
  }
  const figuresBeside = figure.data.find((trace) => trace.mode === "text");
  if (figuresBeside) makeRoom(element, figuresBeside, layout);
  drawn.add(element);
  Plotly.react(element, figure.data, layout, config);
}

// A page may hold a hundred charts: each is drawn when it comes near.
const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
    }
  },
  { rootMargin: "800px" },
);
for (const element of charts) near.observe(element);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
addEventListener("beforeprint", () => {
  for (const body of document.querySelectorAll("details.body")) body.open = true;
  charts.forEach(draw);
});

// A link to a closed section opens it.
function reveal() {
  const body = location.hash && document.querySelector(`${location.hash} > details.body`);
  if (!body) return;
  body.open = true;
  body.parentElement.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();
for (const link of document.querySelectorAll('a[href^="#c"]')) {
  link.addEventListener("click", () => setTimeout(reveal));
}

// Tables that are wider than the page say so above their first line.
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const isWide = target.scrollWidth > target.clientWidth + 1;
    let hint = target.previousElementSibling;
    if (!hint?.classList.contains("hint")) {
      if (!isWide) continue;
      hint = document.createElement("p");
      hint.className = "hint";
      hint.textContent = "← The table scrolls sideways →";
      target.before(hint);
    }
    hint.style.display = isWide ? "block" : "none";
  }
});
for (const element of document.querySelectorAll(".scroll")) widths.observe(element);

function value(row, column, kind) {
  const cell = row.cells[column];
  return kind === "number" ? Number(cell.dataset.value) : cell.textContent.trim();
}

function sort(button) {
  const head = button.closest("th");
  const kind = button.dataset.sort;
  // Figures start with the largest, names with the first.
  const first = kind === "number" ? "descending" : "ascending";
  const other = kind === "number" ? "ascending" : "descending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  for (const each of head.parentElement.cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  const body = button.closest("table").tBodies[0];
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [a, b].map((row) => value(row, head.cellIndex, kind));
    return sign * (kind === "number" ? x - y : x.localeCompare(y));
  });
  body.append(...rows);
}

for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => sort(button));
}
