#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Every command with --json writes one JSON value on standard output, when it
is content (exit code 0) and when it found something (1)."""
import json
import os
import tempfile

from lib import portolan, same, story, truth
from lib.addresses import ROOT, WORLD

CONF = os.path.join(ROOT, "conf/portolan.yaml")
MAP = os.path.join(ROOT, "conf/regions.yaml")
OTHER_MAP = os.path.join(ROOT, "conf/regions-3.yaml")
BAD = os.path.join(ROOT, "tests/data/bad")

COMMANDS = [
    (0, "check", "-c", CONF),
    (1, "check", "-c", f"{BAD}/portolan-tab.yaml"),
    (0, "explain", "-c", CONF, "--ip", "8.8.8.8"),
    (1, "explain", "-c", CONF, "--ip", "8.8.8.8", "--down",
     "US,CA,EU,GB,AU,SG"),
    (0, "map", "check", MAP),
    (1, "map", "check", f"{BAD}/regions-uk.yaml"),
    (0, "map", "diff", MAP, MAP),
    (1, "map", "diff", MAP, OTHER_MAP),
    (0, "map", "test", "-c", CONF),
    (0, "map", "render", MAP),
    (0, "geodb", "check", WORLD),
    (1, "geodb", "check", CONF),
    (0, "geodb", "show", WORLD),
    (0, "geodb", "show", WORLD, "8.8.8.8", "127.0.0.1"),
]


@story
def main():
    for expect, *words in COMMANDS:
        out, _ = portolan(*words, "--json", expect=expect)
        try:
            value = json.loads(out)
        except ValueError:
            value = None
        truth(f"{words} --json: {out[:300]!r}", value not in (None, {}, []))
    with tempfile.TemporaryDirectory() as folder:
        lines = os.path.join(folder, "lines.csv")
        with open(lines, "w") as f:
            f.write("192.0.2.0/24,GB\n")
        out, _ = portolan("geodb", "build", "--json", "-o",
                          os.path.join(folder, "a.mmdb"), lines)
        truth(f"geodb build: {out}", json.loads(out))
        # What is not there is no finding.
        for words in (["check", "-c", "nowhere.yaml"],
                      ["run", "-c", "nowhere.yaml"],
                      ["map", "check", "nowhere.yaml"],
                      ["geodb", "show", "nowhere.mmdb"],
                      ["ctl", "status", "-c", "nowhere.yaml"]):
            code, _, err = portolan(*words, expect=None, cwd=folder)
            same(f"exit code of {words}", code, 2)
            truth(f"{words} names the file: {err}", "nowhere" in err)
