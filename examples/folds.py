"""Rank the trials of one space by their mean accuracy over several hold-outs.

hwsim search ... --csv fold_0.csv
python examples/folds.py fold_0.csv fold_1.csv fold_2.csv
"""

from __future__ import annotations

import argparse

import pandas as pd

# Columns of `hwsim search --csv` from this one on are figures; before it stand the axes.
_FIRST_FIGURE = "device"
_NO_AXES = ("trial", "stage")


def ranked(folds: list[pd.DataFrame]) -> pd.DataFrame:
    """Return a row for each choice that was feasible in every fold, the most accurate first.

    Args:
        folds: Of `hwsim search --csv`, the same space on other images. Columns: the axes;
            `fold0` ..: accuracy on the worst device; `mean` of these.
    """
    named = list(folds[0].columns[: list(folds[0].columns).index(_FIRST_FIGURE)])
    axes = [axis for axis in named if axis not in _NO_AXES]
    table = pd.DataFrame()
    for number, rows in enumerate(folds):
        broken = rows["refused"].notna() | rows["violated"].notna()
        # What is broken on one device has no accuracy on any; -1 is less than any.
        marked = rows.assign(accuracy=rows["accuracy"].mask(broken, -1.0))
        table[f"fold{number}"] = marked.groupby(axes)["accuracy"].min()
    table["mean"] = table.mean(axis=1, skipna=False)
    feasible = table[(table >= 0).all(axis=1)]
    return feasible.sort_values("mean", ascending=False, kind="stable").reset_index()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folds", nargs="+", help="files of hwsim search --csv")
    print(ranked([pd.read_csv(file) for file in parser.parse_args().folds]).to_string(index=False))


if __name__ == "__main__":
    main()
