#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A browser sends an invoke again when its connection breaks: the same
request gets the same answer, one after the other or all at once on two
workers; any other request with an old token is told how things stand."""
import os
import threading

from lib import same, story, truth
from lib.engine import (AGE_INPUT, ASK, NAME_INPUT, NEXT, WELCOME, Engine,
                        invoke_body, page)


def one_after_the_other(engine):
    asked = engine.invoke(engine.initialize().json).json
    path = f"/api/run/1/state/{asked['stateId']}"
    body = invoke_body(asked, outcome=NEXT,
                       inputs={NAME_INPUT: "Ada", AGE_INPUT: "36"})
    first = engine.ask("POST", path, body)
    same("moved", first.json["currentMapElementId"], WELCOME)
    for _ in range(3):
        same("again", engine.ask("POST", path, body).body, first.body)

    # The same token with other content is another request.
    body["mapElementInvokeRequest"]["pageRequest"][
        "pageComponentInputResponses"][0]["contentValue"] = "Eve"
    late = engine.ask("POST", path, body)
    same("status", late.status, 200)
    same("type", late.json["invokeType"], "SYNC")
    same("stands at", late.json["currentMapElementId"], WELCOME)
    same("token", late.json["stateToken"], first.json["stateToken"])
    truth("Ada it stays", "Ada" in str(page(late)))

    # Ping tells who is behind.
    ping = f"{path}/ping/"
    same("behind", engine.ask("GET", ping + asked["stateToken"]).json, True)
    same("not behind",
         engine.ask("GET", ping + first.json["stateToken"]).json, False)


def all_at_once(engines):
    for _ in range(5):
        asked = engines[0].invoke(engines[0].initialize().json).json
        same("stands at", asked["currentMapElementId"], ASK)
        path = f"/api/run/1/state/{asked['stateId']}"
        body = invoke_body(asked, outcome=NEXT,
                           inputs={NAME_INPUT: "Ada", AGE_INPUT: "36"})
        answers = [None] * 8

        def ask(i):
            answers[i] = engines[i % 2].ask("POST", path, body)

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        same("one answer", len({a.body for a in answers}), 1)
        same("status", answers[0].status, 200)
        same("moved", answers[0].json["currentMapElementId"], WELCOME)


@story
def main():
    with Engine() as engine:
        # The second worker of the region: the same store.
        other = Engine()
        os.symlink(f"{engine.dir}/state", f"{other.dir}/state")
        with other:
            one_after_the_other(engine)
            all_at_once([engine, other])
