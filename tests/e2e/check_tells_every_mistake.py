#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""`portolan check` tells the mistakes of all files in one run, as text and as
JSON, without the rights or files that a start would need; a good configuration
is proven to keep its restrictions, and --full looks at what is missing."""
import json
import os
import shutil
import tempfile

from lib import portolan, same, story, truth

SHIPPED = os.path.join(os.path.dirname(__file__), "..", "..", "conf")


def replace(path, old, new):
    with open(path) as f:
        text = f.read()
    truth(f"{old} in {path}", old in text)
    with open(path, "w") as f:
        f.write(text.replace(old, new, 1))


def line_and_column(path, text):
    """Where the value of a key begins: the key is unique."""
    with open(path) as f:
        for number, line in enumerate(f, 1):
            if line.startswith(text):
                return number, len(text) + 1
    raise KeyError(text)


def engines_files(folder):
    """What embedded engines would open is told with the place that names it,
    or the section that does not."""
    main_file = os.path.join(folder, "portolan.yaml")
    state = os.path.join(folder, "state")
    os.mkdir(state)
    with open(os.path.join(state, "state.sqlite"), "w") as f:
        f.write("this is no database, and never was one\n" * 40)
    replace(main_file, "  #flows: /var/lib/portolan/flows  # snapshots",
            "  flows: no-such-flows  # snapshots")
    replace(main_file, "  #store: /var/lib/portolan/state  # a directory",
            f"  store: {state}")
    out, _ = portolan("check", "--full", "-c", main_file, expect=1)
    for key in ("flows", "store"):
        line, column = line_and_column(main_file, f"  {key}: ")
        truth(f"engines.{key} in {out}", f"portolan.yaml:{line}:{column}: "
              f"engines.{key}: " in out)
    truth("what to do: " + out, "no-such-flows: cannot be opened: No such "
          "file or directory; make the directory and put snapshots into it, "
          "or name another in engines.flows" in out)
    replace(main_file, "  flows: no-such-flows", "  #flows: no-such-flows")
    out, _ = portolan("check", "--full", "-c", main_file, expect=1)
    if not os.path.exists("/var/lib/portolan/flows"):
        line = line_and_column(main_file, "engines:")[0] + 1
        truth(f"the section in {out}", f"portolan.yaml:{line}:3: "
              "engines.flows: " in out)
    shutil.rmtree(state)
    replace(main_file, f"  store: {state}", "  #store: a")


@story
def main():
    with tempfile.TemporaryDirectory() as parent:
        folder = os.path.join(parent, "conf")
        shutil.copytree(SHIPPED, folder)
        main_file = os.path.join(folder, "portolan.yaml")

        # The examples as they are shipped: good, and the proof holds.
        out, _ = portolan("check", "-t", "-c", main_file)
        truth(f"good, without leaks: {out}",
              "good: 6 regions" in out and "none leaves its regions" in out)
        answer = json.loads(portolan("check", "--json", "-c", main_file)[0])
        same("good", answer["good"], True)
        same("escapes", answer["residency"]["escapes"], 0)
        truth("many decisions were tried",
              answer["residency"]["decisions"] > 10000)
        same("expectations without a database",
             answer["expectations_tried"], answer["expectations"] - 2)

        # A database that is not there matters to --full alone.
        replace(main_file, "#database: /var/lib/portolan/country.mmdb",
                "database: nowhere.mmdb")
        portolan("check", "-c", main_file)
        out, _ = portolan("check", "--full", "-c", main_file, expect=1)
        truth(f"the database is missed: {out}",
              "geo.database: " in out and "nowhere.mmdb" in out)

        replace(main_file, "database: nowhere.mmdb", "#database: x")
        engines_files(folder)

        # One mistake in each of four files.
        replace(main_file, "main_region: US", "main_region: USA")
        replace(os.path.join(folder, "regions.yaml"), "  FO: GB", "  UK: GB")
        replace(os.path.join(folder, "restrictions.yaml"),
                "countries: [DE, FR]", "countries: [DE, EU]")
        replace(os.path.join(folder, "expectations.yaml"),
                "country:NO: EU", "country:no: EU")
        out, _ = portolan("check", "-c", main_file, expect=1)
        for file, sentence in (
                ("portolan.yaml", "main_region: 'USA' is no region"),
                ("regions.yaml", "did you mean 'GB'"),
                ("restrictions.yaml", "'EU' is no country; write unions"),
                ("expectations.yaml", "did you mean 'NO'")):
            lines = [line for line in out.splitlines()
                     if line.startswith(os.path.join(folder, file) + ":")]
            truth(f"{sentence} of {file} in {out}",
                  any(sentence in line for line in lines))
        answer = json.loads(portolan("check", "--json", "-c", main_file,
                                     expect=1)[0])
        same("not good", answer["good"], False)
        same("mistakes that are no warnings",
             sum(not m["warning"] for m in answer["mistakes"]), 4)

        portolan("check", "-c", os.path.join(folder, "none.yaml"), expect=2)
        portolan("check", "--verbose", expect=2)
