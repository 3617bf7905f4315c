"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const names = Object.keys(data.devices);
const by = (id) => document.getElementById(id);
const map = by("map");
const hidden = new Set();
let device = null;
let structure = 0;

const SVG = "http:" + "//www.w3.org/2000/svg";
function draw(parent, kind, settings, text) {
  const made = document.createElementNS(SVG, kind);
  for (const [key, value] of Object.entries(settings)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}
function put(parent, kind, text, name) {
  const made = document.createElement(kind);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  parent.append(made);
  return made;
}
function percent(share) {
  const shown = 100 * share;
  return `${Math.abs(shown - Math.round(shown)) < 0.05 ? Math.round(shown) : shown.toFixed(1)} %`;
}
function times(ratio) {
  return `${ratio < 9.995 ? ratio.toFixed(2) : ratio < 99.95 ? ratio.toFixed(1) : ratio.toFixed(0)}x`;
}
const colour = (i) => `var(--s${i % 8})`;
const dash = (i) => (i % 8 === 7 ? "7 4" : i % 8 === 5 ? "2 3" : i >= 8 ? "4 2 1 2" : "");
const SHAPES = ["M-3.5,0a3.5,3.5 0 1,0 7,0a3.5,3.5 0 1,0-7,0", "M-4.6,0L0-4.6L4.6,0L0,4.6Z", "M-4.6,0L0-4.6L4.6,0L0,4.6Z", "M-3.2-3.2h6.4v6.4h-6.4Z"];
const shape = (i) => SHAPES[data.structures[i].includes(":") ? 1 : data.structures[i].startsWith("block") ? 3 : 0];

// The heat map: what its cells show, which rows are seen, and where the keyboard is.
function rungAt(ladder, sparsity) {
  return ladder.rungs.find((rung) => Math.abs(rung[0] - sparsity) < 1e-9);
}
function paint() {
  const at = by("shown").value;
  for (const cell of map.querySelectorAll("td .c")) {
    const ladder = data.devices[cell.closest("tr").dataset.device].ladders[cell.dataset.structure];
    const rung = at === "" ? null : rungAt(ladder, Number(at));
    if (at === "") {
      cell.textContent = cell.dataset.text;
      cell.className = `c ${ladder.kind}`;
      cell.style.setProperty("--v", ladder.shade);
    } else if (rung?.[6]) {
      cell.textContent = "dead";
      cell.className = "c never";
    } else if (!rung) {
      cell.textContent = "–";
      cell.className = "c never";
    } else {
      const log = Math.log2(rung[1]);
      const near = Math.abs(rung[1] - 1) < data.same;
      cell.textContent = times(rung[1]);
      cell.className = `c ${near ? (ladder.kind === "never" ? "never" : "same") : log > 0 ? "pays" : "slower"}`;
      cell.style.setProperty("--v", Math.min(1, log / 5));
    }
  }
}
function sift() {
  const wanted = by("search").value.trim().toLowerCase();
  for (const row of map.querySelectorAll("tr[data-device]")) {
    const name = row.dataset.device;
    const gains = data.devices[name].ladders.some((l, i) => l.kind === "pays" && !isRemoval(data.structures[i]));
    row.hidden = !name.toLowerCase().includes(wanted) || (by("paying").checked && !gains);
    row.style.display = row.hidden ? "none" : "";
  }
  for (const body of map.tBodies) {
    const seen = [...body.querySelectorAll("tr[data-device]")].some((row) => !row.hidden);
    body.style.display = seen ? "" : "none";
  }
  const left = [...map.querySelectorAll("tr[data-device]")].filter((row) => !row.hidden);
  by("none").hidden = left.length > 0;
  by("none-paying").hidden = !by("paying").checked;
  map.tHead.style.display = left.length ? "" : "none";
  reach(left);
}
// One cell is reached by Tab: the chosen one, or where a filter hides that the first one seen.
function reach(rows) {
  for (const old of map.querySelectorAll("button[tabindex='0']")) old.tabIndex = -1;
  if (!rows.length) return;
  const chosen = rows.find((row) => row.dataset.device === device);
  const cells = (chosen ?? rows[0]).querySelectorAll("td .c");
  cells[chosen ? structure : 0].tabIndex = 0;
}
function cellOf(name, i) {
  const row = [...map.querySelectorAll("tr[data-device]")].find((each) => each.dataset.device === name);
  return row.querySelectorAll(".c")[i];
}
function choose(name, i, { isFocused = false } = {}) {
  device = name;
  structure = i;
  for (const old of map.querySelectorAll(".chosen, [aria-current], [tabindex='0']")) {
    old.classList.remove("chosen");
    old.removeAttribute("aria-current");
    if (old.matches("button")) old.tabIndex = -1;
  }
  const cell = cellOf(name, i);
  cell.closest("tr").classList.add("chosen");
  cell.setAttribute("aria-current", "true");
  if (!cell.closest("tr").hidden) cell.tabIndex = 0;
  else reach([...map.querySelectorAll("tr[data-device]")].filter((row) => !row.hidden));
  if (isFocused) cell.focus();
  by("device").value = name;
  // Within the map alone: the page stays where it is.
  const [frame, seen] = [map.parentElement, cell.getBoundingClientRect()];
  const edge = frame.getBoundingClientRect();
  if (seen.top < edge.top + 60 || seen.bottom > edge.bottom) frame.scrollTop += seen.top - edge.top - frame.clientHeight / 2;
  detail();
}
map.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const i = button.classList.contains("name") ? structure : Number(button.dataset.structure);
  choose(button.closest("tr").dataset.device, i);
  // In one column the curves stand below the map, out of sight.
  if (!matchMedia("(min-width: 1080px)").matches) by("detail").scrollIntoView({ block: "start" });
});
map.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const cell = event.target.closest("td .c");
  if (!step || !cell) return;
  event.preventDefault();
  const rows = [...map.querySelectorAll("tr[data-device]")].filter((row) => !row.hidden);
  const at = rows.indexOf(cell.closest("tr")) + step[0];
  const i = Number(cell.dataset.structure) + step[1];
  if (!rows[at] || i < 0 || i >= data.structures.length) return;
  choose(rows[at].dataset.device, i, { isFocused: true });
});

