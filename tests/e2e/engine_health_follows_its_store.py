#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A store that cannot be written: nothing is done, the answer says so, health
turns red, reading goes on; and it turns green again by itself."""
import sqlite3

from lib import same, story, truth
from lib.engine import START, Engine


@story
def main():
    with Engine() as engine:
        began = engine.initialize().json
        state = f"/api/run/1/state/{began['stateId']}"
        with sqlite3.connect(f"{engine.dir}/state/state.sqlite") as other:
            other.execute("BEGIN IMMEDIATE")
            failed = engine.invoke(began)
            same("status", failed.status, 503)
            truth("Retry-After", failed["Retry-After"] is not None)
            truth("says why", "nothing was changed" in failed.json)
            same("health", engine.ask("GET", "/healthz").status, 503)
            read = engine.ask("GET", state)
            same("reading goes on", read.status, 200)
            same("stands at", read.json["currentMapElementId"], START)
            other.rollback()
        same("health again", engine.ask("GET", "/healthz").status, 200)
        same("goes on", engine.invoke(began).status, 200)
