#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A tenant keeps its states itself: they run as ever, in both dialects of the
receiver; what went through them stands in no file, log or core of ours; a
store that fails keeps a state where it was."""
import os
import resource
import signal
import sqlite3

from lib import same, story, truth, wait_for
from lib.engine import (AGAIN, AGE_INPUT, ASK, FLOW, NAME_INPUT, NEXT, TENANT,
                        TOO_YOUNG, WELCOME, Engine)
from lib.keys import Builder, known, make_key
from lib.receiver import Receiver

MARKER = "Marker-7f3a91c2"
ADMIN = "/api/admin/1"


def with_store(engine, receiver, replicate=False):
    key = make_key(engine, TENANT)["key"]
    known(engine, key, TENANT)
    b = Builder(engine, key, TENANT)
    store = b.post(f"{ADMIN}/stores", {
        "name": "ours", "endpoint": receiver.endpoint, "authentication": {
            "basicUsername": "u", "basicPassword": "secret word"}})
    receiver.login = "u:secret word"
    receiver.keys(store)
    truth("shown once", "receiverKey" not in
          b.get(f"{ADMIN}/stores/{store['id']}"))
    b.post(f"{ADMIN}/tenant", {"externalStorageSettings": {
        "enableStates": True, "enableReplication": replicate,
        "globalStoreId": store["id"]}})
    return b, store


def play(engine, name=MARKER):
    """To a page that shows what was typed."""
    asked = engine.invoke(engine.initialize().json)
    same("stands at", asked.json["currentMapElementId"], ASK)
    young = engine.invoke(asked.json, outcome=NEXT,
                          inputs={NAME_INPUT: name, AGE_INPUT: "9"})
    same("status", young.status, 200)
    same("stands at", young.json["currentMapElementId"], TOO_YOUNG)
    return young.json


def files_with(directory, marker):
    found = []
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue                # a socket
            with open(path, "rb") as f:
                if marker.encode() in f.read():
                    found.append(name)
    return found


def runs(engine, receiver):
    last = play(engine)
    row = receiver.rows[last["stateId"]]
    truth("it is there", MARKER in row["content"])
    same("its flow", row["flow"], FLOW)
    again = engine.ask("GET", f"/api/run/1/state/{last['stateId']}")
    same("joins", again.json["stateToken"], last["stateToken"])
    back = engine.invoke(last, outcome=AGAIN).json
    same("stands at", back["currentMapElementId"], ASK)
    done = engine.invoke(back, outcome=NEXT,
                         inputs={NAME_INPUT: MARKER, AGE_INPUT: "36"}).json
    same("stands at", done["currentMapElementId"], WELCOME)
    truth("is done there", receiver.rows[last["stateId"]]["isDone"])
    same("nothing was dropped or refused", (receiver.dropped,
                                            receiver.refused), (0, []))


def failing(engine, receiver):
    last = play(engine)
    before = receiver.rows[last["stateId"]]
    receiver.fails = 500
    failed = engine.invoke(last, outcome=AGAIN)
    same("status", failed.status, 503)
    truth("says when to come again", failed["Retry-After"] is not None)
    truth("it was tried again", len(receiver.refused) >= 3)
    receiver.fails = 400
    count = len(receiver.refused)
    same("status", engine.invoke(last, outcome=AGAIN).status, 503)
    same("and once only", len(receiver.refused), count + 1)
    receiver.fails = None
    same("stays where it was", receiver.rows[last["stateId"]], before)
    now = engine.ask("GET", f"/api/run/1/state/{last['stateId']}").json
    same("stands at", now["stateToken"], last["stateToken"])
    same("goes on", engine.invoke(last, outcome=AGAIN).status, 200)
    receiver.refused.clear()


def nowhere_inside(b, engine, receiver, store):
    """A tenant does not send us into the operator's network."""
    path, login = f"{ADMIN}/stores/{store['id']}", receiver.login
    inside = {"name": "inside", "endpoint": "https://10.1.2.3/x"}
    b.ask("PUT", path, inside)
    wait_for("the log says why, once a second", lambda:
             engine.initialize().status == 503 and
             "may not be called at this address" in engine.errors())
    user, password = login.split(":")
    b.ask("PUT", path, {
        "name": "ours", "endpoint": receiver.endpoint, "authentication": {
            "basicUsername": user, "basicPassword": password}})
    same("status", engine.initialize().status, 200)


def removed(b, engine, receiver):
    last = play(engine)
    b.ask("DELETE", f"{ADMIN}/states/{last['stateId']}")
    truth("gone there", last["stateId"] not in receiver.rows)
    same("gone here", engine.ask(
        "GET", f"/api/run/1/state/{last['stateId']}").status, 404)


def expired(engine, receiver):
    """Nothing is ever deleted there by itself."""
    last = play(engine)
    with sqlite3.connect(f"{engine.dir}/state/state.sqlite") as db:
        db.execute("UPDATE state SET expires_at = 1000 WHERE id = ?",
                   (bytes.fromhex(last["stateId"].replace("-", "")),))
    same("not found", engine.ask(
        "GET", f"/api/run/1/state/{last['stateId']}").status, 404)
    truth("still there", last["stateId"] in receiver.rows)
    key = make_key(engine, TENANT, "operator")["key"]
    known(engine, key, TENANT)
    removed = Builder(engine, key, TENANT).post(f"{ADMIN}/states/expire", {})
    same("removed here", removed, {"removed": 1})
    truth("and there", last["stateId"] not in receiver.rows)


def nothing_is_left(engine):
    """Neither while it runs, nor when it falls, nor after."""
    same("files while it runs", files_with(engine.dir, MARKER), [])
    engine.process.send_signal(signal.SIGABRT)
    engine.process.wait()
    engine.process = None
    same("files when it has fallen", files_with(engine.dir, MARKER), [])


def the_search_finds(engine):
    """What is kept here is found, so not finding means something."""
    play(engine, "Control-" + MARKER[::-1])
    truth("found", any(name.startswith("state.sqlite") for name in
                       files_with(engine.dir, "Control-" + MARKER[::-1])))


@story
def main():
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    for dialect in ("postgresql", "mysql"):
        with Receiver(dialect) as receiver, Engine(region="US", engines={
                "external_plain_http": receiver.address[0]}) as engine:
            os.chdir(engine.dir)        # where a core would be written
            the_search_finds(engine)
            b, store = with_store(engine, receiver)
            runs(engine, receiver)
            failing(engine, receiver)
            nowhere_inside(b, engine, receiver, store)
            removed(b, engine, receiver)
            expired(engine, receiver)
            b.ask("DELETE", f"{ADMIN}/stores/{store['id']}", status=409)
            nothing_is_left(engine)
