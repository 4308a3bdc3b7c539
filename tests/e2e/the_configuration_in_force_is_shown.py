#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""`portolan check -T` writes what is in force, with every default of the
example that portolan.yaml(5) comments and without passwords; what it writes
reads as the same configuration, wherever it is put."""
import json
import os
import re
import tempfile

from lib import portolan, same, story, truth
from lib.addresses import ROOT

EXAMPLE = os.path.join(ROOT, "conf/portolan.yaml")
PASSWORD = "host=db dbname=flow password=geheim"


def commented_defaults():
    """Keys of timeouts and limits in the example: all are its defaults."""
    with open(EXAMPLE) as f:
        text = f.read()
    found = {}
    for section in ("limits", "timeouts"):
        block = re.search(rf"(?ms)^#{section}:\n(.*?)^$", text).group(1)
        found.update(re.findall(r"(?m)^  #(\w+): (\S+)", block))
    return found


@story
def main():
    first, told = portolan("check", "-T", "-c", EXAMPLE)
    truth(f"the answer is on standard error: {told}", ": good:" in told)
    defaults = commented_defaults()
    truth(f"defaults: {defaults}", len(defaults) > 20)
    for key, value in defaults.items():
        truth(f"{key} is {value}", f"\n  {key}: {value}\n" in first)
    for words in (["run", "-T"], ["-T"], ["run", "--dump"]):
        same(f"portolan {words}", portolan(*words, "-c", EXAMPLE)[0], first)
    out, _ = portolan("run", "-t", "-c", EXAMPLE)
    truth(f"run -t checks: {out}", ": good:" in out)
    answer = json.loads(portolan("check", "-T", "--json", "-c", EXAMPLE)[0])
    same("as JSON", answer["effective"], first)

    with tempfile.TemporaryDirectory() as folder:
        again = os.path.join(folder, "again.yaml")
        with open(again, "w") as f:
            f.write(first)
        same("read again", portolan("check", "-T", "-c", again)[0], first)
        with open(again, "a") as f:
            f.write(f'store: {{postgres: "{PASSWORD}"}}\n')
        second, told = portolan("check", "-T", "-c", again)
        truth("the password is left out", "geheim" not in second + told)
        truth("the rest is there",
              '\n  postgres: "host=db dbname=flow password=xxxxx"\n' in second)
        with open(again, "a") as f:
            f.write("nonsense: 1\n")
        out, told = portolan("check", "-T", "-c", again, expect=1)
        truth(f"mistakes instead: {out}", "nonsense" in out + told)
        truth("and nothing else", "postgres" not in out)
        # Over an existing file that cannot be written there is no answer.
        portolan("run", "-T", "-c", os.path.join(folder, "no"), expect=2)
