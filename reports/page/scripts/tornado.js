"use strict";
/* Tornado: what each number of the profile does to the latency. */
{
  const MOST = 15;
  let root;

  const reach = (spread, base) => Math.max(Math.abs(spread.low_s - base), Math.abs(spread.high_s - base));

  // The numbers that are left out of the chart, each moved alone, summed up.
  function restOf(spreads, base) {
    const sum = (part) => spreads.reduce((total, spread) => total + (spread[part] - base), base);
    return { key: `${spreads.length} others, summed up`, source: "", low_s: sum("low_s"), high_s: sum("high_s") };
  }

  function nameOf(key) {
    const parts = key.replace(/^(hardware|runtime)\./, "").split(".");
    return parts.filter((part) => !["memories", "kernels", "cycles", "constants"].includes(part)).join(" ");
  }

  function percent(value) {
    const text = hwsim.figure(Math.abs(100 * value));
    return `${value < 0 ? "-" : "+"}${text} %`;
  }

  function chart(spreads, base) {
    const rows = spreads.slice(0, MOST);
    if (spreads.length > MOST) rows.push(restOf(spreads.slice(MOST), base));
    const change = (value) => value / base - 1;
    const hover = (row, at, word) => {
      const lines = [`<b>${hwsim.plain(row.key)}</b>`];
      if (row.value !== undefined) lines.push(`${word} than ${row.value}`);
      lines.push(`${hwsim.withUnit(row[at], hwsim.SECONDS)} (${percent(change(row[at]))})`);
      if (row.source) lines.push(hwsim.plain(hwsim.shorten(row.source, 90)));
      return lines.join("<br>");
    };
    const trace = (name, at, colour, pattern) => ({
      name,
      colour,
      pattern,
      showlegend: true,
      lengths: rows.map((row) => 100 * change(row[at])),
      hovers: rows.map((row) => hover(row, at, name)),
    });
    const most = Math.max(...rows.map((row) => 100 * (reach(row, base) / base)), 1e-9);
    return hwsim.rows(root.querySelector(".chart"), {
      names: rows.map((row) => (row.source ? nameOf(row.key) : row.key)),
      traces: [trace("smaller", "low_s", hwsim.colour("bar"), ""), trace("larger", "high_s", hwsim.colour("loss"), "/")],
      axis: { title: "change of latency [%]", range: [-1.06 * most, 1.06 * most], ticksuffix: " %" },
      label: `Change of latency by each of the ${MOST} strongest numbers of the profile`,
    });
  }

  function table(spreads, base) {
    const seconds = (at) => ({ key: at, kind: "number", value: (row) => row[at], cell: (row, td) => (td.textContent = hwsim.withUnit(row[at], hwsim.SECONDS)) });
    hwsim.table(root.querySelector(".figures"), {
      caption: "Sensitivity of the latency to each number of the profile",
      rows: spreads,
      columns: [
        { key: "key", title: "number", kind: "text", className: "key", value: (row) => row.key, cell: hwsim.drawKey },
        { key: "value", title: "value", kind: "number", value: (row) => row.value, cell: (row, td) => (td.textContent = String(Number(row.value.toPrecision(6)))) },
        { ...seconds("low_s"), title: "smaller" },
        { ...seconds("high_s"), title: "larger" },
        { key: "reach", title: "most", unit: "%", kind: "number", value: (row) => reach(row, base), cell: (row, td) => (td.textContent = hwsim.figure((100 * reach(row, base)) / base)) },
        { key: "kind", title: "known as", kind: "text", value: (row) => row.source, cell: (row, td) => hwsim.drawKind(td, row.source) },
      ],
    });
  }

  function legend(spreads) {
    const list = root.querySelector(".kinds");
    list.replaceChildren();
    const counts = Object.keys(hwsim.KINDS).map((kind) => [kind, spreads.slice(0, MOST).filter((spread) => hwsim.kindOf(spread.source) === kind).length]);
    for (const [kind, count] of counts) {
      if (!count) continue;
      const item = hwsim.put(list, "li");
      hwsim.drawKind(item, `${kind}:`);
      hwsim.put(item, "span", `${count} of these ${Math.min(MOST, spreads.length)}`);
    }
  }

  function show() {
    const { detail, latency_s } = hwsim.select.result;
    const spreads = detail?.spreads ?? [];
    for (const each of root.children) each.hidden = !spreads.length;
    root.querySelector(".none").hidden = spreads.length > 0;
    if (!spreads.length) return;
    root.querySelector(".share").textContent = `${100 * hwsim.data.spread_share} %`;
    legend(spreads);
    table(spreads, latency_s);
    chart(spreads, latency_s);
  }

  hwsim.section("tornado", {
    draw(body) {
      root = body;
      hwsim.select.on(show);
      show();
    },
    redraw: show,
  });
}
