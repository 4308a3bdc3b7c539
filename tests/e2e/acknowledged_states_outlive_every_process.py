#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Engines, edge and master are killed at any moment, under load: each step that
was answered is there, in order, and none was done twice.

Players do as browsers do: what is not answered is sent again, unchanged.

    KILLS=300 make e2e T=acknowledged_states_outlive_every_process
"""
import os
import random
import signal

from lib import Failed, Platform, story, wait_for
from lib.addresses import ROOT
from lib.http import ProtocolError
from lib.player import Player, compare

KILLS = int(os.environ.get("KILLS", "16"))
PLAYERS = 8
ENGINES = ["engine US/0", "engine US/1"]


def starts(edge):
    """As a service manager does it: who finds the orphans of the last one
    still there ends, and is started once more."""
    if edge.process.poll() is not None:
        edge.start()
    try:
        return edge.admin("/readyz").status == 200
    except (OSError, ProtocolError):
        return False


def kill(edge, victim):
    names = {"edge": ["edge"], "master": [], "engine": [random.choice(
        ENGINES)], "engines": ENGINES, "all": ["edge", *ENGINES]}[victim]
    pids = [edge.process_id(name) for name in names]
    if victim in ("master", "all"):
        edge.process.kill()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass                        # not started again yet
    if victim in ("master", "all"):
        edge.process.wait()
        wait_for("it is started again", lambda: starts(edge), 60)


@story
def main():
    with Platform(embedded=2, flows=os.path.join(ROOT, "conf/flows")) as p:
        edge = p["US"]
        players = [Player([edge], i) for i in range(PLAYERS)]
        for player in players:
            player.start()

        def steps():
            for player in players:
                if player.wrong is not None:
                    raise Failed(f"player {player.number}: {player.wrong!r}")
            return sum(player.steps for player in players)

        for _ in range(KILLS):
            enough = steps() + random.randrange(1, 40)
            wait_for("players go on", lambda: steps() >= enough, 60)
            kill(edge, random.choice(["engine", "engine", "engines", "edge",
                                      "master", "all"]))
        for player in players:
            player.over = True
        for player in players:
            player.join(90)
        print(f"{steps()} steps, {compare(players)} states compared")