// The curves of one device.
const isRemoval = (name) => /^(filter|head|layer)/.test(name);
const AXIS = data.structures.some(isRemoval) ? "sparsity: share of weights; for filter of filters" : "sparsity: share of weights";
let scale = null;
function ticks(low, high) {
  const span = Math.log2(high / low);
  const base = span > 9 ? 4 : 2;
  const found = [];
  for (let t = base ** Math.ceil(Math.log(low) / Math.log(base) - 1e-9); t <= high * 1.0001; t *= base) found.push(t);
  return found;
}
function chart() {
  const svg = by("chart");
  svg.replaceChildren();
  const width = svg.clientWidth;
  const height = svg.clientHeight;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const ladders = data.devices[device].ladders;
  const speeds = ladders.flatMap((l, i) => (hidden.has(i) ? [] : l.rungs.filter((r) => !r[6]).map((r) => r[1])));
  const low = Math.min(0.8, ...speeds) / 1.12;
  const high = Math.max(2.2, ...speeds) * 1.15;
  const box = { left: 58, right: width - 12, top: 10, bottom: height - 40 };
  const x = (s) => box.left + s * (box.right - box.left);
  const y = (v) => box.bottom - ((Math.log(v) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (box.bottom - box.top);
  scale = { x, y, box };
  for (const tick of ticks(low, high)) {
    draw(svg, "line", { class: tick === 1 ? "one" : "grid", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) });
    draw(svg, "text", { x: box.left - 6, y: y(tick) + 4, "text-anchor": "end" }, `${tick}x`);
  }
  for (const s of [0, 0.25, 0.5, 0.75, 1]) {
    draw(svg, "line", { class: "grid", x1: x(s), x2: x(s), y1: box.top, y2: box.bottom });
    draw(svg, "text", { x: x(s), y: box.bottom + 16, "text-anchor": s === 1 ? "end" : "middle" }, percent(s));
  }
  draw(svg, "text", { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" }, AXIS);
  const middle = (box.top + box.bottom) / 2;
  draw(svg, "text", { x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})` }, "speed-up over dense");
  let ideal = "";
  for (let s = 0; s < 1 && 1 / (1 - s) <= high; s += 0.005) ideal += `${ideal ? "L" : "M"}${x(s).toFixed(1)},${y(1 / (1 - s)).toFixed(1)}`;
  draw(svg, "path", { class: "ideal", d: ideal });
  draw(svg, "text", { x: box.right - 4, y: y(1) + 14, "text-anchor": "end" }, "dense");
  ladders.forEach((ladder, i) => {
    if (hidden.has(i) || !ladder.rungs.length) return;
    const group = draw(svg, "g", { class: `curve${ladder.kind === "never" && i !== structure ? " dim" : ""}`, stroke: colour(i) });
    const living = ladder.rungs.filter((rung) => !rung[6]);
    const d = living.map((rung, k) => `${k ? "L" : "M"}${x(rung[0]).toFixed(1)},${y(rung[1]).toFixed(1)}`).join("");
    draw(group, "path", { class: "line", d, "stroke-dasharray": dash(i), "stroke-width": i === structure ? 3.5 : 2 });
    for (const rung of living) {
      const spot = `translate(${x(rung[0])} ${y(rung[1])}) scale(${i === structure ? 1.15 : 0.85})`;
      draw(group, "path", { d: shape(i), transform: spot, fill: ladder.calibrated ? colour(i) : "var(--card)", "stroke-width": 1.6 });
    }
    if (ladder.crossover) {
      draw(group, "circle", { cx: x(ladder.crossover), cy: y(1), r: 6, fill: "none", "stroke-width": 2 });
    }
  });
  // A key in the corner of little sparsity and much speed-up, where few curves come.
  draw(svg, "path", { class: "ideal", d: `M${box.left + 8},${box.top + 6}h22` });
  draw(svg, "text", { x: box.left + 36, y: box.top + 10 }, "ideal 1/(1−s)");
  draw(svg, "line", { class: "guide", y1: box.top, y2: box.bottom, visibility: "hidden" });
}
function sparsities() {
  const found = data.devices[device].ladders.flatMap((l, i) => (hidden.has(i) ? [] : l.rungs.map((r) => r[0])));
  return [...new Set(found)].sort((a, b) => a - b);
}
let pointed = -1;
function point(k) {
  const all = sparsities();
  const tip = by("tip");
  const guide = by("chart").querySelector(".guide");
  pointed = Math.max(-1, Math.min(k, all.length - 1));
  if (pointed < 0) {
    tip.hidden = true;
    guide.setAttribute("visibility", "hidden");
    return;
  }
  const s = all[pointed];
  const found = data.devices[device].ladders
    .map((ladder, i) => ({ i, rung: hidden.has(i) ? undefined : rungAt(ladder, s) }))
    .filter((each) => each.rung)
    .sort((a, b) => b.rung[1] - a.rung[1]);
  tip.replaceChildren();
  put(tip, "b", `${percent(s)} asked for`);
  for (const { i, rung } of found) {
    const line = put(tip, "div");
    put(line, "span", data.labels[i]).style.color = colour(i);
    put(line, "span", rung[6] ? "dead" : `${times(rung[1])} · ${rung[2]} MACs${rung[5] ? ` · ${rung[5]} right` : ""}`);
  }
  tip.hidden = false;
  const px = scale.x(s);
  guide.setAttribute("x1", px);
  guide.setAttribute("x2", px);
  guide.setAttribute("visibility", "visible");
  const room = by("chart").clientWidth;
  const left = px > room / 2 ? px - tip.offsetWidth - 12 : px + 12;
  tip.style.left = `${Math.max(0, Math.min(left, room - tip.offsetWidth))}px`;
  tip.style.top = "14px";
}
by("chart").addEventListener("pointermove", (event) => {
  const px = event.clientX - by("chart").getBoundingClientRect().left;
  const all = sparsities();
  const far = all.map((s) => Math.abs(scale.x(s) - px));
  point(far.indexOf(Math.min(...far)));
});
by("chart").addEventListener("pointerleave", () => point(-1));
by("chart").addEventListener("blur", () => point(-1));
by("chart").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  point(pointed < 0 && step < 0 ? sparsities().length - 1 : Math.max(0, pointed + step));
});

function keys() {
  const box = by("keys");
  box.replaceChildren();
  data.structures.forEach((name, i) => {
    const button = put(box, "button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(!hidden.has(i)));
    const mark = draw(button, "svg", { viewBox: "0 0 26 12", "aria-hidden": "true" });
    draw(mark, "path", { d: "M0,6H26", stroke: colour(i), "stroke-width": 2, "stroke-dasharray": dash(i) });
    draw(mark, "path", { d: shape(i), transform: "translate(13 6)", fill: colour(i) });
    put(button, "span", data.labels[i]);
    button.addEventListener("click", () => {
      if (!hidden.delete(i)) hidden.add(i);
      button.setAttribute("aria-pressed", String(!hidden.has(i)));
      chart();
    });
  });
}
function detail() {
  const own = data.devices[device];
  const right = own.accuracy ? `, ${own.accuracy} right` : "";
  by("facts").textContent = `${own.class ? `${own.class}, ` : ""}dense model ${own.dense}${right}`;
  by("told").replaceChildren();
  put(by("told"), "b", `${data.labels[structure]}: `).style.color = colour(structure);
  by("told").append(`${own.ladders[structure].told}.`);
  const body = by("figures");
  body.replaceChildren();
  const isJudged = document.querySelectorAll(".detail th").length > 7;
  let isOwn = false;
  own.ladders.forEach((ladder, i) => {
    const row = put(body, "tr", undefined, i === structure ? "chosen" : "");
    const head = put(row, "th", data.labels[i]);
    head.scope = "row";
    head.style.color = colour(i);
    put(row, "td", (ladder.calibrated || !ladder.rungs.length ? "" : "~") + ladder.text);
    const rung = rungAt(ladder, data.compared_at) || ladder.rungs.at(-1);
    if (!rung) return put(row, "td", "refused", "muted");
    const isElse = Math.abs(rung[0] - data.compared_at) > 1e-9;
    isOwn ||= isElse;
    put(row, "td", (rung[6] ? "dead" : times(rung[1])) + (isElse ? ` at ${percent(rung[0])}` : ""));
    put(row, "td", rung[2]);
    put(row, "td", rung[3]);
    put(row, "td", rung[4]);
    put(row, "td", ladder.runs + (ladder.round_to > 1 ? `, multiples of ${ladder.round_to}` : ""));
    if (isJudged) put(row, "td", ladder.equal || "–");
    return row;
  });
  const elsewhere = isOwn ? ", or where it says" : "";
  by("footnote").textContent = `Speed-up, MACs, flash and format at ${percent(data.compared_at)}${elsewhere}. Rings mark crossovers; hollow marks and ~ are uncalibrated.`;
  chart();
  point(-1);
}

if (names.length) {
  document.documentElement.style.setProperty("--columns", data.structures.length);
  for (const name of names) put(by("device"), "option", name).value = name;
  for (const each of document.querySelectorAll(".controls, .detail, .hint")) each.hidden = false;
  by("device").addEventListener("change", () => choose(by("device").value, structure));
  by("shown").addEventListener("change", paint);
  by("search").addEventListener("input", sift);
  by("paying").addEventListener("change", sift);
  keys();
  const own = data.devices[data.first].ladders;
  choose(data.first, Math.max(0, own.findIndex((l) => l.kind === "pays" && l.crossover)));
  new ResizeObserver(() => chart()).observe(by("chart").parentElement);
}
