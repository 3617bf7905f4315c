"use strict";
/*
Knobs: sliders and fields beside them for the numbers of a bill that people move.

hwsim.knobsOf(detail) -> [{id, title, unit, kind: "ratio" | "steps", own, values?, keys}], nearest memory first
  own: as the profile has it, in `unit`. A ratio turns from an eighth to eight times that, by octaves; `values` are the stops of steps.
  toKeys(value) -> {dotted key: number}: what lies under the knob then.
hwsim.drawKnob(form, knob, onMove(value)) -> {set(value)}
*/
{
  const OCTAVES = 3;
  const STEP = 1 / 16;
  const DIGITS = 6;
  const PER_CYCLE = ".bytes_per_cycle";

  // Short figures, so that a command line is; what is priced is what is shown.
  const rounded = (value) => Number(value.toPrecision(DIGITS));

  function clockKnob(bill) {
    const own = bill.prices["hardware.clock_hz"];
    const { symbol, base } = hwsim.unitFor([own], [{ symbol: "GHz", base: 1e9 }, { symbol: "MHz", base: 1e6 }, { symbol: "Hz", base: 1 }]);
    const toKeys = (value) => ({ "hardware.clock_hz": rounded(value * base) });
    return { id: "clock", title: "clock", unit: symbol, kind: "ratio", own: rounded(own / base), toKeys };
  }

  function coresKnob(bill) {
    const own = bill.prices["hardware.cores"] ?? 1;
    if (own <= 1) return [];
    const values = Array.from({ length: 2 * own }, (_, i) => i + 1);
    return [{ id: "cores", title: "cores", unit: "", kind: "steps", own, values, toKeys: (value) => ({ "hardware.cores": value }) }];
  }

  function widthKnob(widths) {
    const values = Object.keys(widths).map(Number).sort((a, b) => a - b);
    if (values.length < 2) return [];
    // Other lanes have counts of their own: another bill, not another price.
    return [{ id: "simd", title: "SIMD width", unit: "x", kind: "steps", own: 1, values, toKeys: () => ({}) }];
  }

  function memoryKnobs(bill, roofs) {
    const names = {};
    for (const { transfers } of bill.steps) {
      for (const { memory, price } of transfers) if (price) (names[price] ??= new Set()).add(memory);
    }
    const order = roofs.map((roof) => roof.name);
    const first = (key) => Math.min(...[...names[key]].map((name) => order.indexOf(name)));
    const keys = Object.keys(names).filter((key) => bill.prices[key] > 0).sort((a, b) => first(a) - first(b));
    const knobs = keys.map((key) => {
      const isRate = key.endsWith(PER_CYCLE);
      const own = isRate ? bill.prices[key] : 1 / bill.prices[key];
      const toKeys = (value) => ({ [key]: rounded(isRate ? value : 1 / value) });
      const title = `${[...names[key]].join(", ")} bandwidth`;
      return { id: key, title, unit: "B/cycle", kind: "ratio", own: rounded(own), toKeys, isMemory: true };
    });
    if (knobs.length < 2) return knobs;
    return [{ id: "memories", title: "all bandwidths", unit: "x", kind: "ratio", own: 1, toKeys: () => ({}) }, ...knobs];
  }

  hwsim.knobsOf = ({ bill, widths, bytes_roofs }) => [
    clockKnob(bill),
    ...coresKnob(bill),
    ...widthKnob(widths),
    ...memoryKnobs(bill, bytes_roofs),
  ];

  const turnOf = (knob, value) => (knob.kind === "steps" ? knob.values.indexOf(value) : Math.log2(value / knob.own));
  const valueAt = (knob, turn) => (knob.kind === "steps" ? knob.values[turn] : rounded(knob.own * 2 ** turn));

  hwsim.drawKnob = (form, knob, onMove) => {
    const line = hwsim.put(form, "div", null, "knob");
    const label = hwsim.put(line, "label", knob.title);
    const range = hwsim.put(line, "input");
    const field = hwsim.put(line, knob.kind === "steps" ? "output" : "input");
    const unit = hwsim.put(line, "span", knob.kind === "steps" ? "" : knob.unit, "muted");
    range.type = "range";
    range.id = `knob-${knob.id}`;
    range.dataset.knob = knob.id;
    label.htmlFor = range.id;
    const isSteps = knob.kind === "steps";
    Object.assign(range, isSteps ? { min: 0, max: knob.values.length - 1, step: 1 } : { min: -OCTAVES, max: OCTAVES, step: STEP });
    if (!isSteps) {
      field.type = "number";
      field.min = 0;
      field.step = "any";
      field.setAttribute("aria-label", `${knob.title}, ${knob.unit}`);
    }
    function show(value) {
      range.value = turnOf(knob, value);
      const text = isSteps ? `${value}${knob.unit === "x" ? "x" : ""}` : `${hwsim.times(value / knob.own)}`;
      if (isSteps) field.textContent = text;
      else field.value = value;
      unit.textContent = isSteps ? "" : knob.unit;
      range.setAttribute("aria-valuetext", isSteps ? text : `${text} the profile's, ${value} ${knob.unit}`);
      line.classList.toggle("is-moved", value !== knob.own);
    }
    range.addEventListener("input", () => {
      const value = valueAt(knob, Number(range.value));
      show(value);
      onMove(value);
    });
    if (!isSteps) {
      field.addEventListener("change", () => {
        const value = Number(field.value);
        if (!(value > 0) || !Number.isFinite(value)) return show(knob.own), onMove(knob.own);
        show(value);
        return onMove(value);
      });
    }
    show(knob.own);
    return { set: show };
  };
}
