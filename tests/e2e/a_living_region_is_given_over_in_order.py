#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""London is to be emptied: it lives, and the map says that Sydney succeeds it.
Its server takes no more writes, and Sydney waits until all that it has has
been replicated: then its states go on in Sydney with all that was typed, and
there is no conflict."""
import json
import time

from lib import same, story, truth, wait_for
from lib.engine import AGE_INPUT, NAME_INPUT, invoke_body
from lib.mesh import Mesh, ask, begin, give_map, with_successor

LATE = "Slartibartfast"
A_WHILE_S = 8                   # longer than a region is that has gone


def stands(mesh, region, path):
    return mesh.ask(region, "select home, epoch, version from flow.state "
                    f"where id = '{path.split('/')[-1]}' order by epoch desc "
                    "limit 1")


@story
def main():
    with Mesh(["US", "GB", "AU"]) as mesh:
        mesh.join(together=True)
        with mesh.platform as p:
            path, page = begin(p["GB"], "GB")
            wait_for("Sydney knows of it", lambda: stands(
                mesh, "AU", path) == "GB|1|2", 30)
            mesh.hears("AU", "GB", False)
            same("typed", ask(p["GB"], "GB", "POST", path, invoke_body(
                page, "SYNC", inputs={NAME_INPUT: LATE, AGE_INPUT: "36"})
                ).status, 200)
            with open(p.path("regions.yaml")) as f:
                give_map(mesh, mesh.regions, with_successor(f.read(), ["AU"]))
            wait_for("nothing is written in London", lambda: mesh.ask(
                "GB", "select successor from flow.here") == "AU", 30)
            time.sleep(A_WHILE_S)       # a while is what this is about
            same("Sydney waits", stands(mesh, "AU", path), "GB|1|2")
            mesh.hears("AU", "GB", True)
            wait_for("it is Sydney's", lambda: stands(
                mesh, "AU", path) == "AU|10100000|3", 60)
            wait_for("London has none", lambda: mesh.ask(
                "GB", "select count(*) from flow.state_gb") == "0", 30)
            answer = ask(p["AU"], "AU", "GET", path)
            same("it goes on", answer.status, 200)
            truth("with what was typed", LATE in json.dumps(
                json.loads(answer.body)))
            for region in mesh.regions:
                same(f"conflicts in {region}", mesh.ask(
                    region, "select count(*) from flow.state_conflict"), "0")
