"use strict";
/* Provenance: which numbers the figures of a result come from, and how each of them is known. */
{
  const UNSAID = "assumed: what the schema has where a profile says nothing";
  let root;
  let table = null;
  let rows = [];
  const off = new Set();

  function rowsOf({ bill, provenance }) {
    return Object.entries(bill.prices).map(([key, value]) => {
      const source = hwsim.sourceOf(key, provenance.sources) || UNSAID;
      const [, where = ""] = source.match(/^[a-z]+:\s*(.*)$/s) ?? [];
      return { key, value, source, kind: hwsim.kindOf(source), where };
    });
  }

  function facts(result) {
    const box = root.querySelector(".facts");
    box.replaceChildren();
    const fact = (title, value, more) => hwsim.drawFact(box, title, value, more);
    const { latency_s, latency_low_s, latency_high_s, profile_sha256 } = result;
    const seconds = (value) => hwsim.withUnit(value, hwsim.SECONDS);
    const wide = `x/${hwsim.figure(latency_s / latency_low_s)} .. x${hwsim.figure(latency_high_s / latency_s)}`;
    fact("profile", profile_sha256.slice(0, 12), "first digits of its SHA-256");
    fact("interval", `${seconds(latency_low_s)} – ${seconds(latency_high_s)}`, latency_low_s > 0 ? wide : "");
    fact("latency is", result.calibrated ? "calibrated" : "uncalibrated", result.calibrated ? "held-out evidence" : "a factor of two");
    const error = result.detail?.provenance.held_out_mape;
    fact("held-out error", error === null || error === undefined ? "–" : `${hwsim.figure(100 * error)} %`, "mean, of what no fit saw");
    fact("integers", result.numerics, "rounding as there");
  }

  function words(result) {
    const known = result.detail?.provenance;
    root.querySelector(".description").textContent = known?.description ?? "";
    const laid = (result.set ?? result.overrides).join(", ");
    const over = laid ? ` Laid over it: ${laid}.` : "";
    const evidence = known?.evidence ? `Evidence: ${known.evidence}.` : "No measurement backs this profile as it is.";
    root.querySelector(".evidence").textContent = known ? `${evidence}${over}` : "The page had no room for this profile's numbers.";
  }

  function kinds() {
    const box = root.querySelector(".kinds");
    box.replaceChildren();
    for (const [kind, meaning] of Object.entries(hwsim.KINDS)) {
      const count = rows.filter((row) => row.kind === kind).length;
      if (!count) continue;
      const button = hwsim.put(box, "button", `${kind} ${count}`, `kind ${kind}`);
      button.type = "button";
      button.title = meaning;
      button.setAttribute("aria-pressed", String(!off.has(kind)));
      button.addEventListener("click", () => {
        if (!off.delete(kind)) off.add(kind);
        button.setAttribute("aria-pressed", String(!off.has(kind)));
        sift();
      });
    }
  }

  function sift() {
    const wanted = root.querySelector("input").value.trim().toLowerCase();
    table?.show(rows.filter((row) => !off.has(row.kind) && `${row.key} ${row.source}`.toLowerCase().includes(wanted)));
  }

  function show() {
    const { result } = hwsim.select;
    facts(result);
    words(result);
    root.querySelector(".controls").hidden = !result.detail;
    root.querySelector(".figures").hidden = !result.detail;
    if (!result.detail) return;
    rows = rowsOf(result.detail);
    kinds();
    table = hwsim.table(root.querySelector(".figures"), {
      caption: "Numbers of the profile that the figures of this result depend on",
      rows,
      sort: { key: "key", isDown: false },
      className: "numbers",
      columns: [
        { key: "key", title: "number", kind: "text", className: "key", value: (row) => row.key, cell: hwsim.drawKey },
        { key: "value", title: "value", kind: "number", value: (row) => row.value, cell: (row, td) => (td.textContent = String(row.value)) },
        { key: "kind", title: "known as", kind: "text", value: (row) => row.kind, cell: (row, td) => hwsim.drawKind(td, row.source) },
        { key: "where", title: "source", kind: "text", className: "where", value: (row) => row.where },
      ],
    });
    sift();
  }

  hwsim.section("provenance", {
    draw(body) {
      root = body;
      root.querySelector("input").addEventListener("input", sift);
      hwsim.select.on(show);
      show();
    },
    redraw() {},
  });
}
