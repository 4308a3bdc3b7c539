#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine is killed under load, again and again: every step that it had
answered is there when it comes back."""
import random
import threading

from lib import Failed, same, story, truth
from lib.engine import (AGAIN, AGE_INPUT, ASK, NAME_INPUT, NEXT, TOO_YOUNG,
                        Engine)
from lib.http import ProtocolError


class Player(threading.Thread):
    """Goes round in the flow; remembers the last answer it got."""

    def __init__(self, engine, name):
        super().__init__(daemon=True)
        self.engine, self.told, self.steps = engine, name, 0
        self.last, self.waiting = None, None

    def run(self):
        try:
            if self.last is None:
                self.last = self.engine.initialize().json
            while True:
                at = self.last["currentMapElementId"]
                answer = self.engine.invoke(
                    self.last, outcome={ASK: NEXT, TOO_YOUNG: AGAIN}.get(at),
                    inputs={NAME_INPUT: self.told, AGE_INPUT: "9"}
                    if at == ASK else None)
                same("status", answer.status, 200)
                self.last = answer.json
                self.steps += 1
        except (OSError, ProtocolError):
            pass                        # killed


def check(engine, player):
    if player.last is None:
        return
    now = engine.ask("GET", f"/api/run/1/state/{player.last['stateId']}")
    same("status", now.status, 200)
    if now.json["stateToken"] == player.last["stateToken"]:
        same("stands at", now.json["currentMapElementId"],
             player.last["currentMapElementId"])
        return
    # One step more was saved than answered: the player's repeat of it will
    # be recognised.  Two would be one that nobody asked for.
    ping = engine.ask("GET", f"/api/run/1/state/{player.last['stateId']}/ping/"
                      + player.last["stateToken"])
    same("moved on", ping.json, True)
    expected = {ASK: TOO_YOUNG, TOO_YOUNG: ASK}.get(
        player.last["currentMapElementId"], ASK)
    if now.json["currentMapElementId"] != expected:
        raise Failed(f"{player.told} stands at "
                     f"{now.json['currentMapElementId']}")
    player.last = now.json


@story
def main():
    players = []
    with Engine() as engine:
        for _ in range(4):
            begun = [Player(engine, f"player {i}") for i in range(6)]
            for old, new in zip(players, begun):
                new.last = old.last
            players = begun
            enough = random.randrange(20, 80)
            for p in players:
                p.start()
            while sum(p.steps for p in players) < enough:
                truth("players play", any(p.is_alive() for p in players))
            engine.kill()
            for p in players:
                p.join(20)
            engine.start()
            for p in players:
                check(engine, p)
