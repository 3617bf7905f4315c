"use strict";
/*
What a section's script may rely on. One script per section, `scripts/ID.js`, wrapped in nothing: put its
names into a block `{ ... }`, and call

  hwsim.section("ID", {
    draw(root, data),     once, when the page is ready. `root` is the section's <div class="body">, which holds the
                          partial `templates/sections/ID.html`; `data` is hwsim.data.
    redraw(root, data),   when the theme has changed (colours of traces differ). hwsim.plot's divs may be drawn again.
  });

hwsim.data, made by reports/page/island.py:
  title, version, baseline (a recipe or null), short {recipe: short label}, refusals [{model, recipe, label, reason}],
  results [{index, model, recipe, device, label (device with overrides: show this), device_class, runtime, overrides, numerics,
    profile_sha256, calibrated, latency_s, latency_low_s, latency_high_s, energy_j, peak_ram_bytes, flash_bytes, ram_capacity_bytes,
    flash_capacity_bytes, memory_is_shared, fits, top1, n, macs, macs_effective, speedup, energy_ratio, mac_ratio, pareto,
    executed_as, why,                          as in the JSON report; unknown ones are null
    baseline: index of the result that it is compared with, or null,
    steps: null | [{name, op, kernel, types, executed_as, reason, format, layout, channels, channel_tile, latency_s,
            terms {name: s}, energy_j, energy_terms {name: J}, counts {macs, macs_effective, ..., traffic_bytes {}}}],
    detail: null | hwsim.records.Detail, fields as there,
    set [overrides as they were given],
    batch: samples of one inference; latency and energy are of all of them,
    bars: null | {verdict, bars_s {cause: s}, layers [{name, before_s, after_s, bars_s}]}}]    where its speed-up went
    steps, detail and bars are null where the page had no room,
  causes {cause: [label, meaning]}, spread_share: how far a tornado moves each number,
  least_gain: the speed-up from which on something pays, pricing {uncalibrated, least_backed, measured_too, stages}: see pricing.js,
  whole: how many results have steps,
  curves [{axis, model, device, others, xs, latency_s, reference_s, reference, crossings}]: see reports/page/crossings.py,
  points: null | {axes [names], count (on the page), total (of the sweep), refused (of the sweep), needed (points on fronts or extreme;
    0 where the page holds all), held (how many of these are on the page), values {axis: [one per point]},
    columns {model, recipe, device, seed, latency_s, energy_j, flash_bytes, peak_ram_bytes,
    latency_low_s, latency_high_s, fits, top1, macs, macs_effective, is_calibrated, refused: [one per point]}}

units.js, core.js, table.js, figures.js, scatter.js, picker.js, rows.js, sources.js, pricing.js and knobs.js load before the sections;
what they define stands on top of each.

hwsim.select: the result that is looked at; it always has steps.
  .index, .result, .set(index), .on(listener(result)): called at every change, not at first.
hwsim.theme() -> "light" | "dark".         hwsim.colour("ink") -> a colour of page.css's variable --ink, as plotly takes it.
hwsim.palette(names) -> {name: {colour, dash, symbol, pattern}}: equal names in equal order get the same; no two names look alike by
  colour alone beyond eight, so use dash (lines), symbol (marks) and pattern (bars) as well. ink/muted/line/alert: hwsim.colour.
hwsim.plot(div, traces, layout, label): plotly with the theme laid under `layout` (fonts, grids of all its axes, backgrounds, legend,
  hover). `label` says for screen readers what is drawn. Returns plotly's promise. Set layout.height. `div` is kept up with its width.
hwsim.plain(text): for names in plotly's texts, which reads HTML in them.      hwsim.put(parent, "td", text, "class") -> the element.
hwsim.breakable(parent, name): a name that may break behind its underscores and commas.
Units, equal to reports/units.py: hwsim.SECONDS, JOULES, BYTES, COUNTS (ladders), hwsim.unitFor(values, ladder) -> {symbol, base},
  hwsim.inUnit(value, unit), hwsim.withUnit(value, ladder), hwsim.figure(value), hwsim.times(ratio).
hwsim.table(root, {...}): a table to sort and filter, see table.js.
hwsim.by("id") -> element.   hwsim.ready: true as soon as all sections are drawn, for tests.
*/
const hwsim = { drawn: [], data: null, ready: false, ...units };

