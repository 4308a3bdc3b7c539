#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Every command that --help lists has a help of its own, answers a mistake
with exit code 2 and the nearest name, and stands in the manual page, with its
subcommands; nothing is listed that is not there."""
import os
import re

from lib import portolan, same, story, truth
from lib.addresses import ROOT

GROUPS = {"map", "geodb", "ctl", "apikey", "store"}

NESTED = {("store", "region"), ("store", "conflicts"), ("ctl", "map")}


def listed(text):
    return re.findall(r"^  ([a-z]+) {2,}\S", text, re.MULTILINE)


def check_command(words):
    out, err = portolan(*words, "--help")
    truth(f"{words} --help begins with its usage",
          out.startswith(f"usage: portolan {' '.join(words)}"))
    same(f"{words} --help on standard error", err, "")
    out, err = portolan(*words, "--hepl", expect=2)
    same(f"{words} --hepl on standard output", out, "")
    truth(f"{words} suggests --help: {err}", "did you mean --help?" in err)


@story
def main():
    out, _ = portolan("--help")
    commands = listed(out)
    truth(f"commands are listed: {commands}", len(commands) >= 6)
    with open(os.path.join(ROOT, "docs/man/portolan.1")) as f:
        manual = f.read()
    with open(os.path.join(ROOT, "VERSION")) as f:
        version = f.read().strip()
    for command in commands:
        truth(f"{command} is in the manual",
              re.search(rf"^\.BR {command}\b", manual, re.MULTILINE))
        truth(f"{command} has a page", os.path.exists(
            os.path.join(ROOT, f"docs/man/portolan-{command}.1")))
        if command not in GROUPS:
            check_command([command])
            continue
        subcommands = listed(portolan(command, "--help")[0])
        truth(f"{command} has subcommands", len(subcommands) >= 2)
        truth(f"{command}'s subcommands are in the manual: {subcommands}",
              f'.BR {command} " {"|".join(subcommands)}"' in manual)
        for sub in subcommands:
            below = listed(portolan(command, sub, "--help")[0]) \
                if (command, sub) in NESTED else [None]
            for last in below:
                check_command([command, sub] + ([last] if last else []))
        _, err = portolan(command, subcommands[0] + "x", expect=2)
        truth(f"near name: {err}",
              f"did you mean '{subcommands[0]}'?" in err)
        portolan(command, expect=2)

    same("version", portolan("--version")[0], f"portolan {version}\n")
    truth("-V says more", len(portolan("-V")[0].splitlines()) > 1)
    _, err = portolan("chekc", expect=2)
    truth(f"near name: {err}", "did you mean 'check'?" in err)
    _, err = portolan(expect=2)
    truth("without a command", "--help" in err)
    # -t as with the servers that people know.
    code, _, err = portolan("-t", "-c", "/nonexistent", expect=None)
    truth("-t is check", code != 0 and "/nonexistent" in err)
