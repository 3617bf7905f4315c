"use strict";
/* A figure of all points against one axis of the sweep, coloured by another. */
{
  const el = (name) => hwsim.by(`sweep-${name}`);
  const MANY = 600;
  const REASONS = 20;

  function median(values) {
    const ordered = values.toSorted((a, b) => a - b);
    const half = ordered.length >> 1;
    return ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
  }
  function chosen(data) {
    const [model, device] = [el("model").value, el("device").value];
    const all = hwsim.rowsOf(data, "points");
    const key = el("y").value;
    return all.filter((row) => (!model || row.model === model) && (!device || row.device === device) && row[key] !== null);
  }
  function trace(group, isScale, colour, way, y) {
    const own = group.rows;
    const paint = isScale
      ? { color: own.map(colour.at), colorscale: hwsim.SCALE, showscale: true, colorbar: hwsim.colourBar(colour.title) }
      : { color: group.colour };
    return {
      type: "scatter",
      mode: "markers",
      name: hwsim.plain(group.name),
      legendgroup: group.name,
      showlegend: false,
      x: own.map((row) => place(way.at(row))),
      y: own.map(y.at),
      text: own.map((row) => `${hwsim.identity(row)}<br>${y.name} ${y.text(row)} ${y.unit}`),
      hovertemplate: "%{text}<extra></extra>",
      marker: { symbol: group.symbol, size: own.length > MANY ? 5 : 8, opacity: own.length > MANY ? 0.55 : 0.85, line: { width: 0 }, ...paint },
    };
  }
  const place = (value) => (typeof value === "number" ? value : hwsim.plain(value ?? "none"));
  function medians(group, way, y, isNamed) {
    const spots = hwsim.sorted(group.rows.map(way.at));
    return {
      type: "scatter",
      mode: "lines+markers",
      name: hwsim.plain(group.name),
      legendgroup: group.name,
      showlegend: isNamed,
      x: spots.map(place),
      y: spots.map((spot) => median(group.rows.filter((row) => way.at(row) === spot).map(y.at))),
      hoverinfo: "skip",
      line: { color: group.colour, dash: group.dash, width: 2 },
      marker: { symbol: group.symbol, color: group.colour, size: 4 },
    };
  }
  function draw(root, data) {
    const rows = chosen(data);
    const ways = hwsim.waysOf(data, hwsim.rowsOf(data, "points"));
    const way = ways[el("x").value] ?? { title: "point", at: (row) => row.index };
    const y = hwsim.scaleOf(rows, el("y").value);
    const colour = ways[el("colour").value];
    const { isScale, groups } = hwsim.groupsOf(rows, colour);
    const values = rows.map(way.at);
    const isNumber = values.every((value) => typeof value === "number");
    const lines = isScale ? [] : groups.map((group) => medians(group, way, y, groups.length > 1));
    el("xlog").parentElement.hidden = !isNumber || values.some((value) => value <= 0);
    const isLog = el("xlog").checked && !el("xlog").parentElement.hidden;
    const layout = {
      height: 440,
      yaxis: hwsim.axisOf(y, el("ylog").checked && y.key !== "top1", rows.map(y.at)),
      xaxis: isNumber
        ? hwsim.axisOf({ title: way.title }, isLog, values)
        : { title: { text: hwsim.plain(way.title) }, type: "category", categoryorder: "array", categoryarray: hwsim.sorted(values).map(place) },
    };
    const traces = [...groups.map((group) => trace(group, isScale, colour, way, y)), ...lines];
    hwsim.plot(el("chart"), traces, layout, `${y.name} against ${way.title}, coloured by ${colour?.title ?? "nothing"}`);
    const { refused } = data.points;
    const words = [`${rows.length.toLocaleString("en")} points drawn.`];
    if (refused) words.push(`${refused.toLocaleString("en")} were refused and have no figures.`);
    words.push(...hwsim.batched(data));
    if (data.points.count < data.points.total) words.push(hwsim.thinned(data));
    el("told").textContent = words.join(" ");
  }
  // Equal reasons once, the commonest first.
  function refusals(root, data) {
    const counts = new Map();
    for (const reason of data.points.columns.refused) if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const list = root.querySelector(".refused");
    for (const [reason, n] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, REASONS)) hwsim.put(list, "li", `${n.toLocaleString("en")} x ${reason}`);
    if (counts.size > REASONS) hwsim.put(list, "li", `and ${counts.size - REASONS} more reasons`);
    el("refused").hidden = !counts.size;
  }
  hwsim.section("sweep", {
    draw(root, data) {
      refusals(root, data);
      const rows = hwsim.rowsOf(data, "points");
      const figures = Object.keys(hwsim.FIGURES).filter((key) => rows.some((row) => row[key] !== null));
      hwsim.fillList(el("y"), figures.map((key) => [key, hwsim.FIGURES[key].title]), "latency_s");
      const ways = Object.entries(hwsim.waysOf(data, rows)).map(([key, way]) => [key, way.title]);
      hwsim.fillList(el("x"), ways.length ? ways : [["", "point"]], ways[0]?.[0]);
      hwsim.fillList(el("colour"), [["", "nothing"], ...ways], ways.find(([key]) => key === "device")?.[0] ?? ways[1]?.[0] ?? "");
      for (const key of ["model", "device"]) {
        const names = [...new Set(rows.map((row) => row[key]))];
        hwsim.fillList(el(key), [["", "all"], ...names.map((name) => [name, name])], "");
        el(`${key}-label`).hidden = names.length < 2;
      }
      for (const list of root.querySelectorAll("select, input")) list.addEventListener("change", () => draw(root, data));
      draw(root, data);
    },
    redraw: draw,
  });
}
