#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Engines, edge and master are killed at any moment, under load: each step that
was answered is there, in order, and none was done twice.

Players do as browsers do: what is not answered is sent again, unchanged.

    KILLS=300 make e2e T=acknowledged_states_outlive_every_process
"""
import json
import os
import random
import signal
import threading

from lib import Failed, Platform, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import (AGAIN, AGE_INPUT, ASK, FLOW, NAME_INPUT, NEXT, START,
                        TENANT, TOO_YOUNG, invoke_body)
from lib.http import ProtocolError
from lib.story import deadline

KILLS = int(os.environ.get("KILLS", "16"))
PLAYERS, STEPS = 8, 9                   # steps of a state, then the next begins
ENGINES = ["engine US/0", "engine US/1"]
AFTER = {START: ASK, ASK: TOO_YOUNG, TOO_YOUNG: ASK}
OUTCOME = {ASK: NEXT, TOO_YOUNG: AGAIN}


class Player(threading.Thread):
    def __init__(self, edge, number):
        super().__init__(daemon=True)
        self.edge, self.number, self.steps = edge, number, 0
        self.told = {}                  # by state: the last answer to it
        self.over, self.wrong = False, None

    def ask(self, method, path, body=None):
        """Again and again, until there is an answer."""
        body = None if body is None else json.dumps(body).encode()
        end = deadline(60)
        answer = None
        while True:
            try:
                answer = self.edge.ask(method, path, [
                    ("ManyWhoTenant", TENANT),
                    ("Content-Type", "application/json")], body, "US")
                if answer.status < 500:
                    same("status", answer.status, 200)
                    return json.loads(answer.body)
            except (OSError, ProtocolError):
                pass
            truth(f"answered at last ({answer})", deadline(0) < end)

    def play(self):
        last = self.ask("POST", "/api/run/1",
                        {"flowId": {"id": FLOW, "versionId": None}})
        for step in range(STEPS):
            self.told[last["stateId"]] = last
            at, name = last["currentMapElementId"], f"{self.number}.{step}"
            last = self.ask(
                "POST", f"/api/run/1/state/{last['stateId']}",
                invoke_body(last, outcome=OUTCOME.get(at), inputs={
                    NAME_INPUT: name, AGE_INPUT: "9"} if at == ASK else None))
            same("type", last["invokeType"], "FORWARD")
            same("went on by one", last["currentMapElementId"], AFTER[at])
            truth("shows what was typed", at != ASK or name in str(last))
            self.steps += 1
            if self.over:
                break
        self.told[last["stateId"]] = last

    def run(self):
        try:
            while not self.over:
                self.play()
        except Exception as e:
            self.wrong = e


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


def compare(edge, players):
    """Every state that was ever answered."""
    count = 0
    for p in players:
        for state, last in p.told.items():
            now = p.ask("GET", f"/api/run/1/state/{state}")
            for key in ("stateToken", "currentMapElementId"):
                same(f"{key} of {state}", now[key], last[key])
            count += 1
    return count


@story
def main():
    with Platform(embedded=2, flows=os.path.join(ROOT, "conf/flows")) as p:
        edge = p["US"]
        players = [Player(edge, i) for i in range(PLAYERS)]
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
        print(f"{steps()} steps, {compare(edge, players)} states compared")
