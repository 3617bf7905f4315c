"use strict";
/* A cloud of points or results, its Pareto front, and a box that lists what lies in it. */
{
  const LISTED = 500;
  const el = (name) => hwsim.by(`pareto-${name}`);
  // Edges of the box in base units; null where it is open.
  const open = () => ({ x0: null, x1: null, y0: null, y1: null });
  let box = open();
  let rows = [];
  let isBound = false;

  const isBoxed = () => Object.values(box).some((edge) => edge !== null);
  const scales = () => ({ x: hwsim.scaleOf(rows, el("x").value), y: hwsim.scaleOf(rows, el("y").value) });

  function gather(data) {
    const [model, device] = [el("model").value, el("device").value];
    const all = hwsim.rowsOf(data, el("source").value);
    rows = all.filter((row) => (!model || row.model === model) && (!device || row.device === device));
  }
  function shown() {
    const { x, y } = scales();
    return rows.filter((row) => x.at(row) !== null && y.at(row) !== null);
  }
  function isInside(row, x, y) {
    const [h, v] = [x.at(row), y.at(row)];
    return !(h < (box.x0 ?? -Infinity) || h > (box.x1 ?? Infinity) || v < (box.y0 ?? -Infinity) || v > (box.y1 ?? Infinity));
  }

  function cloud(data, x, y, front) {
    const way = hwsim.waysOf(data, rows)[el("colour").value];
    const { isScale, groups } = hwsim.groupsOf(shown(), way);
    return groups.map((group) => {
      const own = group.rows;
      const inside = own.map((row) => !isBoxed() || isInside(row, x, y));
      const filled = own.map((row) => (front.has(row) ? 1 : 0));
      const colours = isScale ? own.map(way.at) : own.map((_, i) => (filled[i] ? group.colour : hwsim.colour("card")));
      return {
        type: "scatter",
        mode: "markers",
        name: hwsim.plain(group.name),
        showlegend: groups.length > 1,
        x: own.map(x.at),
        y: own.map(y.at),
        customdata: own.map((row) => row.index),
        text: own.map((row, i) => `${hwsim.identity(row)}<br>${x.name} ${x.text(row)} ${x.unit}, ${y.name} ${y.text(row)} ${y.unit}${filled[i] ? "<br>on the front" : ""}`),
        hovertemplate: "%{text}<extra></extra>",
        marker: {
          symbol: isScale ? filled.map((is) => (is ? "diamond" : "circle")) : group.symbol,
          size: filled.map((is) => (is ? 11 : own.length > 1500 ? 5 : 8)),
          opacity: inside.map((is) => (is ? 1 : 0.2)),
          color: colours,
          line: { width: isScale ? 0.5 : 1.5, color: isScale ? hwsim.colour("card") : group.colour },
          ...(isScale ? { colorscale: hwsim.SCALE, showscale: true, colorbar: hwsim.colourBar(way.title) } : {}),
        },
      };
    });
  }
  // A front as steps: what one point reaches, the next costlier one must beat.
  function fronts(x, y, front) {
    const lines = new Map();
    for (const row of front) {
      const place = JSON.stringify([row.model, row.device]);
      lines.set(place, [...(lines.get(place) ?? []), row]);
    }
    return [...lines.values()].map((own) => {
      const ordered = own.toSorted((a, b) => x.at(a) - x.at(b));
      const shape = hwsim.FIGURES[x.key].isGain === hwsim.FIGURES[y.key].isGain ? "linear" : "hv";
      return { type: "scatter", mode: "lines", x: ordered.map(x.at), y: ordered.map(y.at), hoverinfo: "skip", showlegend: false, line: { shape, width: 1.2, color: hwsim.colour("muted"), dash: "dot" } };
    });
  }
  function edges(x, y) {
    if (!isBoxed()) return [];
    const [xs, ys] = [shown().map(x.at), shown().map(y.at)];
    const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
    const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
    const line = { color: hwsim.colour("link"), width: 1.5, dash: "dash" };
    return [{ type: "rect", x0: box.x0 ?? least(xs), x1: box.x1 ?? most(xs), y0: box.y0 ?? least(ys), y1: box.y1 ?? most(ys), line, fillcolor: hwsim.colour("link"), opacity: 0.12 }];
  }
  function columns(data, x, y) {
    const kindOf = (values) => (values.every((value) => value === null || typeof value === "number") ? "number" : "text");
    const differs = (key) => new Set(rows.map((row) => row[key])).size > 1;
    const axes = el("source").value === "points" ? data.points.axes : [];
    const figures = Object.keys(hwsim.FIGURES).filter((key) => rows.some((row) => row[key] !== null));
    return [
      { key: "name", title: "recipe", kind: "text", className: "spec", value: (row) => row.name, cell: nameCell },
      ...["model", "device"].filter(differs).map((key) => ({ key, title: key, kind: "text", value: (row) => row[key] })),
      ...axes.map((axis) => ({ key: `axes.${axis}`, title: axis, kind: kindOf(rows.map((row) => row.axes[axis])), value: (row) => row.axes[axis] })),
      ...figures.map((key) => {
        const scale = [x, y].find((each) => each.key === key) ?? hwsim.scaleOf(rows, key);
        return { key, title: scale.name, unit: scale.unit, kind: "number", value: (row) => row[key], cell: (row, cell) => (cell.textContent = scale.text(row)) };
      }),
      { key: "fits", title: "fits", kind: "text", value: (row) => (row.fits ? "yes" : "NO"), cell: fitCell },
    ];
  }
  function fitCell(row, cell) {
    cell.textContent = row.fits ? "yes" : "NO";
    cell.classList.toggle("alert", !row.fits);
  }
  function nameCell(row, cell) {
    if (!row.steps) return void hwsim.breakable(cell, row.name);
    const button = hwsim.put(cell, "button", null, "look");
    hwsim.breakable(button, row.name);
    button.type = "button";
    button.title = "Look at this result below";
    button.addEventListener("click", () => hwsim.select.set(row.index));
  }
  function list(data, x, y, front) {
    const chosen = isBoxed() ? shown().filter((row) => isInside(row, x, y)) : [...front];
    const cut = chosen.length > LISTED ? `; the first ${LISTED} are listed` : "";
    const words = isBoxed() ? `In the box: ${chosen.length} of ${shown().length}` : `On the front: ${chosen.length} of ${shown().length}`;
    el("told").textContent = words + cut;
    hwsim.table(el("table"), {
      caption: words,
      columns: columns(data, x, y),
      rows: chosen.slice(0, LISTED),
      sort: { key: x.key, isDown: false },
    });
  }
  function draw(root, data) {
    gather(data);
    const { x, y } = scales();
    const front = hwsim.front(rows, x.key, y.key);
    const [xlog, ylog] = [el("xlog").checked, el("ylog").checked];
    const layout = {
      height: 460,
      dragmode: "select",
      selections: [],
      shapes: edges(x, y),
      xaxis: hwsim.axisOf(x, xlog, shown().map(x.at)),
      yaxis: hwsim.axisOf(y, ylog, shown().map(y.at)),
    };
    const traces = [...fronts(x, y, front), ...cloud(data, x, y, front)];
    const label = `${y.name} against ${x.name}; the table below lists the front, or what lies in the box`;
    const config = { modeBarButtons: [["toImage", "select2d", "zoom2d", "pan2d", "resetScale2d"]] };
    hwsim.plot(el("chart"), traces, layout, label, config);
    for (const [axis, scale] of [["x", x], ["y", y]]) {
      el(`${axis}name`).textContent = scale.title;
      for (const end of [0, 1]) {
        const edge = box[`${axis}${end}`];
        el(`${axis}${end}`).value = edge === null ? "" : Number(edge.toPrecision(6));
      }
    }
    list(data, x, y, front);
    if (!isBound) bind(root, data);
  }
  function bind(root, data) {
    isBound = true;
    el("chart").on("plotly_selected", (event) => {
      if (!event?.range) return;
      [box.x0, box.x1] = event.range.x.toSorted((a, b) => a - b);
      [box.y0, box.y1] = event.range.y.toSorted((a, b) => a - b);
      draw(root, data);
    });
    el("chart").on("plotly_click", (event) => {
      if (el("source").value === "results") hwsim.select.set(event.points[0].customdata);
    });
  }
  function lists(data) {
    const all = hwsim.rowsOf(data, el("source").value);
    for (const key of ["model", "device"]) {
      const names = [...new Set(all.map((row) => row[key]))];
      const any = [["", "all"]];
      hwsim.fillList(el(key), [...any, ...names.map((name) => [name, name])], el(key).value || "");
      el(`${key}-label`).hidden = names.length < 2;
    }
    const known = Object.keys(hwsim.FIGURES).filter((key) => all.some((row) => row[key] !== null));
    const figures = known.map((key) => [key, hwsim.FIGURES[key].title]);
    hwsim.fillList(el("x"), figures, el("x").value || "latency_s");
    hwsim.fillList(el("y"), figures, el("y").value || (known.includes("top1") ? "top1" : "flash_bytes"));
    const ways = Object.entries(hwsim.waysOf(data, all)).map(([key, way]) => [key, way.title]);
    const first = ways.find(([key]) => key === "device") ?? ways[0] ?? ["", "nothing"];
    hwsim.fillList(el("colour"), ways.length ? ways : [first], el("colour").value || first[0]);
    guess(all, "x");
    guess(all, "y");
  }
  // Devices span decades: there a logarithmic axis says more.
  function guess(all, axis) {
    const key = el(axis).value;
    const known = all.map((row) => row[key]).filter((value) => value > 0);
    const ratio = known.reduce((a, b) => Math.max(a, b), 0) / known.reduce((a, b) => Math.min(a, b), Infinity);
    el(`${axis}log`).checked = key !== "top1" && ratio >= 10;
  }
  hwsim.section("pareto", {
    draw(root, data) {
      const sources = [];
      if (data.points) sources.push(["points", `${data.points.count.toLocaleString("en")} points`]);
      if (data.results.length) sources.push(["results", `${data.results.length} results`]);
      hwsim.fillList(el("source"), sources, sources[0][0]);
      el("source-label").hidden = sources.length < 2;
      lists(data);
      const anew = () => {
        box = open();
        draw(root, data);
      };
      for (const name of ["x", "y", "model", "device"]) {
        el(name).addEventListener("change", () => {
          const [model, device] = [el("model").value, el("device").value];
          const own = hwsim.rowsOf(data, el("source").value).filter((row) => (!model || row.model === model) && (!device || row.device === device));
          for (const axis of ["x", "y"]) if (name !== (axis === "x" ? "y" : "x")) guess(own, axis);
          anew();
        });
      }
      el("source").addEventListener("change", () => {
        lists(data);
        anew();
      });
      for (const name of ["xlog", "ylog", "colour"]) el(name).addEventListener("change", () => draw(root, data));
      for (const name of ["x0", "x1", "y0", "y1"]) {
        el(name).addEventListener("change", () => {
          box[name] = el(name).value === "" ? null : Number(el(name).value);
          draw(root, data);
        });
      }
      el("clear").addEventListener("click", anew);
      for (const words of hwsim.batched(data)) hwsim.put(root, "p", words, "muted");
      if (data.points && data.points.count < data.points.total) {
        hwsim.put(root, "p", hwsim.thinned(data), "muted");
      }
      draw(root, data);
    },
    redraw: draw,
  });
}
