#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""With source: engines an edge refuses until it knows the restrictions, hears
of each change within seconds, starts from its copy when the engines are gone,
and refuses again when what it knows is too old."""
import json
import os
import time

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import FLOW, TENANT

FLOW_PATH = f"/api/run/1/flow/{FLOW}/x/customPageComponents"


def build(edge, key, method, path, body=None):
    answer = edge.ask(method, path, [
        ("ManyWhoTenant", TENANT), ("x-boomi-flow-api-key", key),
        ("Content-Type", "application/json")],
        None if body is None else json.dumps(body).encode())
    same(f"status of {path}: {answer.body!r}", answer.status, 200)
    return json.loads(answer.body)


def status(edge, of="FR"):
    return edge.ask("GET", FLOW_PATH, [("ManyWhoTenant", TENANT)],
                    of=of).status


def refuses(edge):
    """By itself: its engine, which knows first, was not asked."""
    status(edge)
    return any(line["outcome"] == "access-restricted" and
               line["attempts"] == 0 for line in edge.access())


def restrict(edge, key, countries):
    began = time.monotonic()
    build(edge, key, "POST", "/api/draw/1/flow", {
        "id": {"id": FLOW}, "developerName": "Greeting", "restrictions":
        countries and {"access": {"enabled": True, "countries": countries}}})
    return began


def read(path):
    with open(path, "rb") as f:
        return f.read()


def answer_type(edge, of):
    try:
        answer = edge.ask("GET", FLOW_PATH, [
            ("ManyWhoTenant", TENANT),
            ("Accept", "application/problem+json")], of=of)
    except OSError:
        return None
    return json.loads(answer.body)["type"].split(":")[-1]


@story
def main():
    with Platform(embedded=1, flows=os.path.join(ROOT, "conf/flows"),
                  settings={"policy": {"source": "engines",
                                       "restrictions": None,
                                       "max_staleness": "3s"}}) as p:
        us = p["US"]
        made, _ = portolan("apikey", "create", "-c", us.config_file,
                           "--tenant", TENANT)
        key = made.strip()
        wait_for("the key is known", lambda: us.ask(
            "GET", "/api/admin/1/tenant", [
                ("ManyWhoTenant", TENANT),
                ("x-boomi-flow-api-key", key)]).status == 200, 10)
        wait_for("it is open", lambda: status(us) == 200, 10)

        began = restrict(us, key, ["SZ"])
        wait_for("the edge knows", lambda: refuses(us), 10)
        print(f"known after {time.monotonic() - began:.2f} s")
        same("from Swaziland", status(us, "SZ"), 200)
        same("one is bound", us.metric("portolan_restrictions"), 2.0)
        truth("it has a revision",
              us.metric("portolan_restrictions_revision") > 0)

        # The copy, and a start without engines.
        copy = os.path.join(us.run_dir, "restrictions.copy")
        wait_for("there is a copy of this set", lambda:
                 os.path.exists(copy) and b"SZ" in read(copy), 10)
        truth("copies are counted",
              us.metric("portolan_restrictions_copies_total") >= 1)
        us.stop()
        p.embedded = 0                  # and none in the map: nobody to ask
        p.settings["policy"]["max_staleness"] = "1h"
        us.start()
        wait_for("the copy binds", lambda: us.running() and
                 answer_type(us, "FR") == "access-restricted", 20)
        same("nobody to serve it", answer_type(us, "SZ"),
             "region-unavailable")
        us.stop()
        p.settings["policy"]["max_staleness"] = "1s"
        us.start()
        wait_for("the copy is too old", lambda: us.running() and
                 answer_type(us, "SZ") == "restrictions-stale", 20)
        same("not ready", us.admin("/readyz").status, 503)
        us.stop()

        # Damaged: refused, told, and mended by the engines.
        with open(copy, "r+b") as f:
            f.seek(150)
            f.write(b"\xff\xff")
        p.embedded = 1
        p.settings["policy"]["max_staleness"] = "3s"
        us.start()
        us.wait_ready()
        wait_for("known again", lambda: status(us) == 403, 20)
        us.says("damaged")
        restrict(us, key, None)
        wait_for("free again", lambda: status(us) == 200, 10)
