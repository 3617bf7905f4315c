"use strict";
/* Memory timeline: what is alive in the arena, when and where. */
{
  let root;

  const end = (buffer) => buffer.offset_bytes + buffer.size_bytes;
  const arenaOf = (buffers) => buffers.reduce((most, buffer) => Math.max(most, end(buffer)), 0);
  // Step i reads in moment 2 i and writes in 2 i + 1: on the axis it lies between i + 0.5 and i + 1.5, its number in the middle.
  const from = (buffer) => buffer.first / 2 + 0.5;
  const until = (buffer) => (buffer.last + 1) / 2 + 0.5;

  function aliveAt(buffers, moment) {
    return buffers.filter((buffer) => buffer.first <= moment && moment <= buffer.last);
  }

  // Bytes alive in every moment, and the first of the fullest moments.
  function profileOf(buffers) {
    const moments = [...new Set(buffers.flatMap(({ first, last }) => [first, last + 1]))].sort((a, b) => a - b);
    const sums = moments.map((moment) => aliveAt(buffers, moment).reduce((sum, buffer) => sum + buffer.size_bytes, 0));
    const busiest = sums.reduce((most, sum) => Math.max(most, sum), 0);
    return { moments, sums, busiest, at: moments[sums.indexOf(busiest)] ?? 0 };
  }

  const stepAt = (steps, moment) => steps[Math.min(steps.length - 1, Math.max(0, Math.floor(moment / 2)))]?.name ?? "";
  const bytes = (value) => hwsim.withUnit(value, hwsim.BYTES);

  function facts(result, arena, { busiest, at }) {
    const box = root.querySelector(".facts");
    box.replaceChildren();
    const fact = (title, value, more) => hwsim.drawFact(box, title, value, more);
    const share = (value) => `${hwsim.figure((100 * value) / result.ram_capacity_bytes)} % of ${bytes(result.ram_capacity_bytes)}`;
    fact("peak RAM", bytes(result.peak_ram_bytes), share(result.peak_ram_bytes));
    fact("arena", bytes(arena), `${result.detail.buffers.length} buffers`);
    fact("first fullest moment", bytes(busiest), `step ${Math.max(0, Math.floor(at / 2)) + 1}: ${hwsim.shorten(stepAt(result.steps, at), 28)}`);
    fact("lost to gaps", bytes(arena - busiest), "no plan is below the fullest moment");
    fact("runtime's own", bytes(result.detail.own_ram_bytes), "beside the arena");
  }

  function boxes(buffers, unit, steps, at) {
    const isPeak = (buffer) => buffer.first <= at && at <= buffer.last;
    const isScratch = (buffer) => buffer.name.endsWith(" (scratch)");
    const trace = (name, own, colour, pattern) => ({
      type: "bar",
      name,
      showlegend: own.length > 0,
      x: own.map((buffer) => (from(buffer) + until(buffer)) / 2),
      width: own.map((buffer) => until(buffer) - from(buffer)),
      base: own.map((buffer) => buffer.offset_bytes / unit.base),
      y: own.map((buffer) => buffer.size_bytes / unit.base),
      marker: { color: colour, opacity: 0.85, line: { color: hwsim.colour("card"), width: 1 }, pattern: hwsim.striped(pattern, colour) },
      customdata: own.map((buffer) => `<b>${hwsim.plain(buffer.name)}</b><br>${bytes(buffer.size_bytes)} at ${bytes(buffer.offset_bytes)}<br>${hwsim.plain(lifeOf(buffer, steps))}`),
      hovertemplate: "%{customdata}<extra></extra>",
    });
    const rest = buffers.filter((buffer) => !isPeak(buffer));
    return [
      trace("alive in the first fullest moment", buffers.filter(isPeak), hwsim.colour("loss"), ""),
      trace("tensors", rest.filter((buffer) => !isScratch(buffer)), hwsim.colour("bar"), ""),
      trace("scratch", rest.filter(isScratch), hwsim.colour("muted"), "/"),
    ];
  }

  function lifeOf(buffer, steps) {
    const last = Math.floor(buffer.last / 2);
    const born = buffer.first < 0 ? "given" : `from step ${Math.floor(buffer.first / 2) + 1} (${stepAt(steps, buffer.first)})`;
    return `${born} to ${last >= steps.length ? "the end: an output" : `step ${last + 1} (${stepAt(steps, buffer.last)})`}`;
  }

  function chart(result, arena, profile) {
    const { buffers, own_ram_bytes } = result.detail;
    const { steps, ram_capacity_bytes, peak_ram_bytes } = result;
    const unit = hwsim.unitFor([own_ram_bytes > 1.5 * arena ? arena : peak_ram_bytes], hwsim.BYTES);
    const right = Math.max(steps.length + 0.5, ...buffers.map(until));
    const data = boxes(buffers, unit, steps, profile.at);
    const band = (name, y, base, colour) => ({
      type: "bar", name, x: [(right + 0) / 2], width: [right], base: [base], y: [y], hovertemplate: `${name}: ${bytes(y * unit.base)}<extra></extra>`,
      marker: { color: colour, opacity: 0.6, pattern: hwsim.striped(".", colour) },
    });
    // Where the runtime's own is far more than the arena, it goes on beyond the upper edge.
    const isCut = own_ram_bytes > 1.5 * arena;
    if (own_ram_bytes) data.push(band("the runtime's own", own_ram_bytes / unit.base, arena / unit.base, hwsim.colour("edge")));
    data.push({
      type: "scatter",
      mode: "lines",
      name: "bytes alive",
      x: profile.moments.map((moment) => moment / 2 + 0.5),
      y: profile.sums.map((sum) => sum / unit.base),
      line: { shape: "hv", color: hwsim.colour("ink"), width: 1.3, dash: "dot" },
      hoverinfo: "skip",
    });
    const shapes = [];
    const annotations = [];
    const level = (value, colour, text, dash) => {
      shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: value / unit.base, y1: value / unit.base, line: { color: colour, width: 1.5, dash } });
      annotations.push({ xref: "paper", x: 1, y: value / unit.base, text, showarrow: false, xanchor: "right", yanchor: "bottom", font: { size: 12, color: colour } });
    };
    if (!isCut) level(peak_ram_bytes, hwsim.colour("ink"), `peak ${bytes(peak_ram_bytes)}`, "solid");
    else level(arena, hwsim.colour("ink"), `above: ${bytes(own_ram_bytes)} of the runtime's own, cut off`, "solid");
    // A line far above would press the boxes flat: the facts say how far away it is.
    const isNear = !isCut && ram_capacity_bytes <= 1.6 * peak_ram_bytes;
    if (isNear) level(ram_capacity_bytes, hwsim.colour("alert"), `capacity ${bytes(ram_capacity_bytes)}`, "dash");
    const most = Math.max(isCut ? 1.1 * arena : peak_ram_bytes, isNear ? ram_capacity_bytes : 0) / unit.base;
    const layout = {
      height: 400,
      barmode: "overlay",
      margin: { l: 56, r: 12, t: 34, b: 46 },
      showlegend: true,
      xaxis: { title: hwsim.axisTitle("step"), range: [0, right], rangemode: "tozero" },
      yaxis: { title: hwsim.axisTitle(`place in RAM [${unit.symbol}]`), range: [0, 1.1 * most] },
      shapes,
      annotations,
    };
    const label = `Memory over time: ${buffers.length} buffers, peak ${bytes(peak_ram_bytes)} of ${bytes(ram_capacity_bytes)}`;
    return hwsim.plot(root.querySelector(".chart"), data, layout, label);
  }

  function table(result, at) {
    const { steps, detail } = result;
    const size = (key) => ({ key, kind: "number", value: (row) => row[key], cell: (row, td) => {
      td.dataset.value = row[key];
      td.textContent = bytes(row[key]);
    } });
    hwsim.table(root.querySelector(".figures"), {
      caption: "Buffers of the arena",
      rows: detail.buffers,
      sort: { key: "size_bytes", isDown: true },
      columns: [
        { key: "name", title: "buffer", kind: "text", className: "key", value: (row) => row.name },
        { ...size("size_bytes"), title: "size" },
        { ...size("offset_bytes"), title: "offset" },
        { key: "first", title: "alive", kind: "text", value: (row) => row.first, cell: (row, td) => (td.textContent = lifeOf(row, steps)) },
        { key: "peak", title: "in the fullest moment", kind: "text", value: (row) => (row.first <= at && at <= row.last ? "yes" : "no") },
      ],
    });
  }

  function show() {
    const { result } = hwsim.select;
    const buffers = result.detail?.buffers ?? [];
    for (const each of root.children) each.hidden = !buffers.length;
    root.querySelector(".none").hidden = buffers.length > 0;
    if (!buffers.length) return;
    const arena = arenaOf(buffers);
    const profile = profileOf(buffers);
    facts(result, arena, profile);
    table(result, profile.at);
    chart(result, arena, profile);
  }

  hwsim.section("memory", {
    draw(body) {
      root = body;
      hwsim.select.on(show);
      show();
    },
    redraw: show,
  });
}
