"use strict";
/* The layers of the chosen result: what each takes, and of which terms that is made. */
{
  const STRIPES = ["none", "repeating-linear-gradient(45deg, transparent 0 2px, var(--card) 2px 3.5px)", "repeating-linear-gradient(-45deg, transparent 0 2px, var(--card) 2px 3.5px)"];
  const ROUGH = 1e-9;
  let table = null;
  let palette = {};

  const quantity = () => hwsim.by("layers-quantity").value;
  const total = (steps, key) => steps.reduce((sum, step) => sum + step[key], 0);
  const count = (steps, key) => steps.reduce((sum, step) => sum + step.counts[key], 0);

  function colours(data) {
    const names = new Set();
    for (const result of data.results) {
      for (const step of result.steps ?? []) {
        for (const name of Object.keys({ ...step.terms, ...step.energy_terms })) names.add(name);
      }
    }
    const sorted = [...names].sort();
    const made = hwsim.palette(sorted);
    palette = Object.fromEntries(sorted.map((name, i) => [name, { colour: made[name].colour, stripes: STRIPES[Math.floor(i / 8) % STRIPES.length] }]));
  }
  function swatch(parent, term, name) {
    const mark = hwsim.put(parent, "i", null, name);
    mark.style.backgroundColor = palette[term].colour;
    mark.style.backgroundImage = palette[term].stripes;
    return mark;
  }
  function bar(step, cell, most) {
    const isTime = quantity() === "terms";
    const parts = Object.entries(step[quantity()]).filter(([, value]) => value > 0);
    const whole = parts.reduce((sum, [, value]) => sum + value, 0);
    const ladder = isTime ? hwsim.SECONDS : hwsim.JOULES;
    const frame = hwsim.put(cell, "div", null, "termbar");
    frame.setAttribute("role", "img");
    const told = parts.map(([term, value]) => `${hwsim.words(term)} ${hwsim.withUnit(value, ladder)} (${Math.round((100 * value) / whole)} %)`);
    frame.setAttribute("aria-label", told.join(", ") || "nothing");
    parts.forEach(([term, value], i) => {
      const part = swatch(frame, term);
      part.style.width = `${most > 0 ? (100 * value) / most : 0}%`;
      part.title = told[i];
    });
  }
  function runsAs(step, cell) {
    const way = hwsim.put(cell, "span", hwsim.words(step.executed_as), step.executed_as === "native" ? "" : "alert");
    way.title = step.reason;
    if (step.reason) hwsim.put(cell, "small", step.reason, "reason");
  }
  function opCell(step, cell) {
    hwsim.breakable(cell, step.op);
    hwsim.breakable(hwsim.put(cell, "small", null, "reason"), [step.kernel, step.types].filter(Boolean).join(", "));
  }
  function columns(result, steps) {
    const time = hwsim.unitFor(steps.map((step) => step.latency_s), hwsim.SECONDS);
    const energy = hwsim.unitFor(steps.map((step) => step.energy_j), hwsim.JOULES);
    const macs = hwsim.unitFor(steps.map((step) => step.counts.macs), hwsim.COUNTS);
    const percent = (part) => (result.latency_s > 0 ? hwsim.fixed((100 * part) / result.latency_s, 1) : "–");
    const most = Math.max(ROUGH * ROUGH, ...steps.map((step) => Object.values(step[quantity()]).reduce((sum, value) => sum + value, 0)));
    const figure = (key, title, unit) => ({
      key,
      title,
      unit: unit.symbol,
      kind: "number",
      value: (step) => step[key],
      cell: (step, cell) => (cell.textContent = hwsim.inUnit(step[key], unit)),
      total: (shown) => hwsim.inUnit(total(shown, key), unit),
    });
    const work = (key, title) => ({
      key,
      title,
      unit: macs.symbol,
      kind: "number",
      value: (step) => step.counts[key],
      cell: (step, cell) => (cell.textContent = step.counts.macs ? hwsim.inUnit(step.counts[key], macs) : "–"),
      total: (shown) => hwsim.inUnit(count(shown, key), macs),
    });
    const text = (key, title, className) => ({ key, title, className, kind: "text", value: (step) => step[key] });
    return [
      { ...text("name", "layer", "name"), cell: (step, cell) => hwsim.breakable(cell, step.name), total: (shown) => (shown.length === result.steps.length ? "all" : `${shown.length} shown`) },
      { key: "number", title: "#", kind: "number", value: (step) => step.number },
      figure("latency_s", "latency", time),
      {
        key: "share",
        title: "share",
        unit: "%",
        kind: "number",
        value: (step) => step.latency_s,
        cell: (step, cell) => (cell.textContent = percent(step.latency_s)),
        total: (shown) => percent(total(shown, "latency_s")),
      },
      { key: "bar", title: quantity() === "terms" ? "latency by term" : "energy by term", kind: "number", className: "bar", value: (step) => step[quantity() === "terms" ? "latency_s" : "energy_j"], cell: (step, cell) => bar(step, cell, most) },
      { ...text("executed_as", "runs as", "way"), cell: runsAs },
      { ...text("op", "op", "op"), cell: opCell },
      figure("energy_j", "energy", energy),
      work("macs", "MACs"),
      work("macs_effective", "effective"),
    ];
  }
  function legend(steps) {
    const present = Object.keys(palette).filter((term) => steps.some((step) => step[quantity()][term] > 0));
    const list = hwsim.by("layers-legend");
    list.replaceChildren();
    for (const term of present) {
      const item = hwsim.put(list, "li");
      swatch(item, term, "swatch");
      item.append(hwsim.words(term));
    }
  }
  function sifted(steps) {
    const wanted = hwsim.by("layers-filter").value.trim().toLowerCase();
    const way = hwsim.by("layers-way").value;
    const says = (step) => [step.name, step.op, step.kernel, step.reason].some((text) => text.toLowerCase().includes(wanted));
    return steps.filter((step) => (!way || step.executed_as === way) && says(step));
  }
  function told(shown, all) {
    hwsim.by("layers-count").textContent = `${shown.length} of ${all.length} layer${all.length === 1 ? "" : "s"}`;
  }
  const numbered = (result) => result.steps.map((step, i) => ({ ...step, number: i + 1 }));
  function fill(sort) {
    const { result } = hwsim.select;
    const steps = numbered(result);
    legend(steps);
    table = hwsim.table(hwsim.by("layers-table"), {
      caption: `Layers of ${result.model}, ${result.recipe}, on ${result.label}`,
      className: "layers",
      columns: columns(result, steps),
      rows: sifted(steps),
      sort,
      onChange: (shown) => told(shown, steps),
    });
  }
  function choose() {
    const ways = [...new Set(hwsim.select.result.steps.map((step) => step.executed_as))];
    const list = hwsim.by("layers-way");
    hwsim.fillList(list, [["", "any way"], ...ways.map((way) => [way, hwsim.words(way)])], list.value);
    fill(table?.sort() ?? null);
  }
  const again = () => fill(table?.sort() ?? null);
  hwsim.section("layers", {
    draw(root, data) {
      colours(data);
      const sift = () => table.show(sifted(numbered(hwsim.select.result)));
      hwsim.by("layers-filter").addEventListener("input", sift);
      hwsim.by("layers-way").addEventListener("change", sift);
      hwsim.by("layers-quantity").addEventListener("change", again);
      hwsim.select.on(choose);
      choose();
      if (data.whole < data.results.length) {
        hwsim.put(root, "p", `Of ${data.whole} of the ${data.results.length} results the page has room for the layers; evaluate another one alone to see its.`, "muted");
      }
    },
    redraw(root, data) {
      colours(data);
      again();
    },
  });
}
