#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whole runs against a receiver, in both of its dialects, whose cryptography is
npm's `jose`: small states, which are deflated, and large ones, which are not;
under keys that change meanwhile.  `make e2e-jose` installs what it needs."""
import json
import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from lib import same, story, truth                          # noqa: E402
from lib.engine import (AGAIN, AGE_INPUT, ASK, NAME_INPUT,  # noqa: E402
                        NEXT, TENANT, TOO_YOUNG, Engine)
from lib.keys import Builder, known, make_key               # noqa: E402
from lib.receiver import Receiver, Refused                  # noqa: E402

STORES = "/api/admin/1/stores"


class Box:
    """box.mjs, in the folder where npm has put `jose`."""

    def __init__(self):
        folder = os.environ["JOSE"]
        self.process = subprocess.Popen(
            ["node", os.path.join(folder, "box.mjs")], cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock, self.asked = threading.Lock(), {}

    def ask(self, what, **more):
        with self.lock:
            self.asked[what] = self.asked.get(what, 0) + 1
            self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        if "good" not in answer:
            raise Refused(500, answer["bad"])
        return answer["good"]


class JoseReceiver(Receiver):
    def __init__(self, dialect, box):
        self.box = box
        super().__init__(dialect)

    def verify(self, token, keys):
        return self.box.ask("verify", token=token, keys=keys)

    def open(self, token, keys):
        return self.box.ask("open", token=token, keys=keys)

    def seal(self, text, signer, reader):
        return self.box.ask("seal", text=text, signer=signer, reader=reader)


def play(engine, receiver, name):
    last = engine.invoke(engine.initialize().json).json
    for _ in range(3):
        same("stands at", last["currentMapElementId"], ASK)
        last = engine.invoke(last, outcome=NEXT, inputs={
            NAME_INPUT: name, AGE_INPUT: "9"}).json
        same("stands at", last["currentMapElementId"], TOO_YOUNG)
        truth("it is there", name in
              receiver.rows[last["stateId"]]["content"])
        last = engine.invoke(last, outcome=AGAIN).json


def change_keys(b, receiver, store):
    made = b.post(f"{STORES}/{store}/keys", {})
    receiver.keys(made)
    b.post(f"{STORES}/{store}/keys/"
           f"{json.loads(made['platformKey'])['kid']}", {})


@story
def main():
    box = Box()
    for dialect in ("postgresql", "mysql"):
        with JoseReceiver(dialect, box) as receiver, Engine(
                region="US", engines={
                    "external_plain_http": receiver.address[0]}) as engine:
            key = make_key(engine, TENANT)["key"]
            known(engine, key, TENANT)
            b = Builder(engine, key, TENANT)
            store = b.post(STORES, {"name": "s",
                                    "endpoint": receiver.endpoint})
            receiver.keys(store)
            b.post("/api/admin/1/tenant", {"externalStorageSettings": {
                "enableStates": True, "enableReplication": False,
                "globalStoreId": store["id"]}})
            play(engine, receiver, "Grüße 🌍")
            play(engine, receiver, "x" * 150000)
            change_keys(b, receiver, store["id"])
            play(engine, receiver, "under new keys")
            same("nothing was dropped or refused",
                 (receiver.dropped, receiver.refused), (0, []))
    truth(f"it was asked: {box.asked}", min(
        box.asked[what] for what in ("verify", "open", "seal")) >= 20)
    print(box.asked)
