#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A killed edge or engine worker is started again; the console answers
meanwhile, and says that the edge does not."""
import os
import re
import signal

from lib import Platform, same, story, wait_for
from lib.addresses import ROOT


def process_of(edge, role):
    """The process that the master started last for this role."""
    found = re.findall(rf"{role} is process (\d+)", edge.errors())
    return int(found[-1]) if found else None


def kill(edge, role):
    old = process_of(edge, role)
    os.kill(old, signal.SIGKILL)
    wait_for(f"{role} is started again",
             lambda: process_of(edge, role) != old)
    edge.says(f"{role} (process {old}) was ended by signal 9")


@story
def main():
    with Platform(embedded=1, flows=os.path.join(ROOT, "conf/flows")) as p:
        edge = p["US"]
        kill(edge, "engine US/0")
        edge.wait_ready()
        same("an engine's answer", edge.get("/api/run/1/nothing").status, 404)

        kill(edge, "edge")
        same("the console lives", edge.admin("/healthz").status, 200)
        edge.wait_ready()
        same("an answer", edge.get("/api/run/1/nothing").status, 404)

        kill(edge, "console")
        edge.wait_ready()
