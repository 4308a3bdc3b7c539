#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A service that says WAIT, or takes too long, is waited for: the player is
told, pings, and finds the next page once the answer came; forged tokens, those
of other states and those that are used up change nothing.  A restart in
between loses nothing, and what never answers counts as failed.  A wait for a
time ends with it, whether somebody looks or not."""
import threading

from lib import same, story, truth, wait_for
from lib.engine import TENANT, Engine, shown
from lib.service import (CALLED_HERE, FAULT, Hang, Service, element, flow,
                         guid, message, step, to, value)

OTHER = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"
VALUES = [value(61, "Answer")]


def flows(uri):
    asks = element(20, "MESSAGE", to(40, 31), messageActions=[
        message("ask", outputs=[("Answer", 61)])])
    end = step(40, "It says {![Answer]}")
    gone = asks | {"outcomes": [to(40, 31), to(50, 1) | {"id": FAULT}]}
    wait = element(20, "wait", to(40, 31), wait={
        "durationSeconds": 1, "message": "A moment"})
    return [flow(1, uri, [asks, end], VALUES),
            flow(2, uri, [gone, end, step(50, "It never came")], VALUES),
            flow(3, uri, [wait, end], VALUES),
            flow(4, uri, [wait, element(40, "MESSAGE", to(50, 41),
                                        messageActions=[message("then")]),
                          element(50, "wait", to(60, 51), wait={
                              "durationSeconds": 1}),
                          element(60, "MESSAGE", to(70, 61),
                                  messageActions=[message("last")]),
                          step(70, "All done")], VALUES)]


def answer(token, text, **more):
    return {"token": token, "tenantId": TENANT, "invokeType": "SUCCESS",
            "outputs": [{"developerName": "Answer", "contentValue": text}],
            **more}


def respond(engine, body):
    return engine.ask("POST", "/api/run/1/response", body, tenant=None)


def moved(engine, last):
    return engine.ask("GET", f"/api/run/1/state/{last['stateId']}/ping/"
                      f"{last['stateToken']}").json


def join(engine, last):
    return engine.ask("GET", f"/api/run/1/state/{last['stateId']}")


def by_callback(engine, service):
    service.answers["/api/actions/ask"] = lambda a: {
        "invokeType": "WAIT", "waitMessage": "Asking around"}
    waits = engine.invoke(engine.initialize(guid(1)).json)
    other = engine.invoke(engine.initialize(guid(1)).json)
    same("waits", (waits.json["invokeType"], waits.json["waitMessage"],
                   len(waits.json["mapElementInvokeResponses"])),
         ("WAIT", "Asking around", 1))
    same("moved", moved(engine, waits.json), False)
    same("asks again", engine.invoke(waits.json).json["invokeType"], "WAIT")
    token = service.next().json["token"]
    others = service.next().json["token"]
    waits = join(engine, waits.json)
    same("joined", waits.json["invokeType"], "WAIT")

    for bad in (token[:-1] + ("0" if token[-1] != "0" else "1"), "",
                token.replace(waits.json["stateId"], other.json["stateId"]),
                ".".join(token.split(".")[:3]), None, 7):
        same(f"forged {bad}", respond(engine, answer(bad, "lies")).status,
             403)
    same("another tenant's", respond(engine, answer(
        token, "lies", tenantId=OTHER)).status, 403)
    same("still waits", moved(engine, waits.json), False)

    engine.stop()
    engine.start()
    same("waits on", respond(engine, answer(
        token, "soon", invokeType="WAIT", waitMessage="Nearly")).json,
        "WAIT")
    same("told", join(engine, waits.json).json["waitMessage"], "Nearly")
    same("taken", respond(engine, answer(token, "yes")).json, "SUCCESS")
    same("moved", moved(engine, waits.json), True)
    end = join(engine, waits.json)
    same("end", (shown(end), end.json["invokeType"]), ("It says yes", "DONE"))
    same("replayed", respond(engine, answer(token, "no")).json,
         "TOKEN_COMPLETED")
    same("as it was", shown(join(engine, waits.json)), "It says yes")
    same("the other waits", join(engine, other.json).json["invokeType"],
         "WAIT")
    same("the other's", respond(engine, answer(others, "no")).json,
         "SUCCESS")


def by_itself(engine, service):
    go = threading.Event()

    def slow(asked):
        go.wait(60)
        return answer(None, "at last")

    service.answers["/api/actions/ask"] = slow
    waits = engine.invoke(engine.initialize(guid(1)).json)
    same("waits", waits.json["invokeType"], "WAIT")
    go.set()
    wait_for("the late answer", lambda: moved(engine, waits.json), 20)
    same("end", shown(join(engine, waits.json)), "It says at last")


def never(engine, service):
    def hang(asked):
        raise Hang

    service.answers["/api/actions/ask"] = hang
    waits = engine.invoke(engine.initialize(guid(2)).json)
    same("waits", waits.json["invokeType"], "WAIT")
    wait_for("a failure", lambda: moved(engine, waits.json), 20)
    same("end", shown(join(engine, waits.json)), "It never came")


def for_a_time(engine):
    waits = engine.invoke(engine.initialize(guid(3)).json)
    same("waits", (waits.json["invokeType"], waits.json["waitMessage"]),
         ("WAIT", "A moment"))
    truth("a time", waits.json["waitExpiresAt"].endswith("Z"))
    wait_for("the time to pass", lambda: join(
        engine, waits.json).json["invokeType"] == "DONE", 20)


def nobody_looks(engine, service):
    for name in "then", "last":
        service.answers[f"/api/actions/{name}"] = lambda a: {}
    waits = engine.invoke(engine.initialize(guid(4)).json)
    same("waits", waits.json["invokeType"], "WAIT")
    # Twice a time comes, and only the service is looked at.
    for name in "then", "last":
        asked = service.next(f"/api/actions/{name}")
        same("of the state", asked.json["stateId"], waits.json["stateId"])
    wait_for("its end", lambda: join(
        engine, waits.json).json["invokeType"] == "DONE", 20)
    same("end", shown(join(engine, waits.json)), "All done")
    same("asked once", service.count(), 0)


@story
def main():
    with Service({}) as service:
        with Engine(flows=flows(service.uri), services={
                **CALLED_HERE, "timeout": "300ms", "give_up": "30s"}) as e:
            by_callback(e, service)
            by_itself(e, service)
            for_a_time(e)
            nobody_looks(e, service)
        with Engine(flows=flows(service.uri), services={
                **CALLED_HERE, "timeout": "100ms", "give_up": "500ms"}) as e:
            never(e, service)
