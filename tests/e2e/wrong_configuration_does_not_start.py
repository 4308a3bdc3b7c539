#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A configuration with mistakes: all of them are told in one run, by file,
line and column, and the service ends with code 1 without a process left."""
import os
import subprocess
import tempfile

from lib import Platform, portolan, same, story, truth
from lib.command import PROGRAM


def no_log_no_service():
    with Platform() as platform:
        edge = platform["US"]
        good = platform.settings
        platform.settings = {"log": {"access": platform.path("no/such/log")}}
        edge.write_config()
        out, err = portolan("ctl", "reload", "-c", edge.config_file, expect=1)
        truth("a log that cannot be had keeps a reload out: " + err,
              "log.access" in err and "reload failed" in err)
        same("still served", edge.get("/api/run/1/x").status, 200)
        code = edge.stop()
        same("exit code", code, 0)
        done = subprocess.run([PROGRAM, "run", "-c", edge.config_file],
                              text=True, capture_output=True, timeout=60)
        same("and a start", done.returncode, 1)
        truth(f"with the reason: {done.stderr}",
              "log.access" in done.stderr)
        truth(f"and what comes of it: {done.stderr}",
              "so the service ends" in done.stderr and
              "starts again" not in done.stderr)
        platform.settings = good


@story
def main():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "portolan.yaml")
        with open(path, "w") as f:
            f.write("region: US\nmain_region: US\nregionz: regions.yaml\n"
                    "threads: many\nlisteners:\n  - name: a\n"
                    "    address: 127.0.0.1\n")
        done = subprocess.run([PROGRAM, "run", "-c", path], text=True,
                              capture_output=True, timeout=60)
        same("exit code", done.returncode, 1)
        for place in ("portolan.yaml:3:1:", "portolan.yaml:4:10:",
                      "portolan.yaml:7:14:"):
            truth(f"{place} in {done.stderr}", place in done.stderr)
        truth(f"a suggestion in {done.stderr}", "regions" in done.stderr)
    no_log_no_service()
