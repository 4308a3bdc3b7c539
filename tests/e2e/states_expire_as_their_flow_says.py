#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A state ends a set time after it began, or after it was last used, whichever
is sooner; one whose flow has ended is kept as long as the configuration says;
one that has expired is not found, and is deleted."""
import json
import os
import sqlite3

from lib import same, story, wait_for
from lib.engine import AGE_INPUT, NAME_INPUT, NEXT, WELCOME, Engine


def times(engine, state):
    """created, updated and expires of a row, as they stand in the file."""
    with sqlite3.connect(f"{engine.dir}/state/state.sqlite") as db:
        return db.execute(
            "SELECT created_at, updated_at, expires_at FROM state WHERE id ="
            " ?", (bytes.fromhex(state.replace("-", "")),)).fetchone()


def with_expiry(engine, absolute, idle):
    path = f"{engine.flows}/greeting.json"
    with open(path) as f:
        flow = json.load(f)
    flow["stateExpirationLength"] = absolute
    flow["idleStateExpirationLength"] = idle
    with open(path + ".new", "w") as f:
        json.dump(flow, f)
    os.rename(path + ".new", path)
    engine.stop()
    engine.start()


def to_the_end(engine):
    asked = engine.invoke(engine.initialize().json).json
    done = engine.invoke(asked, outcome=NEXT,
                         inputs={NAME_INPUT: "Ada", AGE_INPUT: "36"}).json
    same("is done", done["currentMapElementId"], WELCOME)
    return done["stateId"]


@story
def main():
    with Engine(engines={"keep_done": "2h"}) as engine:
        with_expiry(engine, 100, 0)
        asked = engine.invoke(engine.initialize().json).json
        created, _, expires = times(engine, asked["stateId"])
        same("since it began", expires - created, 100 * 1000)

        with_expiry(engine, 100, 50)
        _, updated, expires = times(engine, engine.invoke(asked, "SYNC")
                                    .json["stateId"])
        same("since it was used", expires, min(updated + 50 * 1000,
                                               created + 100 * 1000))

        with_expiry(engine, 0, 0)
        began = engine.initialize().json
        same("never", times(engine, began["stateId"])[2], 0)
        _, updated, expires = times(engine, to_the_end(engine))
        same("when it is done", expires - updated, 2 * 3600 * 1000)

        state = began["stateId"]
        with sqlite3.connect(f"{engine.dir}/state/state.sqlite") as db:
            db.execute("UPDATE state SET expires_at = 1000")
        same("expired", engine.ask("GET", f"/api/run/1/state/{state}").status,
             404)
        engine.stop()
        engine.start()                  # looks for them at once
        wait_for("it is deleted", lambda: times(engine, state) is None)
