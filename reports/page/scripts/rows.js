"use strict";
/*
Bars that lie in named rows, for charts that a narrow page has room for.

hwsim.rows(div, {names, traces, texts, axis, layout, label})
  names: one per row, from above. traces: [{name, colour, pattern, lengths, starts, hovers, width, offset, showlegend}], a bar per row each.
  texts: [{at, text}] one per row or none: written right of `at`. axis: more of the x axis; its `title` is a text.
hwsim.shorten(text, most) -> text without its middle, as reports/labels.py shortens.
hwsim.isNarrow(div): whether labels must be short.      hwsim.striped(shape, colour) -> a bar's pattern.
hwsim.axisTitle(text) -> the title of an axis.      hwsim.drawFact(box, title, value, more): a figure in a box.
*/
{
  const ROW = 27;
  const LETTER = 7.3;

  hwsim.shorten = (text, most) => {
    if (text.length <= most) return text;
    const head = Math.floor((most - 1) / 2);
    return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`;
  };
  hwsim.isNarrow = (div) => div.clientWidth < 620;

  // Plotly leaves out what it is not told to fill.
  hwsim.striped = (shape, colour) => ({ shape, size: 6, solidity: 0.3, fgcolor: hwsim.colour("card"), bgcolor: colour });

  hwsim.axisTitle = (text) => ({ text: hwsim.plain(text), font: { size: 13 } });
  hwsim.drawFact = (box, title, value, more) => {
    const one = hwsim.put(box, "div", null, "fact");
    one.dataset.fact = title;
    hwsim.put(one, "span", title);
    hwsim.put(one, "b", value);
    hwsim.put(one, "small", more);
  };

  const bare = (text) => text.replace(/<[^>]*>|&[a-z]+;/g, " ");

  function trace(each, texts) {
    const { name, colour, pattern = "", lengths, starts, hovers, width, offset, showlegend = false } = each;
    return {
      type: "bar",
      orientation: "h",
      name,
      showlegend,
      y: lengths.map((_, row) => row),
      x: lengths,
      base: starts,
      customdata: hovers,
      hovertemplate: "%{customdata}<extra></extra>",
      marker: { color: colour, pattern: hwsim.striped(pattern, colour), line: { width: 0 } },
      cliponaxis: Boolean(texts),
      ...(width ? { width, offset } : {}),
    };
  }

  // Beside the longest bars there must be room for their figures.
  function widened(range, texts, room) {
    const need = Math.max(0, ...texts.map(({ text }) => LETTER * bare(text).length + 8));
    const left = Math.max(0.35, 1 - need / Math.max(room, 1));
    return [range[0], range[0] + (range[1] - range[0]) / left];
  }

  hwsim.rows = (div, { names, traces, texts = [], axis = {}, layout = {}, label }) => {
    const shown = names.map((name) => hwsim.shorten(name, hwsim.isNarrow(div) ? 20 : 30));
    const widest = LETTER * Math.max(...shown.map((name) => bare(name).length)) + 12;
    const data = traces.map((each) => trace(each, texts));
    const written = texts.map((each, row) => ({ row, ...each })).filter((each) => each.text);
    if (written.length) {
      data.push({
        type: "scatter",
        mode: "text",
        y: written.map(({ row }) => row),
        x: written.map(({ at }) => at),
        text: written.map(({ text }) => ` ${text}`),
        textposition: "middle right",
        textfont: { size: 12.5 },
        hoverinfo: "skip",
        showlegend: false,
        cliponaxis: false,
      });
    }
    const { title, range, ...others } = axis;
    const xaxis = { title: hwsim.axisTitle(title), fixedrange: true, zeroline: true, ...others };
    if (range) xaxis.range = written.length ? widened(range, written, div.clientWidth - widest - 24) : range;
    const yaxis = {
      tickvals: names.map((_, row) => row),
      ticktext: shown.map(hwsim.plain),
      range: [names.length - 0.5, -0.5],
      showgrid: false,
      zeroline: false,
      fixedrange: true,
      ticks: "",
    };
    const hasLegend = traces.some((each) => each.showlegend);
    const height = ROW * names.length + 62 + (hasLegend ? 30 : 0);
    const margin = { l: 8, r: 10, t: hasLegend ? 30 : 6, b: 46 };
    const themed = { height, margin, barmode: "overlay", bargap: 0.32, showlegend: hasLegend, ...layout, xaxis, yaxis };
    return hwsim.plot(div, data, themed, label, { displayModeBar: false });
  };
}
