#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""portolan ctl: words for people, JSON with --json, exit code 1 where the
service says no and 2 where it cannot be reached, with what to do."""
import json
import os
import re

from lib import Platform, portolan, same, story, truth, wait_for


def both(edge, word, expect=0):
    """The answer in words and as JSON."""
    words = ["ctl", word, "-c", edge.config_file]
    text = "".join(portolan(*words, expect=expect))
    out, err = portolan(*words, "--json", expect=expect)
    same(f"{word} --json on standard error", err, "")
    return text, json.loads(out)


def check_status(edge):
    text, status = both(edge, "status")
    truth("its first line: " + text, re.match(
        r"Portolan \S+, edge of US: ready\n", text))
    truth("the own region: " + text, "\nUS      up, this region\n" in text)
    truth("the other one: " + text, re.search(
        r"\nGB      up\n        up             edge \S+:\d+, weight 1", text))
    same("ready", status["ready"], True)
    same("regions", [r["id"] for r in status["regions"]], ["US", "GB"])


def check_reload(edge):
    text, told = both(edge, "reload")
    truth("reloaded: " + text, text.startswith("reloaded\n"))
    same("good", told["good"], True)
    good = open(edge.config_file).read()
    with open(edge.config_file, "w") as f:
        f.write(good.replace('"400ms"', '"400"'))
    text, told = both(edge, "reload", expect=1)
    truth("which mistake: " + text, re.search(
        r"US\.yaml:\d+:\d+: engines\.probe\.\w+: ", text))
    same("good", told["good"], False)
    truth(f"in JSON: {told}", any("engines.probe" in m
                                  for m in told["messages"]))
    with open(edge.config_file, "w") as f:
        f.write(good)


def check_drain(edge):
    text, told = both(edge, "drain")
    same("words", text, "draining\n")
    same("good", told["good"], True)
    wait_for("unready", lambda: edge.admin("/readyz").status == 503)
    text, told = both(edge, "ready", expect=1)
    truth("what is missing: " + text, "[-] not draining\n" in text)
    truth(f"in JSON: {told}", not told["ready"] and
          {"check": "not draining", "good": False} in told["checks"])
    truth("status says so", "NOT READY: draining" in both(edge, "status")[0])


def fails(*args):
    code, out, err = portolan("ctl", "status", *args, expect=None)
    same(f"exit code of {args}", (code, out), (2, ""))
    return err


@story
def main():
    with Platform(regions=["US", "GB"]) as platform:
        edge = platform["US"]
        check_status(edge)
        text, told = both(edge, "ready")
        truth("ready: " + text, text.endswith("\nready\n"))
        truth("every check", all(c["good"] for c in told["checks"]))
        check_reload(edge)
        check_drain(edge)

        socket = os.path.join(edge.run_dir, "admin.sock")
        truth("by its socket", "edge of US" in
              portolan("ctl", "status", "-s", socket)[0])
        truth("no socket", "is the service running" in
              fails("-s", platform.path("none.sock")))
        truth("no service at it", "is it the admin socket" in
              fails("-s", edge.config_file) or "has ended" in
              fails("-s", edge.config_file))
        truth("no file", "portolan check -c" in
              fails("-c", platform.path("none.yaml")))
        same("the console's port may not change anything",
             edge.admin("/drain", "POST", b"").status, 403)
