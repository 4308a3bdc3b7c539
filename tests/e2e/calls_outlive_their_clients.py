#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""While a save waits for the disk, others are answered; a reload, the client's
leaving and the engine's end do not keep it from being done."""
import json
import signal
import sqlite3

from lib import same, story, truth, wait_for
from lib.client import head_bytes
from lib.engine import ASK, TENANT, Engine, invoke_body
from lib.http import Reader
from lib.story import SCALE


def send(engine, last):
    """An invoke whose answer nobody reads yet."""
    body = json.dumps(invoke_body(last)).encode()
    sock = engine.connect()
    sock.sendall(head_bytes(
        "POST", f"/api/run/1/state/{last['stateId']}",
        [("Host", "engine"), ("ManyWhoTenant", TENANT)], body) + body)
    return sock


def state(engine, began):
    return engine.ask("GET", f"/api/run/1/state/{began['stateId']}")


@story
def main():
    with Engine() as engine:
        began = engine.initialize().json
        other = sqlite3.connect(f"{engine.dir}/state/state.sqlite",
                                isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        left, stays = send(engine, began), send(engine, began)
        read = state(engine, began)
        same("reads go on", read.json["stateToken"], began["stateToken"])
        engine.process.send_signal(signal.SIGHUP)
        wait_for("a reload", lambda: "reloaded, " in engine.errors())
        left.close()
        other.execute("ROLLBACK")
        with stays:                     # the same request, sent twice
            answer = Reader(stays).response("POST")
        same("status", answer.status, 200)
        now = state(engine, began).json
        same("stands at", now["currentMapElementId"], ASK)
        truth("has moved once", now["stateToken"].encode() in answer.body)

        began = engine.initialize().json
        other.execute("BEGIN IMMEDIATE")
        with send(engine, began) as last:
            engine.process.send_signal(signal.SIGTERM)
            other.execute("ROLLBACK")
            same("at the end", Reader(last).response("POST").status, 200)
        same("exit code", engine.process.wait(15 * SCALE), 0)
        engine.start()
        same("it was saved", state(engine, began).json["currentMapElementId"],
             ASK)
        other.close()