hwsim.by = (id) => document.getElementById(id);
hwsim.plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
hwsim.put = (parent, kind, text, name) => {
  const made = document.createElement(kind);
  if (text !== undefined && text !== null) made.textContent = text;
  if (name) made.className = name;
  parent.append(made);
  return made;
};
// Names may break behind what parts their words.
hwsim.breakable = (parent, name) => {
  for (const part of String(name).split(/(?<=[_/;,|])/)) parent.append(part, document.createElement("wbr"));
};
hwsim.words = (text) => String(text).replaceAll("_", " ");

hwsim.section = (id, { draw, redraw = () => {} }) => hwsim.drawn.push({ id, draw, redraw });

// Which result is looked at.
hwsim.select = {
  index: -1,
  listeners: [],
  get result() {
    return hwsim.data.results[this.index] ?? null;
  },
  on(listener) {
    this.listeners.push(listener);
  },
  set(index) {
    if (index === this.index || !hwsim.data.results[index]?.steps) return;
    this.index = index;
    for (const listener of this.listeners) listener(this.result);
  },
};

// Light or dark.
const dark = matchMedia("(prefers-color-scheme: dark)");
hwsim.theme = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
hwsim.setTheme = (name) => {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  const button = hwsim.by("theme");
  // It says what a click makes of the page.
  button.textContent = hwsim.theme() === "dark" ? "Light" : "Dark";
  if (!hwsim.ready) return;
  for (const each of hwsim.drawn) each.redraw(each.root, hwsim.data);
};
hwsim.colour = (name) => {
  const probe = hwsim.by("probe");
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
};

// After Okabe and Ito, whose colours colour-blind readers tell apart; lighter where the page is dark. A test holds them apart.
const COLOURS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b0578d", "#e69f00", "#56b4e9", "#6e57d6", "#4d5560"],
  dark: ["#56b4e9", "#ff8c42", "#0cf0a0", "#e49baf", "#f0e442", "#6c58ff", "#a381ff", "#f2f5f8"],
};
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "star", "x", "pentagon", "cross", "hexagon", "hourglass"];
const PATTERNS = ["", "/", "x", "-", "\\", "+", "."];
hwsim.palette = (names) => {
  const colours = COLOURS[hwsim.theme()];
  const each = [...new Set(names)].map((name, i) => {
    const turn = Math.floor(i / colours.length);
    const dash = DASHES[(i + turn) % DASHES.length];
    return [name, { colour: colours[i % colours.length], dash, symbol: SYMBOLS[i % SYMBOLS.length], pattern: PATTERNS[turn % PATTERNS.length] }];
  });
  return Object.fromEntries(each);
};

// Charts. Plotly's buttons are named one by one: its own choice holds one that sends the figure to its makers.
const CONFIG = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
hwsim.plot = (div, traces, layout, label, config = {}) => {
  const [ink, muted, line, card] = ["ink", "muted", "line", "card"].map(hwsim.colour);
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, tickcolor: line, automargin: true };
  const themed = {
    margin: { l: 56, r: 14, t: 10, b: 46 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "closest",
    ...layout,
    font: { family: "system-ui, -apple-system, Segoe UI, sans-serif", size: 13, color: ink, ...layout.font },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal", font: { size: 12.5 }, ...layout.legend },
    hoverlabel: { align: "left", bgcolor: card, bordercolor: muted, font: { color: ink, size: 12.5 }, ...layout.hoverlabel },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: ink },
  };
  for (const name of new Set([...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key)), "xaxis", "yaxis"])) {
    themed[name] = { ...axis, ...layout[name] };
  }
  div.setAttribute("role", "figure");
  if (label) div.setAttribute("aria-label", label);
  const drawn = Plotly.react(div, traces, themed, { ...CONFIG, ...config });
  // Plotly's buttons only serve a mouse: stops on the way of a keyboard they need not be.
  for (const button of div.querySelectorAll(".modebar-btn")) button.tabIndex = -1;
  return drawn;
};
