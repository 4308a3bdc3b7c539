#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""States are typed into in London and claimed by players in America while
London's server is killed, and Sydney, which has not heard the last of London,
succeeds it.  Afterwards each state is at home once, all regions agree where,
and whatever anybody was told to be saved is in it, or in a conflict record:
there are some, for what London alone had."""
import json
import os
import random
import signal
import threading
import time

from lib import Failed, same, story, truth, wait_for
from lib.engine import AGE_INPUT, NAME_INPUT, invoke_body
from lib.http import ProtocolError
from lib.mesh import Mesh, at_once, ask, begin, give_map, with_successor
from lib.platform import GLOBAL_HOST
from lib.story import deadline

STATES = 12
SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))


class Player(threading.Thread):
    """Types a name of its own into a run, and tries again until that is
    saved: in a region's own host, so nobody else is asked."""

    def __init__(self, mesh, region, path, delay):
        super().__init__(daemon=True)
        self.edge, self.region, self.path = mesh.platform[region], region, path
        self.name = f"{region}-{path.split('/')[-1]}"
        self.delay, self.over, self.done = delay, False, False
        self.first = None               # how the first attempt ended

    def ask(self, method, body=None):
        return ask(self.edge, self.region, method, self.path, body,
                   host=f"{self.region.lower()}.{GLOBAL_HOST}")

    def types(self):
        try:
            answer = self.ask("GET")
            if answer.status == 200:
                answer = self.ask("POST", invoke_body(
                    json.loads(answer.body), "SYNC",
                    inputs={NAME_INPUT: self.name, AGE_INPUT: "36"}))
            return answer.status
        except (OSError, ProtocolError):
            return 0

    def run(self):
        time.sleep(self.delay)          # at the moment of loss, or nearly so
        while not self.done and not self.over:
            status = self.types()
            if self.first is None:
                self.first = status
            self.done = status == 200


def stands(mesh, region, path):
    return mesh.ask(region, "select home, epoch, version from flow.state "
                    f"where id = '{path.split('/')[-1]}' order by epoch desc, "
                    "home limit 1")


def holds(mesh, region, table, path, name):
    """Whether what is there of the state says that name."""
    return mesh.ask(region, f"select count(*) from flow.{table} where id = "
                    f"'{path.split('/')[-1]}' and position('{name}'::bytea in "
                    "body) > 0") != "0"


def lose(mesh, paths):
    """The first third stays in London, which Sydney stops hearing; America
    claims the rest meanwhile."""
    for region in ("AU", "US"):
        mesh.hears(region, "GB", False)
    kept, claimed = paths[:STATES // 3], paths[STATES // 3:]
    here = [Player(mesh, "GB", path, 0) for path in kept]
    there = [Player(mesh, "US", path, random.uniform(0, 2))
             for path in claimed]
    for player in here:
        player.start()
    for player in here:
        player.join(deadline(60) - time.monotonic())
        truth("typed in London", player.done)
    for player in there:
        player.start()
    time.sleep(random.uniform(0.2, 1.5))
    mesh.servers["GB"].end(signal.SIGQUIT)
    with open(mesh.platform.path("regions.yaml")) as f:
        give_map(mesh, mesh.regions, with_successor(f.read(), ["AU"]))
    for player in there:
        player.join(deadline(90) - time.monotonic())
        player.over = True
        truth(f"{player.path} is saved in America", player.done)
    print("first attempts ended", sorted(p.first for p in there), flush=True)
    return here, there


def back(mesh):
    mesh.servers["GB"].start()
    for region in ("AU", "US"):
        mesh.hears(region, "GB", True)
    wait_for("London has given way", lambda: mesh.ask(
        "GB", "select count(*) from flow.state_gb") == "0", 90)


def accounted_for(mesh, players):
    for player in players:
        path = player.path
        wait_for(f"all agree on {path}", lambda p=path: len({stands(
            mesh, r, p) for r in mesh.regions}) == 1, 60)
        homes = [r for r in mesh.regions if mesh.ask(
            r, f"select count(*) from flow.state_{r.lower()} where id = "
            f"'{path.split('/')[-1]}'") != "0"]
        same(f"homes of {path}", homes, [stands(mesh, "US", path)
                                         .split("|", maxsplit=1)[0]])
        if not holds(mesh, homes[0], "state", path, player.name) and not any(
                holds(mesh, r, "state_conflict", path, player.name)
                for r in mesh.regions):
            raise Failed(f"{player.name} was saved, and is nowhere")


@story
def main():
    random.seed(SEED)
    print("seed", SEED, flush=True)
    with Mesh(["US", "GB", "AU"]) as mesh:
        mesh.join()
        with mesh.platform as p:
            paths = []
            at_once(lambda _: paths.append(begin(p["GB"], "GB")[0]),
                    range(STATES))
            wait_for("all know of all", lambda: all(stands(
                mesh, r, path) == "GB|1|2" for r in mesh.regions
                for path in paths), 60)
            here, there = lose(mesh, paths)
            back(mesh)
            accounted_for(mesh, here + there)
            for player in here:
                truth("what London alone had is kept there", holds(
                    mesh, "GB", "state_conflict", player.path, player.name))
                same("and not in the state", holds(
                    mesh, "AU", "state", player.path, player.name), False)
            same("nobody else has a conflict", [mesh.ask(
                r, "select count(*) from flow.state_conflict")
                for r in ("US", "AU")], ["0", "0"])
            mesh.platform["GB"].says("portolan store conflicts")
