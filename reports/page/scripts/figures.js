"use strict";
/*
hwsim.FIGURES: what results and points are judged by, { key: { title, ladder | null, isGain } }; top-1 is in percent.
hwsim.rowsOf(data, "points" | "results") -> rows { model, recipe, name (short recipe), device (label), fits, refused, axes {}, index, figures }.
hwsim.scaleOf(rows, key) -> { title with unit, at(row), text(row) }: one unit for all rows.
*/
hwsim.FIGURES = {
  latency_s: { title: "latency", ladder: hwsim.SECONDS, isGain: false },
  energy_j: { title: "energy", ladder: hwsim.JOULES, isGain: false },
  flash_bytes: { title: "flash", ladder: hwsim.BYTES, isGain: false },
  peak_ram_bytes: { title: "peak RAM", ladder: hwsim.BYTES, isGain: false },
  top1: { title: "top-1", ladder: null, isGain: true },
};

hwsim.rowsOf = (data, source) => {
  const name = (recipe) => data.short[recipe] ?? recipe;
  if (source === "results") {
    return data.results.map((r) => ({ ...r, name: name(r.recipe), device: r.label, axes: {} }));
  }
  const { columns, values, axes, count } = data.points;
  const rows = [];
  for (let i = 0; i < count; i += 1) {
    const row = { index: i, axes: {} };
    for (const [key, column] of Object.entries(columns)) row[key] = column[i];
    for (const axis of axes) row.axes[axis] = values[axis][i];
    if (row.latency_s !== null) rows.push({ ...row, name: name(row.recipe) });
  }
  return rows;
};

hwsim.scaleOf = (rows, key) => {
  const { title, ladder } = hwsim.FIGURES[key];
  const known = rows.map((row) => row[key]).filter((value) => value !== null);
  const unit = ladder ? hwsim.unitFor(known, ladder) : { symbol: "%", base: 0.01 };
  const at = (row) => (row[key] === null ? null : row[key] / unit.base);
  const text = (row) => (row[key] === null ? "–" : ladder ? hwsim.inUnit(row[key], unit) : hwsim.fixed(100 * row[key], 1));
  return { key, title: unit.symbol ? `${title} [${unit.symbol}]` : title, name: title, unit: unit.symbol, at, text };
};

// The axes that rows differ in, and where that says more the names of what was run.
hwsim.waysOf = (data, rows) => {
  const differ = (values) => new Set(values).size > 1;
  const ways = { device: (row) => row.device, model: (row) => row.model, name: (row) => row.name };
  const found = (data.points?.axes ?? []).map((axis) => [`axes.${axis}`, { title: axis, at: (row) => row.axes[axis] ?? null }]);
  for (const [key, at] of Object.entries(ways)) found.push([key, { title: key === "name" ? "recipe" : key, at }]);
  return Object.fromEntries(found.filter(([, way]) => differ(rows.map(way.at))));
};

// Colours and marks of groups; numbers of many values lie on a scale.
hwsim.MOST_GROUPS = 8;
hwsim.isScale = (values) => {
  const known = new Set(values.filter((value) => value !== null));
  return known.size > hwsim.MOST_GROUPS && [...known].every((value) => typeof value === "number");
};
hwsim.sorted = (values) => [...new Set(values)].sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : 0));

hwsim.fillList = (list, entries, wanted) => {
  list.replaceChildren();
  for (const [value, title] of entries) hwsim.put(list, "option", title).value = value;
  if (entries.some(([value]) => value === wanted)) list.value = wanted;
};

hwsim.thinned = ({ points }) => {
  const [total, count, needed, held] = [points.total, points.count, points.needed, points.held].map((n) => n.toLocaleString("en"));
  const kept =
    points.held === points.needed
      ? "all fronts, the extremes of each model and device, and an even sample of the rest."
      : `${held} of the ${needed} points that are on fronts or extreme, as many of each model and device, even along each front; other points are left out.`;
  return `Of ${total} points the page holds ${count}: ${kept}`;
};
// What a reader must know where inferences have several samples.
hwsim.batched = (data) => {
  const isSwept = data.points?.axes.includes("batch");
  return isSwept || data.results.some((result) => result.batch !== 1) ? ["Latency and energy are of a whole batch: of N samples where the batch is N."] : [];
};
