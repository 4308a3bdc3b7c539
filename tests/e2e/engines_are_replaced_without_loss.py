#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Upgrades replace the engine workers, and so do reloads after their program
or their settings have changed, one by one.  Meanwhile flows begin all the
time, by POST requests that nobody may repeat on a guess, and each is
answered.  A program that does not start replaces nobody."""
import json
import os
import shutil
import threading

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.command import PROGRAM
from lib.engine import FLOW, TENANT
from lib.successor import adopt_orphans

from crashed_processes_come_back import process_of
from upgrades_lose_no_connection import install, upgrade

UPGRADES = int(os.environ.get("UPGRADES", "3"))
FIELDS = [("Host", "flow.example.com"), ("ManyWhoTenant", TENANT),
          ("Content-Type", "application/json")]
BODY = json.dumps({"flowId": {"id": FLOW, "versionId": None}}).encode()


class Flows(threading.Thread):
    """Begins one after the other."""

    def __init__(self, edge):
        super().__init__(daemon=True)
        self.edge, self.over = edge, threading.Event()
        self.good, self.wrong = 0, []
        self.start()

    def run(self):
        while not self.over.is_set():
            with self.edge.connect() as c:
                answer = c.ask("POST", "/api/run/1", FIELDS, BODY)
            if answer.status == 200:
                self.good += 1
            else:
                self.wrong.append((answer.status, answer.body[:200]))

    def end(self):
        self.over.set()
        self.join()
        same("flows that did not begin", self.wrong[:5], [])
        truth("flows did begin", self.good > 0)


def engines(edge):
    """The processes that the master told of last."""
    return [process_of(edge, f"engine US/{n}") for n in range(2)]


def replaced(edge, before):
    return not set(before) & set(engines(edge))


def gone(pids):
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def reload(edge):
    edge.write_config()
    portolan("ctl", "reload", "-c", edge.config_file)


@story
def main():
    adopt_orphans()
    platform = Platform(embedded=2, flows=os.path.join(ROOT, "conf/flows"))
    edge = platform["US"]
    edge.program = platform.path("portolan")
    shutil.copy(PROGRAM, edge.program)
    with platform:
        flows = [Flows(edge) for _ in range(3)]
        for _ in range(UPGRADES):
            upgrade(edge, "ctl")
            edge.former_ends(30)

        before = engines(edge)
        reload(edge)                    # nothing has changed
        same("the same engines", engines(edge), before)

        platform.settings["engines"] = {"store": platform.path("elsewhere")}
        reload(edge)
        wait_for("other engines", lambda: replaced(edge, before))
        wait_for("the former ones end", lambda: gone(before))
        truth("another store", os.path.exists(platform.path("elsewhere")))

        before = engines(edge)
        install(edge, None)
        reload(edge)
        wait_for("engines of a new program", lambda: replaced(edge, before))
        wait_for("the former ones end", lambda: gone(before))
        if os.geteuid() == 0:           # others may not look
            for pid in engines(edge):
                same("its program", os.readlink(f"/proc/{pid}/exe"),
                     edge.program)
        for each in flows:
            each.end()

        before = engines(edge)
        install(edge, "#!/bin/sh\nexit 3\n")
        reload(edge)
        wait_for("the roll stops", lambda: "its replacement did not start" in
                 edge.errors())
        same("one was tried", len(set(before) & set(engines(edge))), 1)
        truth("nobody has ended", not any(
            f"process {pid}) has ended" in edge.errors() for pid in before))
        edge.wait_ready()
        flow = Flows(edge)
        wait_for("a flow begins", lambda: flow.good > 0)
        flow.end()
