"use strict";
/* Crossover: speed-up along a number, a curve per device. */
{
  const PARTS = ["axis", "model", "others"];
  let root;

  const most = (curve) => Math.max(...speedups(curve));
  const lists = () => PARTS.map((part) => root.querySelector(`[data-by="${part}"] select`));
  const speedups = (curve) => curve.latency_s.map((seconds) => curve.reference_s / seconds);

  // Each list offers what is left by those before it.
  function fill(from) {
    let curves = hwsim.data.curves;
    lists().forEach((list, i) => {
      const part = PARTS[i];
      if (i >= from) {
        const before = list.value;
        const values = [...new Set(curves.map((curve) => curve[part]))];
        list.replaceChildren();
        for (const value of values) hwsim.put(list, "option", value || "–").value = value;
        list.value = values.includes(before) ? before : values[0];
        list.parentElement.hidden = values.length < 2;
      }
      curves = curves.filter((curve) => curve[part] === list.value);
    });
    return curves;
  }

  // Curves of one chart may refer to different things: where some lack the baseline, each says its own.
  const referencesOf = (curves) => [...new Set(curves.map((curve) => curve.reference))];
  const nameOf = (curve, curves) => (referencesOf(curves).length > 1 ? `${curve.device}, over ${curve.reference}` : curve.device);

  function chart(curves) {
    const looks = hwsim.palette(curves.map((curve) => curve.device));
    const [{ axis }] = curves;
    const values = curves.flatMap(speedups);
    const spread = Math.max(...values) / Math.min(...values);
    const traces = curves.map((curve) => ({
      type: "scatter",
      mode: "lines+markers",
      name: hwsim.plain(nameOf(curve, curves)),
      x: curve.xs,
      y: speedups(curve),
      line: { color: looks[curve.device].colour, dash: looks[curve.device].dash, width: 2 },
      marker: { symbol: looks[curve.device].symbol, size: 7 },
      customdata: curve.latency_s.map((seconds) => hwsim.withUnit(seconds, hwsim.SECONDS)),
      hovertemplate: `<b>${hwsim.plain(curve.device)}</b><br>${hwsim.plain(axis)} %{x}: %{y:.3g}x over ${hwsim.plain(curve.reference)}, %{customdata}<extra></extra>`,
    }));
    const rings = curves.flatMap((curve) => curve.crossings.map((x) => ({ x, curve })));
    traces.push({
      type: "scatter",
      mode: "markers",
      name: "passes 1",
      showlegend: rings.length > 0,
      x: rings.map(({ x }) => x),
      y: rings.map(() => 1),
      marker: { symbol: "circle-open", size: 15, line: { width: 2 }, color: rings.map(({ curve }) => looks[curve.device].colour) },
      customdata: rings.map(({ x, curve }) => `<b>${hwsim.plain(curve.device)}</b><br>passes 1 at ${hwsim.plain(axis)} ${hwsim.figure(x)}`),
      hovertemplate: "%{customdata}<extra></extra>",
    });
    const references = referencesOf(curves);
    const over = references.length === 1 ? `speed-up over ${references[0]}` : "speed-up";
    const layout = {
      height: 430 + (hwsim.isNarrow(root) ? 20 * curves.length : 6 * curves.length),
      margin: { l: 56, r: 14, t: 40, b: 50 },
      showlegend: true,
      xaxis: { title: hwsim.axisTitle(axis) },
      yaxis: { title: hwsim.axisTitle(over), ticksuffix: "x", ...(spread > 8 ? { type: "log", dtick: "D1" } : {}) },
      shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1, line: { color: hwsim.colour("ink"), width: 1.3 } }],
    };
    hwsim.plot(root.querySelector(".chart"), traces, layout, `Speed-up along ${axis} on ${curves.length} devices`);
  }

  // Of a curve that never passes 1.
  function elsewhere(curve) {
    if (most(curve) < hwsim.data.least_gain) return `never pays: at most ${hwsim.times(most(curve))}`;
    return Math.min(...speedups(curve)) >= 1 ? "above 1 throughout" : "nowhere";
  }

  function table(curves) {
    const at = (x) => (x === undefined ? null : x);
    hwsim.table(root.querySelector(".figures"), {
      caption: `Where the speed-up along ${curves[0].axis} passes 1`,
      rows: curves,
      columns: [
        { key: "device", title: "device", kind: "text", value: (row) => row.device },
        ...(referencesOf(curves).length > 1 ? [{ key: "reference", title: "over", kind: "text", value: (row) => row.reference }] : []),
        { key: "crossing", title: "passes 1 at", kind: "number", value: (row) => at(row.crossings[0]), cell: (row, td) => {
          td.textContent = row.crossings.length ? row.crossings.map(hwsim.figure).join(", ") : elsewhere(row);
        } },
        { key: "best", title: "most speed-up", kind: "number", value: most, cell: (row, td) => (td.textContent = hwsim.times(most(row))) },
        { key: "last", title: "at the end", kind: "number", value: (row) => speedups(row).at(-1), cell: (row, td) => (td.textContent = hwsim.times(speedups(row).at(-1))) },
      ],
    });
  }

  function show(from = 0) {
    const curves = fill(from);
    chart(curves);
    table(curves);
    root.querySelector(".footnote").textContent = `Speed-up over ${referencesOf(curves).join(" or ")}, on the same device.`;
  }

  hwsim.section("crossover", {
    draw(body) {
      root = body;
      lists().forEach((list, i) => list.addEventListener("change", () => show(i + 1)));
      show();
    },
    redraw: () => show(PARTS.length),
  });
}
