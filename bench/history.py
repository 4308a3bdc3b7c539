# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What was measured: rows of bench/history.csv, one for each scenario and peer,
with the conditions in each, since rows of different machines or runs must
never be compared."""
import collections
import csv
import os
import statistics

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "history.csv")
CONDITIONS = ("date", "version", "machine", "load", "rounds")
RESULT = ("scenario", "peer", "unit", "value", "least", "most", "rate",
          "ratio_to_nginx", "portolan_to_it")


def ratio(results, others):
    """Median of the ratios within the rounds."""
    return statistics.median(r / n if n else 0 for r, n in
                             zip(results, others))


def rows_of(scenario, unit, rounds, rates=None):
    """rounds: peer -> a value a round, in the same order for all."""
    rows = []
    for peer, values in rounds.items():
        rows.append({
            "scenario": scenario, "peer": peer, "unit": unit,
            "value": f"{statistics.median(values):.2f}",
            "least": f"{min(values):.2f}", "most": f"{max(values):.2f}",
            "rate": f"{statistics.median(rates[peer]):.0f}" if rates else "",
            "ratio_to_nginx": f"{ratio(values, rounds['nginx']):.3f}"
            if "nginx" in rounds else "",
            "portolan_to_it": f"{ratio(rounds['portolan'], values):.3f}"
            if "portolan" in rounds else ""})
    return rows


def append(file, conditions, rows):
    fresh = not os.path.exists(file)
    with open(file, "a", newline="") as f:
        out = csv.DictWriter(f, CONDITIONS + RESULT, lineterminator="\n")
        if fresh:
            out.writeheader()
        for row in rows:
            out.writerow({**conditions, **row})


def read(file=FILE):
    with open(file, newline="") as f:
        return list(csv.DictReader(f))


def runs(rows):
    """(date, version, machine) -> its rows, oldest first."""
    found = collections.OrderedDict()
    for row in rows:
        key = (row["date"], row["version"], row["machine"])
        found.setdefault(key, []).append(row)
    return found
