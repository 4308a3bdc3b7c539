#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""`map test` tries what a region map must answer and names the rules of which
nobody expects anything; `map check` and `map render` take the same files."""
import json
import os
import tempfile
import xml.dom.minidom

from lib import address_in, portolan, same, story, truth
from lib.addresses import DATA, ROOT, WORLD

MAP = os.path.join(DATA, "region-map-3.yaml")
EXPECTED = os.path.join(DATA, "region-expected.csv")


def expectations(path, lines):
    with open(path, "w") as f:
        f.write("version: 1\nexpect:\n" +
                "".join(f"  \"{k}\": {v}\n" for k, v in lines))


@story
def main():
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "expectations.yaml")
        test = ["map", "test", "--map", MAP, "--expectations", file]

        expectations(file, [("country:FR", "GB"), ("country:IN", "GB"),
                            (address_in("NZ"), "AU"), ("10.1.2.3", "US")])
        out, _ = portolan(*test, "--database", WORLD)
        truth(out, "4 expectations, 0 failed; 4 of 45 rules" in out)
        truth("what is not tried", "nothing is expected of GL" in out)
        _, err = portolan(*test, "--database", WORLD, "--fail-under", "9",
                          expect=1)
        same("nothing else is wrong", err, "")
        portolan(*test, "--database", WORLD, "--fail-under", "8.8%")
        out, _ = portolan(*test)
        truth(f"no database, no answer: {out}",
              "addresses not tried for want of a database: 1" in out)

        expectations(file, [("country:FR", "US"), (address_in("NZ"), "AU")])
        out, _ = portolan(*test, "--database", WORLD, expect=1)
        truth(out, out.startswith(f"{file}:3:3: expect.country:FR: expected "
                                  "region US, but country:FR goes to GB by "
                                  "continent"))
        out, _ = portolan(*test, "--database", WORLD, "--json", expect=1)
        told = json.loads(out)
        same("failures", [(f["line"], f["place"]) for f in told["failures"]],
             [(3, "country:FR")])
        same("rules", (told["rules"], told["tried"]), (45, 2))

        # All countries, all continents and the default: every rule.
        with open(EXPECTED) as f:
            rows = [line.split(",") for line in f.read().split()[1:]]
        expectations(file, [(f"country:{r[0]}", r[2]) for r in rows] +
                     [("10.1.2.3", "US")])
        portolan(*test, "--fail-under", "100")
        for args, words in ((["--fail-under", "x"], "no number"),
                            (["--database", EXPECTED], EXPECTED)):
            _, err = portolan(*test, *args, expect=2)
            truth(f"{words} in {err}", words in err)

        # The example configuration as a whole.
        portolan("map", "test", "-c", os.path.join(ROOT, "conf/portolan.yaml"))

        out, _ = portolan("map", "check", MAP)
        truth(out, "good: 3 regions, rules for 37 countries, 7 continents"
              in out)
        bad = os.path.join(folder, "bad.yaml")
        with open(MAP) as f, open(bad, "w") as g:
            g.write(f.read() + "  UK: GB\n  FX: EU\n")
        out, _ = portolan("map", "check", bad, expect=1)
        truth(f"every mistake: {out}", f"{bad}:" in out and "UK" in out and
              "FX" in out)
        portolan("map", "check", os.path.join(folder, "nothing"), expect=2)

        # The picture: each country in its region's colour, and a legend.
        out, _ = portolan("map", "render", MAP)
        svg = xml.dom.minidom.parseString(out)
        colours = {e.getAttribute("id"): e.getAttribute("fill") for e in
                   svg.getElementsByTagName("path") +
                   svg.getElementsByTagName("circle")}
        told = json.loads(portolan("map", "render", MAP, "--json")[0])
        of_region = {r["region"]: r["colour"] for r in told["regions"]}
        same("colours", len(set(of_region.values())), 3)
        for country, _, region, _ in rows:
            same(f"region of {country}", told["countries"][country], region)
            same(f"colour of {country}", colours[country], of_region[region])
        texts = [t.firstChild.data for t in svg.getElementsByTagName("text")]
        same("legend", texts, ["AU  Asia Pacific (AU)", "GB  Europe (GB)",
                               "US  North America (US)"])
        path = os.path.join(folder, "map.svg")
        portolan("map", "render", MAP, "-o", path)
        with open(path) as f:
            same("in a file", f.read(), out)
        portolan("map", "render", MAP, "-o", "/nowhere/map.svg", expect=2)
