# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Players who go through runs of a flow as browsers do: what is not answered is
sent again, unchanged.  Each remembers the last answer to each of its states:
what was acknowledged, and has to be there at the end."""
import json
import random
import threading

from .engine import (AGAIN, AGE_INPUT, ASK, FLOW, NAME_INPUT, NEXT, START,
                     TENANT, TOO_YOUNG, invoke_body)
from .http import ProtocolError
from .platform import GLOBAL_HOST
from .story import deadline, same, truth

STEPS = 9                               # of a state, then the next begins
AFTER = {START: ASK, ASK: TOO_YOUNG, TOO_YOUNG: ASK}
OUTCOME = {ASK: NEXT, TOO_YOUNG: AGAIN}


class Player(threading.Thread):
    """edges: where it comes in, one of them each time; of: its country; hosts:
    what it asks for, one of them each time."""

    def __init__(self, edges, number, of="US", hosts=(GLOBAL_HOST,),
                 patience=60):
        super().__init__(daemon=True)
        self.edges, self.number, self.of = edges, number, of
        self.hosts, self.patience, self.steps = hosts, patience, 0
        self.told = {}                  # by state: the last answer to it
        self.over, self.wrong = False, None

    def ask(self, method, path, body=None):
        """Again and again, until there is an answer."""
        body = None if body is None else json.dumps(body).encode()
        end = deadline(self.patience)
        answer = None
        while True:
            try:
                answer = random.choice(self.edges).ask(method, path, [
                    ("ManyWhoTenant", TENANT),
                    ("Content-Type", "application/json")], body, self.of,
                    host=random.choice(self.hosts))
                if answer.status < 500:
                    same(f"status of {method} {path}: {answer.body[:200]}",
                         answer.status, 200)
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


def compare(players):
    """Every state that was ever answered stands where its player was told; how
    many there are."""
    count = 0
    for p in players:
        for state, last in p.told.items():
            now = p.ask("GET", f"/api/run/1/state/{state}")
            for key in ("stateToken", "currentMapElementId"):
                same(f"{key} of {state}", now[key], last[key])
            count += 1
    return count
