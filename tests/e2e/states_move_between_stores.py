#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""States move to a tenant's store, to both, to another and back, resumed where
a store failed; they run on in between; keys change without a pause."""
import sqlite3

from lib import same, story, truth, wait_for
from lib.engine import (AGAIN, AGE_INPUT, ASK, NAME_INPUT, NEXT, TENANT,
                        Engine)
from lib.keys import Builder, known, make_key
from lib.receiver import Receiver

STORES, MIGRATIONS = "/api/admin/1/stores", "/api/admin/1/stores/migrations"
STATES = 5


class World:
    def __init__(self, engine, b):
        self.engine, self.b = engine, b

    def store(self, receiver):
        made = self.b.post(STORES, {"name": "s",
                                    "endpoint": receiver.endpoint})
        receiver.keys(made)
        return made["id"]

    def settings(self, store, replicate=False):
        self.b.post("/api/admin/1/tenant", {"externalStorageSettings": {
            "enableStates": store is not None,
            "enableReplication": replicate, "globalStoreId": store}})

    def migrate(self, store):
        """Until it has ended; the record."""
        began = self.b.post(MIGRATIONS, {"storeId": store, "batchSize": 2})

        def ended():
            record = self.b.get(MIGRATIONS)[0]
            same("the last one", record["id"], began["id"])
            return record if record["status"] != "running" else None

        return wait_for("the migration's end", ended, 30)

    def bodies(self):
        """What stands here of the states."""
        with sqlite3.connect(f"{self.engine.dir}/state/state.sqlite") as db:
            return [bytes(row[0]) for row in
                    db.execute("SELECT body FROM state")]


def play(engine, name):
    asked = engine.invoke(engine.initialize().json).json
    return engine.invoke(asked, outcome=NEXT, inputs={
        NAME_INPUT: name, AGE_INPUT: "9"}).json


def go_on(w, states):
    """Each as it was, and one step further: there and back again."""
    for i, last in enumerate(states):
        back = w.engine.invoke(last, outcome=AGAIN).json
        same("stands at", back["currentMapElementId"], ASK)
        states[i] = w.engine.invoke(back, outcome=NEXT, inputs={
            NAME_INPUT: f"name {i}", AGE_INPUT: "9"}).json
        truth("shows", f"name {i}" in str(states[i]))


def kept(w):
    return sum(b"name " in body for body in w.bodies())


def there_and_back(w, first, second):
    states = [play(w.engine, f"name {i}") for i in range(STATES)]
    same("all here", kept(w), STATES)
    one, two = w.store(first), w.store(second)
    w.b.post(MIGRATIONS, {"storeId": one}, 400)     # nobody said so

    w.settings(one)
    moved = w.migrate(one)
    same("moved", (moved["status"], moved["moved"], moved["failed"]),
         ("done", STATES, 0))
    same("all there", (len(first.rows), kept(w)), (STATES, 0))
    w.engine.stop()
    with open(f"{w.engine.dir}/state/state.sqlite", "rb") as f:
        truth("nothing is left behind", b"name " not in f.read())
    w.engine.start()
    go_on(w, states)

    w.settings(one, replicate=True)
    same("to both", w.migrate(one)["moved"], STATES)
    same("here and there", (len(first.rows), kept(w)), (STATES, STATES))
    go_on(w, states)
    # Read there first; with nobody there, the copy here is as good.
    first.rows[states[0]["stateId"]]["content"] = "{}"
    same("there first", w.engine.ask(
        "GET", f"/api/run/1/state/{states[0]['stateId']}").status, 404)
    del first.rows[states[0]["stateId"]]
    same("then here", w.engine.ask(
        "GET", f"/api/run/1/state/{states[0]['stateId']}").status, 200)

    w.settings(two)
    second.fails = 500
    stuck = w.migrate(two)
    same("stuck", (stuck["status"], len(second.rows)), ("failed", 0))
    truth(f"says why: {stuck['errorCause']}", "repeat" in stuck["errorCause"])
    second.fails = None
    same("goes on", w.migrate(two)["status"], "done")
    same("to the other", (len(first.rows), len(second.rows), kept(w)),
         (0, STATES, 0))
    go_on(w, states)

    w.settings(None)
    same("back", w.migrate(None)["moved"], STATES)
    same("all here again", (len(second.rows), kept(w)), (0, STATES))
    go_on(w, states)
    for store in (one, two):
        w.b.ask("DELETE", f"{STORES}/{store}")
    same("no stores", w.b.get(STORES), [])


def keys_change(w, receiver):
    receiver.platform.clear()           # of the store that is gone
    receiver.receiver.clear()
    store = w.store(receiver)
    w.settings(store)
    old = play(w.engine, "old keys")
    old_kids = {**receiver.platform}, {**receiver.receiver}
    made = w.b.post(f"{STORES}/{store}/keys", {})
    count = len(receiver.rows)
    play(w.engine, "still the old ones")    # the new ones are in reserve
    same("saved", len(receiver.rows), count + 1)
    receiver.keys(made)
    new = next(k for k in receiver.platform if k not in old_kids[0])
    w.b.post(f"{STORES}/{store}/keys/{new}", {})
    for kid in old_kids[0]:
        del receiver.platform[kid]
    back = w.engine.invoke(old, outcome=AGAIN)
    same("under the new keys alone", back.status, 200)
    for kid in old_kids[0]:
        w.b.ask("DELETE", f"{STORES}/{store}/keys/{kid}")
    w.b.ask("DELETE", f"{STORES}/{store}/keys/{new}", status=409)
    same("goes on", w.engine.ask(
        "GET", f"/api/run/1/state/{old['stateId']}").status, 200)


@story
def main():
    with Receiver() as first, Receiver("mysql") as second, Engine(
            region="US", engines={
                "external_plain_http": first.address[0]}) as engine:
        key = make_key(engine, TENANT)["key"]
        known(engine, key, TENANT)
        w = World(engine, Builder(engine, key, TENANT))
        there_and_back(w, first, second)
        keys_change(w, first)
        same("nothing was dropped", (first.dropped, second.dropped), (0, 0))
