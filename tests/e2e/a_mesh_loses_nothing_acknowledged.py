#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Three regions with a server each, players in all of them, who come in
anywhere and now and then ask for another region's own host.  Servers, engines,
edges and masters are killed at random, and regions are cut off from each other
and let back.  Afterwards every step that was answered is there, in order, none
was done twice, no conflict was noted, and all regions have the same rows.

    make soak-mesh SECONDS=3600
"""
import os
import random
import signal
import time

from lib import Failed, same, story, truth, wait_for
from lib.http import ProtocolError
from lib.mesh import Mesh
from lib.platform import GLOBAL_HOST
from lib.player import Player, compare
from lib.story import deadline

SECONDS = float(os.environ.get("MESH_SECONDS", "12"))
REGIONS = ["US", "GB", "AU"]
PLAYERS = 2                             # in each region


def starts(edge):
    """As a service manager does it."""
    if edge.process.poll() is not None:
        edge.start()
    try:
        return edge.admin("/readyz").status in (200, 503)
    except (OSError, ProtocolError):
        return False


def kill_child(edge, name):
    try:
        os.kill(edge.process_id(name), signal.SIGKILL)
    except ProcessLookupError:
        pass                            # not started again yet


def kill_engine(mesh, region):
    kill_child(mesh.platform[region], f"engine {region}/0")


def kill_edge(mesh, region):
    kill_child(mesh.platform[region], "edge")


def kill_all(mesh, region):
    edge = mesh.platform[region]
    edge.process.kill()
    for name in ("edge", f"engine {region}/0"):
        kill_child(edge, name)
    edge.process.wait()
    wait_for("it is started again", lambda: starts(edge), 60)


def kill_server(mesh, region):
    mesh.servers[region].kill()


def crash_server(mesh, region):
    mesh.servers[region].end(signal.SIGQUIT)
    mesh.servers[region].start()


def cut_off(mesh, region):
    """What the others ask of its server does not come through for a while, nor
    what was answered."""
    mesh.ways[region].passes.clear()
    time.sleep(random.uniform(0.2, 2))  # a while is what this is about
    mesh.ways[region].passes.set()


BLOWS = [kill_engine, kill_edge, kill_all, kill_server, crash_server, cut_off,
         cut_off]


def steps(players):
    for player in players:
        if player.wrong is not None:
            raise Failed(f"player {player.number}: {player.wrong!r}")
    return sum(player.steps for player in players)


def blows(mesh, players):
    end, dealt = time.monotonic() + SECONDS, []
    while time.monotonic() < end or len(dealt) < 3:
        blow, region = random.choice(BLOWS), random.choice(REGIONS)
        dealt.append(f"{blow.__name__} {region}")
        print(dealt[-1], flush=True)
        blow(mesh, region)
        enough = steps(players) + random.randrange(1, 20)
        wait_for("players go on", lambda: steps(players) >= enough, 60)
    return dealt


def heal(mesh):
    for edge in mesh.platform.edges.values():
        wait_for(f"{edge.region} is there", lambda e=edge: starts(e), 60)
        edge.wait_ready(60)
    wait_for("all regions know of all", lambda: all(
        set(REGIONS) <= edge.regions_up()
        for edge in mesh.platform.edges.values()), 60)
    mesh.wait_joined(seconds=90)


def all_have_the_same(mesh):
    for home in REGIONS:
        mesh.store(home, "verify", "--wait", 60, admin=False, seconds=120)
        truth(f"{home} has states", mesh.rows(home, home))
    for region in REGIONS:
        same(f"conflicts noted in {region}", mesh.ask(
            region, "select count(*) from flow.state_conflict"), "0")


@story
def main():
    began = time.monotonic()

    def lap(what):
        print(f"{time.monotonic() - began:6.1f} s: {what}", flush=True)

    with Mesh(REGIONS) as mesh:
        lap("servers are there")
        mesh.join()
        lap("they follow each other")
        with mesh.platform as platform:
            hosts = [GLOBAL_HOST] * 6 + [
                f"{r.lower()}.{GLOBAL_HOST}" for r in REGIONS]
            players = [Player(list(platform.edges.values()), i,
                              REGIONS[i % len(REGIONS)], hosts, patience=90)
                       for i in range(PLAYERS * len(REGIONS))]
            for player in players:
                player.start()
            wait_for("players have begun", lambda: steps(players) > 30, 30)
            lap("players are at it")
            dealt = blows(mesh, players)
            lap(f"{len(dealt)} blows")
            for player in players:
                player.over = True
            for player in players:
                player.join(deadline(120) - time.monotonic())
            heal(mesh)
            lap("all is well again")
            lap(f"{steps(players)} steps, {compare(players)} states compared")
            all_have_the_same(mesh)
            lap("all have the same")
