"use strict";
/* Bars per device and recipe: latency, energy, and memory as a share of capacity. */
{
  const interval = (result) => [result.latency_low_s, result.latency_high_s];
  const QUANTITIES = {
    latency: { ladder: hwsim.SECONDS, value: (result) => result.latency_s, interval },
    energy: { ladder: hwsim.JOULES, value: (result) => result.energy_j, interval: null },
  };
  const MEMORIES = [
    { id: "costs-ram", title: "RAM", need: (r) => r.peak_ram_bytes, room: (r) => r.ram_capacity_bytes },
    { id: "costs-flash", title: "flash", need: (r) => r.flash_bytes, room: (r) => r.flash_capacity_bytes },
  ];
  const ABOVE = 0.1;
  const BELOW = 0.35;

  function chosen(data) {
    const model = hwsim.by("costs-model").value;
    return data.results.filter((result) => result.model === model);
  }
  function logRange(values) {
    const known = values.filter((value) => value > 0);
    if (!known.length) return {};
    // Bars have no zero to stand on here; a third of a decade keeps the smallest visible.
    const [least, most] = [Math.min(...known), Math.max(...known)];
    const decades = Math.log10(most / least);
    const dtick = decades >= 4 ? 2 : decades >= 2 ? 1 : decades >= 0.9 ? "D2" : "D1";
    return { range: [Math.log10(least) - BELOW, Math.log10(most) + ABOVE], dtick, tick0: 0, tickangle: 0 };
  }
  // One trace per recipe; bars stand in groups per device.
  function groups(data, results, length, words) {
    const recipes = Object.keys(data.short).filter((recipe) => results.some((r) => r.recipe === recipe));
    const palette = hwsim.palette(Object.keys(data.short));
    const places = [...new Set(results.map((result) => result.label))];
    const traces = recipes.map((recipe) => {
      const own = results.filter((result) => result.recipe === recipe);
      const { colour, pattern } = palette[recipe];
      return {
        type: "bar",
        orientation: "h",
        name: hwsim.plain(data.short[recipe]),
        y: own.map((result) => places.indexOf(result.label)),
        x: own.map(length),
        text: own.map((result) => [result.model, result.label, result.recipe].map(hwsim.plain).join("<br>") + `<br>${words(result)}`),
        textposition: "none",
        hovertemplate: "%{text}<extra></extra>",
        marker: { color: colour, pattern: { shape: pattern, fgcolor: hwsim.colour("card"), size: 6, solidity: 0.25 } },
      };
    });
    const layout = {
      height: 96 + places.length * Math.max(40, 15 * recipes.length + 14),
      barmode: "group",
      bargap: 0.28,
      showlegend: recipes.length > 1,
      yaxis: {
        tickvals: places.map((_, i) => i),
        ticktext: places.map(folded),
        autorange: "reversed",
        zeroline: false,
        showgrid: false,
      },
    };
    return { traces, layout };
  }
  function folded(name) {
    const [device, ...rest] = name.split(" [");
    const lines = [device, ...(rest.length ? [`[${rest.join(" [")}`] : [])];
    return lines.map((line) => hwsim.plain(line.length > 26 ? `${line.slice(0, 12)}…${line.slice(-13)}` : line)).join("<br>");
  }
  function bars(data) {
    const name = hwsim.by("costs-quantity").value;
    const { ladder, value, interval } = QUANTITIES[name];
    const isLog = hwsim.by("costs-axis").value === "log";
    const results = chosen(data);
    const unit = hwsim.unitFor(results.map(value), ladder);
    const { traces, layout } = groups(data, results, (r) => value(r) / unit.base, (r) => told(r, value, ladder, interval));
    const all = results.flatMap((r) => [value(r), ...(interval ? interval(r) : [])]).map((each) => each / unit.base);
    if (interval) {
      const own = (trace) => results.filter((r) => hwsim.plain(data.short[r.recipe]) === trace.name);
      for (const trace of traces) {
        trace.error_x = {
          type: "data",
          symmetric: false,
          array: own(trace).map((r) => Math.max(0, interval(r)[1] - value(r)) / unit.base),
          arrayminus: own(trace).map((r) => Math.max(0, value(r) - interval(r)[0]) / unit.base),
          color: hwsim.colour("ink"),
          thickness: 1.2,
          width: 3,
        };
      }
    }
    layout.xaxis = { title: { text: `${name} [${unit.symbol}]` }, tickformat: "~g", ...(isLog ? { type: "log", ...logRange(all) } : { type: "linear", rangemode: "tozero", autorange: true }) };
    hwsim.plot(hwsim.by("costs-bars"), traces, layout, `${name} by device and recipe; the overview has the figures`);
  }
  function told(result, value, ladder, interval) {
    const [low, high] = interval ? interval(result) : [];
    const range = interval ? ` (${hwsim.withUnit(low, ladder)} to ${hwsim.withUnit(high, ladder)})` : "";
    return hwsim.withUnit(value(result), ladder) + range;
  }
  function memories(data) {
    const results = chosen(data);
    for (const { id, title, need, room } of MEMORIES) {
      const share = (result) => (room(result) ? (100 * need(result)) / room(result) : 0);
      const words = (result) =>
        `${hwsim.withUnit(need(result), hwsim.BYTES)} of ${hwsim.withUnit(room(result), hwsim.BYTES)}${result.memory_is_shared ? ", shared with the other" : ""}`;
      const { traces, layout } = groups(data, results, share, words);
      layout.xaxis = { title: { text: `${title} [% of capacity]` }, type: "log", tickformat: "~g", ...logRange([100, ...results.map(share)]) };
      layout.shapes = [{ type: "line", yref: "paper", y0: 0, y1: 1, x0: 100, x1: 100, line: { color: hwsim.colour("alert"), width: 1.5, dash: "dash" } }];
      layout.showlegend = false;
      hwsim.plot(hwsim.by(id), traces, layout, `${title} as a share of capacity, by device and recipe`);
    }
  }
  function both(root, data) {
    bars(data);
    memories(data);
  }
  hwsim.section("costs", {
    draw(root, data) {
      const models = [...new Set(data.results.map((result) => result.model))];
      for (const model of models) hwsim.put(hwsim.by("costs-model"), "option", model).value = model;
      hwsim.by("costs-model-label").hidden = models.length < 2;
      hwsim.by("costs-model").addEventListener("change", () => both(root, data));
      for (const id of ["costs-quantity", "costs-axis"]) hwsim.by(id).addEventListener("change", () => bars(data));
      both(root, data);
    },
    redraw: both,
  });
}
