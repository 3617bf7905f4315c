"use strict";
/* Roofline (Williams, Waterman and Patterson, CACM 2009): layers below the roofs of their device. */
{
  const MOST_KINDS = 8;
  const MOST_ROOFS = 6;
  let root;
  let memory = null;

  // Multiplications that the kernel makes: zeros that it skips are none, products that Winograd's identity spares neither.
  function pointsOf(result) {
    const points = result.steps.map((step, i) => {
      const moved = step.counts.traffic_bytes[memory] ?? 0;
      return { step, number: i + 1, moved, macs: step.counts.macs_executed, rate: step.counts.macs_executed / step.latency_s };
    });
    return points.filter(({ macs, moved, step }) => macs > 0 && moved > 0 && step.latency_s > 0);
  }

  function memoriesOf(result) {
    const timed = (result.detail?.bytes_roofs ?? []).map((roof) => roof.name);
    const moved = {};
    for (const { counts } of result.steps) for (const [name, bytes] of Object.entries(counts.traffic_bytes)) moved[name] = (moved[name] ?? 0) + bytes;
    const seconds = Object.fromEntries((result.detail?.bytes_roofs ?? []).map((roof) => [roof.name, (moved[roof.name] ?? 0) / roof.per_s]));
    const names = [...timed.filter((name) => moved[name]), ...Object.keys(moved).filter((name) => !timed.includes(name))];
    return names.sort((a, b) => (seconds[b] ?? -1) - (seconds[a] ?? -1));
  }

  const rate = (perS) => `${hwsim.withUnit(perS, hwsim.COUNTS)}MAC/s`.replace(/([GMk])MAC/, "$1MAC");
  const bandwidth = (perS) => {
    const { symbol, base } = hwsim.unitFor([perS], hwsim.COUNTS);
    return `${hwsim.figure(perS / base)} ${symbol}B/s`;
  };

  // Kernels of one rate share a roof.
  function roofsOf(result) {
    const groups = new Map();
    for (const { name, per_s } of result.detail?.macs_roofs ?? []) {
      const key = per_s.toPrecision(6);
      groups.set(key, [...(groups.get(key) ?? []), { name, per_s }]);
    }
    return [...groups.values()].map((own) => ({ per_s: own[0].per_s, names: own.map((each) => each.name) })).slice(0, MOST_ROOFS);
  }

  // Points along a line, to hover over; equal steps on logarithmic axes.
  const spread = ([a, b]) => Array.from({ length: 41 }, (_, i) => a * (b / a) ** (i / 40));

  function lines(roofs, slope, [least, most]) {
    const line = (x, y, dash, name) => ({
      type: "scatter", mode: "lines", x: spread(x), y: spread(y), showlegend: false, hovertemplate: `${hwsim.plain(name)}<extra></extra>`,
      line: { color: hwsim.colour("muted"), width: dash === "solid" ? 2.2 : 1.4, dash },
    });
    const found = roofs.map(({ per_s, names }, i) => {
      const from = slope ? Math.min(most, Math.max(least, per_s / slope)) : least;
      return line([from, most], [per_s, per_s], i ? "dash" : "solid", `${names.join(", ")}: ${rate(per_s)}`);
    });
    if (slope) {
      const top = roofs.length ? Math.min(most, roofs[0].per_s / slope) : most;
      found.push(line([least, Math.max(top, least)], [least * slope, Math.max(top, least) * slope], "solid", `${memory}: ${bandwidth(slope)}`));
    }
    return found;
  }

  function notes(roofs, slope, [least, most], isNarrow) {
    const note = (x, y, text, more) => ({ x: Math.log10(x), y: Math.log10(y), text, showarrow: false, font: { size: 11.5, color: hwsim.colour("muted") }, ...more });
    const found = [];
    let last = Infinity;
    for (const { per_s, names } of roofs) {
      // Roofs that lie close leave no room for a second line of text.
      if (last / per_s < 1.5) continue;
      last = per_s;
      const name = names.length > 1 ? `${names[0]} + ${names.length - 1}` : names[0];
      found.push(note(most, per_s, `${hwsim.plain(hwsim.shorten(name, isNarrow ? 22 : 46))}: ${rate(per_s)}`, { xanchor: "right", yanchor: "bottom" }));
    }
    if (slope) found.push(note(least, least * slope, `${hwsim.plain(memory)}: ${bandwidth(slope)}`, { xanchor: "left", yanchor: "top", xshift: 12 }));
    return found;
  }

  function marks(points) {
    const kinds = [...new Set(points.map(({ step }) => step.op))];
    const looks = hwsim.palette(kinds.slice(0, MOST_KINDS));
    const longest = Math.max(...points.map(({ step }) => step.latency_s));
    return kinds.map((kind) => {
      const own = points.filter(({ step }) => step.op === kind);
      const look = looks[kind] ?? { colour: hwsim.colour("muted"), symbol: "circle" };
      return {
        type: "scatter",
        mode: "markers",
        name: hwsim.words(kind),
        x: own.map(({ macs, moved }) => macs / moved),
        y: own.map((point) => point.rate),
        marker: {
          color: look.colour,
          symbol: look.symbol,
          opacity: 0.85,
          size: own.map(({ step }) => 7 + 17 * Math.sqrt(step.latency_s / longest)),
          line: { width: 1, color: hwsim.colour("card") },
        },
        customdata: own.map(hover),
        hovertemplate: "%{customdata}<extra></extra>",
      };
    });
  }

  function hover({ step, number, macs, moved, rate: perS }) {
    const dense = step.counts.macs === macs ? "" : `<br>${rate(step.counts.macs / step.latency_s)} of the dense layer`;
    return [
      `<b>${number}. ${hwsim.plain(step.name)}</b>`,
      `${hwsim.plain(step.kernel)}, ${step.types}`,
      `${hwsim.withUnit(step.latency_s, hwsim.SECONDS)}`,
      `${rate(perS)}${dense}`,
      `${hwsim.figure(macs / moved)} MACs per byte of ${hwsim.plain(memory)}`,
    ].join("<br>");
  }

  function chart(result) {
    const points = pointsOf(result);
    const none = root.querySelector(".none");
    none.hidden = points.length > 0;
    none.textContent = "No layer multiplies anything that moves through this memory.";
    root.querySelector(".chart").hidden = !points.length;
    if (!points.length) return;
    const div = root.querySelector(".chart");
    const roofs = roofsOf(result);
    const slope = result.detail?.bytes_roofs.find((roof) => roof.name === memory)?.per_s ?? null;
    const xs = points.map(({ macs, moved }) => macs / moved);
    const corner = slope && roofs.length ? roofs[0].per_s / slope : null;
    const ends = [Math.min(...xs) / 2.5, Math.max(...xs, ...(corner && corner < 300 * Math.max(...xs) ? [corner] : [])) * 4];
    const ys = [...points.map((point) => point.rate), ...roofs.map((roof) => roof.per_s), ...(slope ? [ends[0] * slope] : [])];
    const log = (values) => values.map(Math.log10);
    const axis = (values) => ({ type: "log", exponentformat: "SI", dtick: Math.max(...values) / Math.min(...values) > 1000 ? 1 : "D2" });
    const layout = {
      height: 460,
      margin: { l: 58, r: 12, t: 34, b: 50 },
      xaxis: { ...axis(ends), title: hwsim.axisTitle(`multiplications per byte of ${memory}`), range: log(ends) },
      yaxis: { ...axis(ys), title: hwsim.axisTitle("multiplications per second"), range: log([Math.min(...ys) / 3, Math.max(...ys) * 2.2]) },
      annotations: notes(roofs, slope, ends, hwsim.isNarrow(div)),
      showlegend: true,
    };
    hwsim.plot(div, [...lines(roofs, slope, ends), ...marks(points)], layout, `Roofline of ${result.label}: ${points.length} layers below their roofs`);
    div.dataset.points = points.length;
    const timed = slope ? "" : `Transfers through ${memory} take no time of their own on this device (they are part of its kernels' cycles), so there is no slope. `;
    root.querySelector(".footnote").textContent = `${timed}Marks grow with the time a layer takes. Multiplications are those that a kernel makes: not the zeros that it skips, nor what Winograd's identity spares.`;
  }

  function show() {
    const { result } = hwsim.select;
    const names = memoriesOf(result);
    if (!names.includes(memory)) [memory = null] = names;
    const list = root.querySelector("select");
    list.replaceChildren();
    for (const name of names) hwsim.put(list, "option", name).value = name;
    list.value = memory;
    root.querySelector(".controls").hidden = names.length < 2;
    chart(result);
  }

  hwsim.section("roofline", {
    draw(body) {
      root = body;
      root.querySelector("select").addEventListener("change", (event) => {
        memory = event.target.value;
        chart(hwsim.select.result);
      });
      hwsim.select.on(() => {
        memory = null;
        show();
      });
      show();
    },
    redraw: show,
  });
}
