"use strict";
/* Figures as reports/units.py prints them: a test holds one against the other. */
const units = (() => {
  const ladder = (...pairs) => pairs.map(([symbol, base]) => ({ symbol, base }));
  const SECONDS = ladder(["s", 1], ["ms", 1e-3], ["µs", 1e-6], ["ns", 1e-9]);
  const JOULES = ladder(["J", 1], ["mJ", 1e-3], ["µJ", 1e-6], ["nJ", 1e-9], ["pJ", 1e-12]);
  const BYTES = ladder(["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10], ["B", 1]);
  const COUNTS = ladder(["G", 1e9], ["M", 1e6], ["k", 1e3], ["", 1]);
  const DIGITS = 3;
  const WIDEST = 1e4;

  // toFixed rounds what lies exactly between two figures up, Python to the even one.
  function fixed(value, decimals) {
    const size = Math.abs(value);
    if (size >= 1e21) return BigInt(value).toString() + (decimals ? `.${"0".repeat(decimals)}` : "");
    const exact = size.toFixed(100);
    const cut = exact.indexOf(".") + 1 + decimals;
    const isTie = /^50*$/.test(exact.slice(cut));
    const below = exact.slice(0, decimals ? cut : cut - 1);
    const text = isTie && Number(below.at(-1)) % 2 === 0 ? below : size.toFixed(decimals);
    return value < 0 ? `-${text}` : text;
  }
  function figure(value) {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    if (value === 0) return "0";
    // Round first: 9.996 has two decimals as 10.0 does, not three.
    const exponent = Number(value.toExponential(DIGITS - 1).split("e")[1]);
    const [whole, part] = fixed(value, Math.min(100, Math.max(0, DIGITS - 1 - exponent))).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
    return part === undefined ? grouped : `${grouped}.${part}`;
  }
  function unitFor(values, ladder) {
    const known = values.filter((value) => value > 0 && Number.isFinite(value));
    if (!known.length) return ladder.at(-1);
    const middle = Math.exp(known.reduce((sum, value) => sum + Math.log(value), 0) / known.length);
    // The middle of equal figures must not fall below them by a rounding error.
    let chosen = ladder.findIndex((unit) => middle * (1 + 1e-9) >= unit.base);
    if (chosen < 0) chosen = ladder.length - 1;
    const most = known.reduce((a, b) => Math.max(a, b));
    while (chosen > 0 && most >= WIDEST * ladder[chosen].base) chosen -= 1;
    return ladder[chosen];
  }
  const inUnit = (value, unit) => figure(value / unit.base);
  function withUnit(value, ladder) {
    const unit = unitFor([value], ladder);
    return `${inUnit(value, unit)} ${unit.symbol}`.trimEnd();
  }
  const times = (ratio) => (ratio < 9.995 ? `${fixed(ratio, 2)}x` : `${figure(ratio)}x`);
  return { SECONDS, JOULES, BYTES, COUNTS, figure, fixed, unitFor, inUnit, withUnit, times };
})();
