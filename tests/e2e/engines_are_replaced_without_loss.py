#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""While upgrades replace the engine workers, too, flows begin all the time:
POST requests, which nobody may repeat on a guess, and each is answered."""
import json
import os
import threading

from lib import Platform, same, story, truth
from lib.addresses import ROOT
from lib.engine import FLOW, TENANT
from lib.successor import adopt_orphans

from upgrades_lose_no_connection import upgrade

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


@story
def main():
    adopt_orphans()
    with Platform(embedded=2, flows=os.path.join(ROOT, "conf/flows")) as p:
        edge = p["US"]
        flows = [Flows(edge) for _ in range(3)]
        for _ in range(UPGRADES):
            upgrade(edge, "ctl")
            edge.former_ends(30)
        for each in flows:
            each.end()
