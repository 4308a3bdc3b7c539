#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Ranges as text become a database: mistakes are told by line and column and
leave the former file alone; what is made is verified, shown, printed as text
and made again byte for byte."""
import json
import os
import tempfile

from lib import portolan, same, story, truth

TEXT = """# first, last and code; networks; both families
16777216,16777471,AU
1.0.1.0,1.0.3.255,CN
2a00::/16,DE
2a00:23c0::/28,UK
8.8.8.0/24,??
"""
# What nests is resolved, what has no location is left out.
NETWORKS = """1.0.0.0/24,AU
1.0.1.0/24,CN
1.0.2.0/23,CN
"""


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def content(path):
    with open(path, "rb") as f:
        return f.read()


@story
def main():
    with tempfile.TemporaryDirectory() as folder:
        text, made, again = (os.path.join(folder, name) for name in
                             ("text", "made.mmdb", "again.mmdb"))
        build = ["geodb", "build", "--epoch", "1780000000", "-o"]
        write(text, TEXT)
        out, err = portolan(*build, made, "--json", text)
        same("nothing to complain about", err, "")
        same("countries", json.loads(out)["database"]["countries"], 4)
        out, _ = portolan("geodb", "check", "--json", made)
        same("verified", [d["good"] for d in json.loads(out)], [True])

        out, _ = portolan("geodb", "show", made, "1.0.3.255",
                          "2a00:23c1::1", "2a00:1::", "8.8.8.8", "10.1.2.3")
        same("addresses", out.splitlines(), [
            "1.0.3.255: CN China, Asia",
            "2a00:23c1::1: GB United Kingdom, Europe",
            "2a00:1::: DE Germany, Europe",
            "8.8.8.8: unknown (not in the database)",
            "10.1.2.3: private (private use)"])
        networks, _ = portolan("geodb", "show", "--networks", made)
        truth("IPv4 first and as written", networks.startswith(NETWORKS))
        write(text, networks)
        portolan(*build, again, text)
        same("made again", content(again), content(made))

        before = content(made)
        write(text, TEXT + "1.0.0.1/24,AU\n1.0.0.5,1.0.1.5,NZ\n1.2.3.0/24,AUS\n")
        _, err = portolan(*build, made, text, expect=1)
        same("every mistake", err.splitlines(), [
            f"{text}:7:1: address bits are set beyond the prefix: "
            "'1.0.0.1/24'",
            f"{text}:9:12: not a country code of two letters: 'AUS'; did you "
            "mean AU?",
            f"{text}:8:1: the range overlaps, but is not inside, the one at "
            f"{text}:2"])
        same("the former file", content(made), before)
        same("no file left behind", sorted(os.listdir(folder)),
             ["again.mmdb", "made.mmdb", "text"])

        write(text, TEXT + "9.9.9.0/24,QQ\n")
        _, err = portolan(*build, again, text)
        truth(f"a code nobody has: {err}", "warning: no country" in err)
        portolan(*build, again, "--strict", text, expect=1)

        write(again, "<html>Sign in</html>")
        out, _ = portolan("geodb", "check", made, again, expect=1)
        truth(f"the good one: {out}", f"{made}: good: " in out)
        truth(f"the bad one: {out}", "is a web page" in out)
        portolan("geodb", "check", folder + "/missing", expect=2)
        portolan(*build, folder + "/missing/geo.mmdb", text, expect=2)
