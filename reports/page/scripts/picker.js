"use strict";
/* Three lists choose the result that the sections below them look at. */
hwsim.startPicker = () => {
  const PARTS = ["model", "recipe", "label"];
  // What was just chosen stays; where this combination was not run, the recipe goes first.
  const WORTH = [3, 1, 2];
  const CHOSEN = 10;
  const whole = hwsim.data.results.filter((result) => result.steps);
  if (!whole.length) return;
  const lists = PARTS.map((part) => hwsim.by(`pick-${part}`));
  const shown = (part, value) => (part === "recipe" ? (hwsim.data.short[value] ?? value) : value);
  PARTS.forEach((part, i) => {
    const values = [...new Set(whole.map((result) => result[part]))];
    for (const value of values) hwsim.put(lists[i], "option", shown(part, value)).value = value;
    lists[i].parentElement.hidden = values.length < 2;
    lists[i].addEventListener("change", () => choose(i));
  });
  function choose(fixed) {
    const wanted = lists.map((list) => list.value);
    const likeness = (result) =>
      PARTS.reduce((sum, part, i) => sum + (result[part] === wanted[i] ? WORTH[i] + (i === fixed ? CHOSEN : 0) : 0), 0);
    const best = whole.reduce((a, b) => (likeness(b) > likeness(a) ? b : a));
    hwsim.select.set(best.index);
    follow();
  }
  function follow() {
    const { result } = hwsim.select;
    PARTS.forEach((part, i) => (lists[i].value = result[part]));
    const names = [result.model, shown("recipe", result.recipe), result.label];
    for (const each of document.querySelectorAll("[data-chosen]")) each.textContent = names.join(" · ");
  }
  hwsim.select.on(follow);
  hwsim.select.index = first(whole).index;
  follow();

  // What a compression did says more than the baseline.
  function first(results) {
    return results.find((result) => result.baseline !== null && result.baseline !== result.index) ?? results[0];
  }
};
