"use strict";
/*
Price a bill (hwsim.records.Bill) under other numbers: hwsim/repricing in JavaScript, by the rules of hwsim/cost/price.py. A test holds
the two against each other on every profile.

hwsim.price(bill, changed = {}) -> {latency_s, energy_j, latency_low_s, latency_high_s, is_calibrated,
  steps: [{name, op, terms {name: s}, latency_s, energy_terms {name: J}, energy_j}]}     `changed`: values by dotted key of bill.prices
hwsim.termsOf(priced, "terms" | "energy_terms") -> {name: total over the steps}
*/
{
  const PJ = 1e-12;
  // Factors and lists of hwsim/records/pricing.py.
  const rules = () => hwsim.data.pricing;
  // No kernel's own: they are priced behind its transfers.
  const APART = new Set(["call", "layout", "fork"]);

  const total = (values) => values.reduce((sum, value) => sum + value, 0);

  function book(bill, changed) {
    const value = (key) => (key === null ? 0 : changed[key] ?? bill.prices[key] ?? 0);
    const cores = value("hardware.cores") || 1;
    const efficiency = changed["hardware.core_efficiency"] ?? bill.prices["hardware.core_efficiency"] ?? 1;
    const ofMemory = changed["hardware.memory_core_efficiency"] ?? bill.prices["hardware.memory_core_efficiency"] ?? efficiency;
    const left = (share) => 1 / (1 + (cores - 1) * share);
    const scale = bill.scale === null ? 1 : value(bill.scale);
    return { value, cores, scale, shares: { compute: left(efficiency), memory: left(ofMemory), alone: 1 } };
  }

  // What each stage adds to the slowest before it.
  function slowestStage(cycles) {
    let slowest = 0;
    for (const stage of rules().stages) {
      const needed = total(stage.map((term) => cycles[term] ?? 0));
      const share = needed ? Math.max(0, needed - slowest) / needed : 0;
      for (const term of stage) if (term in cycles) cycles[term] *= share;
      slowest = Math.max(slowest, needed);
    }
  }

  function transfersOf(step, compute, { value }) {
    const timed = step.transfers.filter((each) => each.price !== null);
    const cycles = timed.map((each) => {
      const price = value(each.price);
      return each.moved_bytes * (each.price.endsWith(".bytes_per_cycle") ? 1 / price : price);
    });
    const names = timed.map((each) => `traffic:${each.memory}`);
    if (!step.overlaps || !timed.length) return Object.fromEntries(names.map((name, i) => [name, cycles[i]]));
    const slowest = cycles.indexOf(Math.max(...cycles));
    return { [names[slowest]]: Math.max(0, cycles[slowest] - compute) };
  }

  function cyclesOf(step, own) {
    const { value, cores, scale, shares } = own;
    const cycles = {};
    const apart = {};
    for (const { term, count, price, sharing } of step.charges) {
      if (term === "fork" && cores <= 1) continue;
      (APART.has(term) ? apart : cycles)[term] = count * value(price) * scale * shares[sharing];
    }
    if (step.is_pipelined) {
      slowestStage(cycles);
      // A call is the time to fill the stages: transfers run beside it.
      if (apart.call) cycles.call = apart.call;
    }
    for (const [key, lines] of Object.entries(step.gathers)) {
      cycles[`gather:${key.split(".").at(-2)}`] = lines * value(key) * shares.memory;
    }
    return { ...cycles, ...transfersOf(step, total(Object.values(cycles)), own), ...apart };
  }

  // An inference takes the longer of all kernels and of all launches; what it costs beside them comes on top.
  function spread(bill, steps, { value, scale }) {
    const launched = steps.filter((_, i) => bill.steps[i].is_launched);
    if (!launched.length) return;
    const interval = value(bill.launch) * scale;
    const needed = total(steps.map((cycles) => total(Object.values(cycles))));
    const waiting = Math.max(0, interval * launched.length - needed) / launched.length;
    const start = (value(bill.inference) * scale) / launched.length;
    for (const cycles of launched) Object.assign(cycles, interval ? { launch: waiting } : {}, { inference: start });
  }

  function energyOf(step, latency_s, { value }) {
    const terms = {};
    for (const { memory, moved_bytes, energy } of step.transfers) terms[`traffic:${memory}`] = value(energy) * moved_bytes * PJ;
    if (step.mac_energy) terms.mac = value(step.mac_energy) * step.macs_multiplied * PJ;
    terms.cycles = value("hardware.cycle_pj") * latency_s * value("hardware.clock_hz") * PJ;
    terms.static = value("hardware.static_w") * latency_s;
    return terms;
  }

  function priced(step, cycles, own) {
    const clock = own.value("hardware.clock_hz");
    const above = (terms) => Object.fromEntries(Object.entries(terms).filter(([, amount]) => amount > 0));
    const terms = above(Object.fromEntries(Object.entries(cycles).map(([term, amount]) => [term, amount / clock])));
    const latency_s = total(Object.values(terms));
    const energy_terms = above(energyOf(step, latency_s, own));
    return { name: step.name, op: step.op, terms, latency_s, energy_terms, energy_j: total(Object.values(energy_terms)) };
  }

  // Whether evidence speaks of what takes the time, under numbers that it was taken under.
  function isBacked(bill, steps, changed) {
    if (bill.held_out_p90 === null || Object.keys(changed).some((key) => !rules().measured_too.includes(key))) return false;
    if (!bill.fitted.length) return true;
    const fitted = new Set(bill.fitted);
    const known = steps.map((step, i) => {
      const prices = { launch: bill.launch, inference: bill.inference };
      for (const { term, price } of bill.steps[i].charges) prices[term] = price;
      for (const { memory, price } of bill.steps[i].transfers) prices[`traffic:${memory}`] = price;
      return total(Object.entries(step.terms).map(([term, seconds]) => (fitted.has(prices[term]) ? seconds : 0)));
    });
    return total(known) >= rules().least_backed * total(steps.map((step) => step.latency_s));
  }

  hwsim.price = (bill, changed = {}) => {
    const own = book(bill, changed);
    const cycles = bill.steps.map((step) => cyclesOf(step, own));
    spread(bill, cycles, own);
    const steps = bill.steps.map((step, i) => priced(step, cycles[i], own));
    const latency_s = total(steps.map((step) => step.latency_s));
    const is_calibrated = isBacked(bill, steps, changed);
    const factor = is_calibrated ? 1 + bill.held_out_p90 : rules().uncalibrated;
    return {
      steps,
      latency_s,
      energy_j: total(steps.map((step) => step.energy_j)),
      latency_low_s: latency_s / factor,
      latency_high_s: latency_s * factor,
      is_calibrated,
    };
  };
  hwsim.termsOf = ({ steps }, part) => {
    const sums = {};
    for (const step of steps) for (const [term, amount] of Object.entries(step[part])) sums[term] = (sums[term] ?? 0) + amount;
    return sums;
  };
}
