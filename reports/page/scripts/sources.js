"use strict";
/*
Where a number comes from, as profiles say it: `kind: where or which rule`.

hwsim.KINDS: {kind: meaning}.     hwsim.kindOf(source) -> one of them.     hwsim.sourceOf(key, sources) -> text under the longest prefix.
hwsim.drawKind(cell, source): a coloured word.     hwsim.drawKey({key}, cell): a dotted key that breaks between its parts.
*/
{
  hwsim.KINDS = {
    datasheet: "its maker says so",
    measured: "somebody measured it",
    fitted: "it was fitted to measurements",
    assumed: "nobody measured it: a rule of thumb",
  };
  hwsim.kindOf = (source) => {
    const kind = source.split(":", 1)[0];
    return kind in hwsim.KINDS ? kind : "assumed";
  };
  hwsim.sourceOf = (key, sources) => {
    const parts = key.split(".");
    for (let length = parts.length; length; length -= 1) {
      const text = sources[parts.slice(0, length).join(".")];
      if (text !== undefined) return text;
    }
    return "";
  };
  hwsim.drawKey = ({ key }, cell) => {
    for (const part of key.split(/(?<=[._])/)) {
      cell.append(part);
      hwsim.put(cell, "wbr");
    }
  };
  hwsim.drawKind = (cell, source) => {
    const kind = source ? hwsim.kindOf(source) : "";
    hwsim.put(cell, "span", kind || "none", `kind ${kind}`);
  };
}
