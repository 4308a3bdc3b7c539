#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whatever is sent to a state that is no good request (no JSON, other types,
20 MB, a thousand levels, others' ids, made-up tokens) is answered with a
sentence that a player can show, and the state is what it was."""
import json
import random

from lib import same, story, truth
from lib.engine import ASK, NAME_INPUT, NEXT, TENANT, Engine, invoke_body

OTHER = TENANT.replace("a01", "a02")
MISSING = "00000000-0000-0000-0000-000000000000"
DEEP = b"[" * 100000 + b"]" * 100000
MANY = b'{"a": [' + b"{}," * 200000 + b"{}]}"


def wrong_types(body):
    """The same request with one member of another type, each in turn."""
    for key in body:
        for bad in (7, True, [], {}, [[]], "x" * 100, None):
            yield {**body, key: bad}


def sentence(what, answer, statuses=range(400, 500)):
    truth(f"{what}: {answer.status} {answer.body[:80]}",
          answer.status in statuses and isinstance(answer.json, str))


def invokes(engine, last):
    path = f"/api/run/1/state/{last['stateId']}"
    body = invoke_body(last, outcome=NEXT, inputs={NAME_INPUT: ""})
    for what, bytes_ in (
            ("nothing", b""), ("half", b'{"stateId": "'), ("a list", b"[]"),
            ("text", b'"x"'), ("bytes", bytes(random.randrange(256)
                                              for _ in range(500))),
            ("deep", DEEP), ("deep inside", b'{"a":' * 3000 + b"1" +
                             b"}" * 3000), ("no UTF-8", b'{"a": "\xff"}')):
        sentence(what, engine.ask("POST", path, bytes_))
    for bad in wrong_types(body):
        answer = engine.ask("POST", path, bad)
        truth(f"{bad}: {answer.status}", answer.status in (200, 400))
        if answer.status == 200:        # it meant nothing that was changed
            same("stays", answer.json["currentMapElementId"], ASK)
            last = answer.json
            body = invoke_body(last, outcome=NEXT, inputs={NAME_INPUT: ""})
    return last


def others(engine, last):
    state = last["stateId"]
    for method, path, body in (
            ("GET", "state/{}", None), ("GET", "state/{}/ping/x", None),
            ("GET", "state/{}/values", None),
            ("GET", "state/{}/history", None),
            ("POST", "navigation/{}", {"navigationElementId": MISSING}),
            ("POST", "state/{}/values", []),
            ("POST", "authentication/{}", {"username": "x"}),
            ("POST", "state/out/{}/" + MISSING, {})):
        for who, at in ((OTHER, state), (TENANT, MISSING), (TENANT, "x")):
            sentence(path, engine.ask(method, "/api/run/1/" + path.format(at),
                                      body, tenant=who), (404,))
    sentence("another's", engine.invoke(last, outcome=NEXT, tenant=OTHER),
             (404,))
    for path in "response", "event", "service/data", "service/file":
        for body in {}, {"token": "x"}, {"token": f"{state}.{TENANT}.x.y"}, \
                {"token": ["x"]}:
            sentence(path, engine.ask("POST", f"/api/run/1/{path}", body),
                     (403,))
    for query in "", "?state=x", f"?state={state}.{TENANT}.{MISSING}.00":
        sentence("oauth", engine.ask("GET", "/api/run/1/oauth2" + query),
                 (403,))
    sentence("saml", engine.ask("POST", "/api/run/1/saml", b"RelayState=x"),
             (403,))


@story
def main():
    with Engine() as engine:
        last = engine.invoke(engine.initialize().json).json
        last = invokes(engine, last)
        path = f"/api/run/1/state/{last['stateId']}"
        before = engine.ask("GET", path).body
        others(engine, last)
        try:
            sentence("20 MB", engine.ask("POST", path, json.dumps(
                {"x": "y" * (20 << 20)}).encode()), (413,))
        except (BrokenPipeError, ConnectionResetError):
            pass                # told before all of it was sent
        for to in path, "/api/run/1", "/api/run/1/response", f"{path}/values":
            sentence("many values", engine.ask("POST", to, MANY), (413,))
        same("as it was", engine.ask("GET", path).body, before)
        same("goes on", engine.invoke(last, "SYNC").json["invokeType"],
             "SYNC")
