"use strict";
/* What-if: the bill of a result, priced again under other numbers of its device. */
{
  const MOST_TERMS = 10;
  let root;
  let detail = null;
  let knobs = [];
  let drawn = {};
  let values = {};

  const isMoved = (knob) => values[knob.id] !== knob.own;

  // What lies over the profile, and the bill that it is priced from.
  function moved() {
    const changed = {};
    const factor = values.memories ?? 1;
    for (const knob of knobs) {
      const value = values[knob.id] * (knob.isMemory ? factor : 1);
      if (value !== knob.own) Object.assign(changed, knob.toKeys(value));
    }
    const width = values.simd ?? 1;
    return { changed, width, bill: width === 1 ? detail.bill : detail.widths[widthKey(width)] };
  }
  const widthKey = (width) => Object.keys(detail.widths).find((key) => Number(key) === width);

  // Keys as they are, and none twice: factors would be laid over what is moved here.
  function laidOver({ set, batch }) {
    if (batch !== 1) return null;
    const laid = detail.laid ?? set;
    return laid.some((text) => text.startsWith("scale.")) ? null : laid;
  }
  function commandOf({ changed, width }) {
    const { device, recipe } = hwsim.select.result;
    const laid = laidOver(hwsim.select.result);
    if (laid === null) return null;
    const quoted = (text) => (/^[\w.,=:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
    const kept = laid.filter((text) => !(text.split("=", 1)[0] in changed));
    const moved = Object.entries(changed).map(([key, value]) => `${key}=${value}`);
    const sets = [...kept, ...moved, ...(width === 1 ? [] : [`scale.simd=${width}`])];
    const parts = ["hwsim evaluate MODEL", `--device ${quoted(device)}`];
    if (recipe !== "none") parts.push(`--recipe ${quoted(recipe)}`);
    return [...parts, ...sets.map((text) => `--set ${quoted(text)}`)].join(" \\\n  ");
  }

  function trustOf(after, isUnmoved) {
    const interval = `${hwsim.withUnit(after.latency_low_s, hwsim.SECONDS)} to ${hwsim.withUnit(after.latency_high_s, hwsim.SECONDS)}`;
    const had = hwsim.price(detail.bill).is_calibrated;
    if (after.is_calibrated) return `${interval} holds nine of ten: the evidence covers any clock and number of cores.`;
    if (!had || isUnmoved) return `Uncalibrated: ${interval} assumes a factor of two.`;
    return `The interval is void: the evidence speaks of the profile's own numbers, not of these. ${interval} assumes a factor of two.`;
  }

  function facts(before, after) {
    const box = root.querySelector(".facts");
    box.replaceChildren();
    const seconds = (value) => hwsim.withUnit(value, hwsim.SECONDS);
    const joules = (value) => hwsim.withUnit(value, hwsim.JOULES);
    const fact = hwsim.drawFact;
    const { batch } = hwsim.select.result;
    const of = batch === 1 ? "" : ` of ${batch} samples`;
    fact(box, `latency${of}`, seconds(after.latency_s), `profile: ${seconds(before.latency_s)}`);
    fact(box, "speed-up", hwsim.times(before.latency_s / after.latency_s), "over the profile as it is");
    fact(box, `energy${of}`, joules(after.energy_j), `profile: ${joules(before.energy_j)}`);
    fact(box, "energy ratio", hwsim.times(after.energy_j / before.energy_j), "below 1 saves");
  }

  function chart(before, after) {
    const [old, now] = [before, after].map((priced) => hwsim.termsOf(priced, "terms"));
    const size = (term) => Math.max(old[term] ?? 0, now[term] ?? 0);
    const terms = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort((a, b) => size(b) - size(a));
    const rows = terms.slice(0, MOST_TERMS).map((term) => [hwsim.words(term).replace(":", " "), old[term] ?? 0, now[term] ?? 0]);
    const left = terms.slice(MOST_TERMS);
    const sum = (found) => left.reduce((total, term) => total + (found[term] ?? 0), 0);
    if (left.length) rows.push([`${left.length} others`, sum(old), sum(now)]);
    const unit = hwsim.unitFor([Math.max(...rows.flatMap((row) => row.slice(1)))], hwsim.SECONDS);
    const trace = (name, at, colour, offset) => ({
      name,
      colour,
      showlegend: true,
      lengths: rows.map((row) => row[at] / unit.base),
      hovers: rows.map((row) => `${hwsim.plain(row[0])}, ${name}: ${hwsim.withUnit(row[at], hwsim.SECONDS)}`),
      width: 0.38,
      offset,
    });
    const texts = rows.map(([, a, b]) => ({
      at: Math.max(a, b) / unit.base,
      text: a === b ? hwsim.inUnit(b, unit) : `${hwsim.inUnit(a, unit)} → ${hwsim.inUnit(b, unit)}`,
    }));
    const most = Math.max(...texts.map(({ at }) => at));
    return hwsim.rows(root.querySelector(".chart"), {
      names: rows.map(([name]) => name),
      traces: [trace("profile", 1, hwsim.colour("edge"), -0.38), trace("moved", 2, hwsim.colour("bar"), 0)],
      texts,
      axis: { title: `latency [${unit.symbol}]`, range: [0, most] },
      label: "Seconds of each term of the latency, as the profile has them and as they are moved",
    });
  }

  function update() {
    const now = moved();
    const before = hwsim.price(detail.bill);
    const after = hwsim.price(now.bill, now.changed);
    const isUnmoved = !knobs.some(isMoved);
    facts(before, after);
    root.querySelector(".trust").textContent = trustOf(after, isUnmoved);
    root.querySelector(".trust").classList.toggle("guess", !after.is_calibrated);
    const command = commandOf(now);
    root.querySelector(".line").hidden = command === null;
    root.querySelector(".unsaid").hidden = command !== null;
    root.querySelector(".copied code").textContent = command;
    root.querySelector(".reset").disabled = isUnmoved;
    root.dataset.latency = after.latency_s;
    root.dataset.energy = after.energy_j;
    return chart(before, after);
  }

  function reset() {
    for (const knob of knobs) {
      values[knob.id] = knob.own;
      drawn[knob.id].set(knob.own);
    }
    update();
  }

  function begin() {
    detail = hwsim.select.result.detail;
    root.querySelector(".none").hidden = Boolean(detail);
    root.querySelector(".whatif").hidden = !detail;
    if (!detail) return;
    const form = root.querySelector(".knobs");
    form.replaceChildren();
    knobs = hwsim.knobsOf(detail);
    values = Object.fromEntries(knobs.map((knob) => [knob.id, knob.own]));
    const move = (knob) => (value) => {
      values[knob.id] = value;
      update();
    };
    drawn = Object.fromEntries(knobs.map((knob) => [knob.id, hwsim.drawKnob(form, knob, move(knob))]));
    const button = hwsim.put(form, "button", "As the profile has it", "button reset");
    button.type = "button";
    button.addEventListener("click", reset);
    update();
  }

  async function copy(event) {
    const code = root.querySelector(".copied code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      // Pages from a disk may have no clipboard: the text is marked, to be copied by hand.
      getSelection().selectAllChildren(code);
      event.target.textContent = document.execCommand("copy") ? "Copied" : "Marked";
      return;
    }
    event.target.textContent = "Copied";
    setTimeout(() => (event.target.textContent = "Copy"), 1500);
  }

  hwsim.section("whatif", {
    draw(body) {
      root = body;
      root.querySelector(".knobs").addEventListener("submit", (event) => event.preventDefault());
      root.querySelector(".copied button").addEventListener("click", copy);
      hwsim.select.on(begin);
      begin();
    },
    redraw() {
      if (detail) update();
    },
  });
}
