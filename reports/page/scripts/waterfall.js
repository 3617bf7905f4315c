"use strict";
/* Waterfall: what lies between the latency of the baseline and that of a result, in changes that add up. */
{
  const MOST = 14;
  const SMALL = 0.005;
  let root;
  let view = "cause";
  let hasCauses = false;

  // hwsim.explain's causes, in their order; as promised is where the effective MACs alone would have led.
  function byCause({ bars_s }) {
    return Object.entries(bars_s).map(([cause, seconds]) => {
      const [label, meaning] = hwsim.data.causes[cause];
      return { label, seconds, meaning, isPromise: cause === "fewer_macs" };
    });
  }
  const sumsOf = (steps, pairs) => {
    const sums = new Map();
    for (const step of steps) for (const [name, seconds] of pairs(step)) sums.set(name, (sums.get(name) ?? 0) + seconds);
    return sums;
  };
  function differences(before, after, pairs) {
    const [old, now] = [before, after].map((result) => sumsOf(result.steps, pairs));
    const names = [...new Set([...old.keys(), ...now.keys()])];
    return names.map((name) => {
      const [a, b] = [old, now].map((sums) => sums.get(name) ?? 0);
      const meaning = `${hwsim.withUnit(a, hwsim.SECONDS)} → ${hwsim.withUnit(b, hwsim.SECONDS)}`;
      return { label: name, seconds: b - a, meaning };
    });
  }
  const byTerm = (before, after) => {
    const found = differences(before, after, (step) => Object.entries(step.terms));
    const worded = found.map((each) => ({ ...each, label: hwsim.words(each.label).replace(":", " ") }));
    return worded.sort((a, b) => Math.abs(b.seconds) - Math.abs(a.seconds));
  };
  function byLayer(before, after, attribution) {
    if (!attribution) return differences(before, after, (step) => [[step.name, step.latency_s]]);
    return attribution.layers.map(({ name, before_s, after_s }) => {
      const meaning = `${hwsim.withUnit(before_s, hwsim.SECONDS)} → ${hwsim.withUnit(after_s, hwsim.SECONDS)}`;
      return { label: name, seconds: after_s - before_s, meaning };
    });
  }

  // The strongest in their order, and one bar for what is left: all of it, so that the bars add up.
  function shown(changes, before_s, after_s) {
    const least = SMALL * Math.max(before_s, after_s);
    const strong = new Set(changes.toSorted((a, b) => Math.abs(b.seconds) - Math.abs(a.seconds)).slice(0, MOST));
    const kept = changes.filter((each) => strong.has(each) && Math.abs(each.seconds) >= least);
    const rest = after_s - before_s - kept.reduce((sum, each) => sum + each.seconds, 0);
    if (Math.abs(rest) <= 1e-9 * Math.max(before_s, after_s)) return kept;
    const count = changes.filter((each) => each.seconds && !kept.includes(each)).length;
    return [...kept, { label: `rest (${count})`, seconds: rest, meaning: "All small changes together." }];
  }

  function rowsOf(changes, before, after) {
    const rows = [{ label: "baseline", start: 0, seconds: before.latency_s, isTotal: true, meaning: before.recipe }];
    let at = before.latency_s;
    for (const change of changes) {
      rows.push({ ...change, start: at });
      at += change.seconds;
      if (change.isPromise) rows.push({ label: "as promised", start: 0, seconds: at, isTotal: true, meaning: "The baseline's latency times the share of effective MACs that is left." });
    }
    rows.push({ label: "this result", start: 0, seconds: after.latency_s, isTotal: true, meaning: after.recipe });
    return rows;
  }

  function chart(rows, before) {
    const unit = hwsim.unitFor([Math.max(...rows.map((row) => row.start + Math.max(row.seconds, 0)))], hwsim.SECONDS);
    const sign = (row) => (row.isTotal ? "" : row.seconds < 0 ? "-" : "+");
    const figure = (row) => `${sign(row)}${hwsim.inUnit(Math.abs(row.seconds), unit)}`;
    const share = (row) => `${sign(row)}${hwsim.figure((100 * Math.abs(row.seconds)) / before.latency_s)} %`;
    const colour = (row) => hwsim.colour(row.isTotal ? "muted" : row.seconds < 0 ? "gain" : "loss");
    const ends = rows.map((row) => Math.max(row.start, row.start + row.seconds) / unit.base);
    const lowest = Math.min(0, ...rows.map((row) => (row.start + row.seconds) / unit.base));
    const end = (row) => (row.start + row.seconds) / unit.base;
    const div = root.querySelector(".chart");
    const shapes = rows.slice(0, -1).map((row, i) => ({
      type: "line",
      x0: end(row),
      x1: end(row),
      y0: i + 0.34,
      y1: i + 0.66,
      line: { width: 1, dash: "dot", color: hwsim.colour("muted") },
    }));
    return hwsim.rows(div, {
      names: rows.map((row) => row.label),
      traces: [
        {
          name: "latency",
          colour: rows.map(colour),
          starts: rows.map((row) => row.start / unit.base),
          lengths: rows.map((row) => row.seconds / unit.base),
          hovers: rows.map((row) => `<b>${hwsim.plain(row.label)}</b><br>${figure(row)} ${unit.symbol} (${share(row)})<br>${hwsim.plain(hwsim.shorten(row.meaning ?? "", 90))}`),
        },
      ],
      texts: rows.map((row, i) => ({ at: ends[i], text: hwsim.isNarrow(div) ? figure(row) : `${figure(row)} (${share(row)})` })),
      axis: { title: `latency [${unit.symbol}]`, range: [lowest, Math.max(...ends)] },
      layout: { shapes },
      label: `Waterfall of the latency from the baseline to this result by ${view}`,
    });
  }

  function table(rows, before) {
    hwsim.table(root.querySelector(".figures"), {
      caption: `Changes of latency by ${view}`,
      rows,
      columns: [
        { key: "label", title: view, kind: "text", value: (row) => row.label },
        { key: "seconds", title: "latency or change", kind: "number", value: (row) => row.seconds, cell: (row, td) => {
          td.dataset.value = row.seconds;
          td.textContent = `${row.seconds < 0 ? "-" : ""}${hwsim.withUnit(Math.abs(row.seconds), hwsim.SECONDS)}`;
        } },
        { key: "share", title: "share of the baseline", unit: "%", kind: "number", value: (row) => (100 * row.seconds) / before.latency_s, cell: (row, td) => {
          td.textContent = `${row.seconds < 0 ? "-" : ""}${hwsim.figure(Math.abs((100 * row.seconds) / before.latency_s))}`;
        } },
        { key: "meaning", title: "which is", kind: "text", value: (row) => row.meaning },
      ],
    });
  }

  function choices() {
    const box = root.querySelector("fieldset");
    for (const each of box.querySelectorAll("label")) each.remove();
    const views = hasCauses ? ["cause", "term", "layer"] : ["term", "layer"];
    if (!views.includes(view)) view = "term";
    for (const name of views) {
      const label = hwsim.put(box, "label");
      const radio = hwsim.put(label, "input");
      Object.assign(radio, { type: "radio", name: "waterfall-by", value: name, checked: name === view });
      label.append(` by ${name}`);
      radio.addEventListener("change", () => {
        view = name;
        show();
      });
    }
  }

  function obstacle(result, before) {
    if (!before || before === result) return "This is the baseline, or there is none: choose another recipe above.";
    return before.steps || result.bars ? "" : "The page had no room for the layers of the baseline.";
  }

  function show() {
    const { result } = hwsim.select;
    const before = result.baseline === null ? null : hwsim.data.results[result.baseline];
    const why = obstacle(result, before);
    for (const each of root.children) each.hidden = Boolean(why);
    const none = root.querySelector(".none");
    none.hidden = !why;
    none.textContent = why;
    if (why) return;
    hasCauses = Boolean(result.bars);
    choices();
    const changes = view === "cause" ? byCause(result.bars) : view === "term" ? byTerm(before, result) : byLayer(before, result, result.bars);
    const rows = rowsOf(shown(changes, before.latency_s, result.latency_s), before, result);
    const ratio = before.latency_s / result.latency_s;
    const sum = root.querySelector(".sum");
    sum.replaceChildren();
    hwsim.put(sum, "b", `${hwsim.withUnit(before.latency_s, hwsim.SECONDS)} → ${hwsim.withUnit(result.latency_s, hwsim.SECONDS)}, ${hwsim.times(ratio)}`);
    if (result.bars) sum.append(`: ${result.bars.verdict}`);
    if (rows.length === 2) sum.append(` No ${view} differs by ${100 * SMALL} % of the latency.`);
    table(rows, before);
    chart(rows, before);
  }

  hwsim.section("waterfall", {
    draw(body) {
      root = body;
      const first = (result) => (view = result.bars ? "cause" : view);
      first(hwsim.select.result);
      hwsim.select.on(show);
      show();
    },
    redraw: show,
  });
}
