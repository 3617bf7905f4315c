"use strict";
/*
What both clouds of points share.
hwsim.front(rows, x, y) -> Set of rows on the Pareto front of figures x and y, for each model and device; what does not fit is off.
hwsim.groupsOf(rows, way) -> { isScale, groups [{ name, rows, colour, dash, symbol }] }.
hwsim.identity(row) -> lines for plotly's hover.
*/
hwsim.front = (rows, x, y) => {
  const groups = new Map();
  for (const row of rows) {
    if (row.fits === false || row[x] === null || row[y] === null) continue;
    const place = JSON.stringify([row.model, row.device]);
    if (!groups.has(place)) groups.set(place, []);
    groups.get(place).push(row);
  }
  const cost = (row, key) => (hwsim.FIGURES[key].isGain ? -row[key] : row[key]);
  const found = new Set();
  for (const own of groups.values()) {
    const ordered = own.toSorted((a, b) => cost(a, x) - cost(b, x) || cost(a, y) - cost(b, y));
    let best = null;
    for (const row of ordered) {
      // Equal points both are on the front.
      const isEqual = best && row[x] === best[x] && row[y] === best[y];
      if (best && !isEqual && cost(row, y) >= cost(best, y)) continue;
      found.add(row);
      best = row;
    }
  }
  return found;
};

hwsim.groupsOf = (rows, way) => {
  if (!way) {
    const [only] = Object.values(hwsim.palette([""]));
    return { isScale: false, groups: [{ name: "", rows, ...only }] };
  }
  const values = hwsim.sorted(rows.map(way.at));
  if (hwsim.isScale(values)) return { isScale: true, groups: [{ name: way.title, rows, symbol: "circle" }] };
  const palette = hwsim.palette(values.map(String));
  const groups = values.map((value) => ({ name: String(value ?? "none"), value, rows: rows.filter((row) => way.at(row) === value), ...palette[String(value)] }));
  return { isScale: false, groups };
};

hwsim.identity = (row) => {
  const axes = Object.entries(row.axes).map(([axis, value]) => `${axis} = ${value}`);
  return [row.model, row.device, row.name, ...axes].map(hwsim.plain).join("<br>");
};

hwsim.SCALE = "Cividis";
hwsim.colourBar = (title) => ({ title: { text: hwsim.plain(title), side: "right" }, thickness: 12, outlinewidth: 0, tickformat: "~g" });
// Labels at 1, 2 and 5 where the axis spans little; all nine digits run into each other.
hwsim.axisOf = (scale, isLog, values) => {
  const known = values.filter((value) => value > 0);
  const span = known.length ? Math.log10(Math.max(...known) / Math.min(...known)) : 0;
  const ticks = !isLog ? {} : span > 2.5 ? { dtick: 1 } : span > 0.4 ? { dtick: "D2" } : {};
  return { title: { text: hwsim.plain(scale.title) }, type: isLog ? "log" : "linear", tickformat: "~g", autorange: true, ...ticks };
};
