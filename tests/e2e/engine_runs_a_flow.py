#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine alone: from START through an input and a decision to both ends,
with a reload of the page on the way, and what is not there."""
from lib import same, story, truth
from lib.engine import (AGAIN, AGE_INPUT, ASK, FLOW, NAME_INPUT, NEXT, START,
                        TOO_YOUNG, WELCOME, Engine, page, shown)

MISSING = "00000000-0000-0000-0000-000000000000"


def sentence(answer, status):
    """An error is a JSON string: all that players can read."""
    same("status", answer.status, status)
    same("type", answer["Content-Type"], "application/json")
    same("region", answer["X-ManyWho-Region-Backend"], "GB")
    truth(f"{answer.body!r} is a JSON string", isinstance(answer.json, str))
    return answer.json


def inputs_of(answer):
    return [(d["contentValue"], d["isValid"], d["validationMessage"])
            for d in page(answer)["pageComponentDataResponses"]]


def runs_through(engine):
    began = engine.initialize(joinPlayerUrl="https://p.example/play?x=1#top",
                              playerUrl="https://p.example/play")
    same("status", began.status, 200)
    same("region", began["X-ManyWho-Region-Backend"], "GB")
    same("stands at", began.json["currentMapElementId"], START)
    state = began.json["stateId"]

    asked = engine.invoke(began.json)
    same("type", asked.json["invokeType"], "FORWARD")
    same("stands at", asked.json["currentMapElementId"], ASK)
    same("join", asked.json["joinFlowUri"],
         f"https://p.example/play?x=1&join={state}")
    same("run", asked.json["runFlowUri"].split("?")[1].split("&")[0],
         f"flow-id={FLOW}")
    same("components", len(page(asked)["pageComponentResponses"]), 2)

    wrong = engine.invoke(asked.json, outcome=NEXT,
                          inputs={NAME_INPUT: "", AGE_INPUT: "old"})
    same("stays at", wrong.json["currentMapElementId"], ASK)
    same("inputs", inputs_of(wrong), [
        (None, False, "This field is required"),
        (None, False, "This is not a valid number")])

    # Half-typed text is kept when the tab is closed, and there after it.
    kept = engine.invoke(wrong.json, "SYNC",
                         inputs={NAME_INPUT: "Ada <b>", AGE_INPUT: "12"})
    same("type", kept.json["invokeType"], "SYNC")
    truth("data only", "pageComponentResponses" not in page(kept))
    joined = engine.ask("GET", f"/api/run/1/state/{state}")
    same("type", joined.json["invokeType"], "FORWARD")
    same("inputs", [i[0] for i in inputs_of(joined)], ["Ada <b>", "12"])

    young = engine.invoke(joined.json, outcome=NEXT,
                          inputs={NAME_INPUT: "Ada <b>", AGE_INPUT: "12"})
    same("decided", young.json["currentMapElementId"], TOO_YOUNG)
    same("shows", shown(young),
         "<p>Hello Ada &lt;b&gt;, come back in some years.</p>")
    again = engine.invoke(young.json, outcome=AGAIN)
    same("back at", again.json["currentMapElementId"], ASK)
    old = engine.invoke(again.json, outcome=NEXT,
                        inputs={NAME_INPUT: "Ada", AGE_INPUT: "36"})
    same("decided", old.json["currentMapElementId"], WELCOME)
    same("type", old.json["invokeType"], "DONE")
    same("shows", shown(old), "<p>Hello Ada, welcome.</p>")
    same("outputs", {o["developerName"]: o["contentValue"]
                     for o in old.json["outputs"]},
         {"Name": "Ada", "Greeting": "Hello Ada"})
    joined = engine.ask("GET", f"/api/run/1/state/{state}")
    same("type after a reload", joined.json["invokeType"], "DONE")


def what_is_not_there(engine):
    began = engine.initialize().json
    state = f"/api/run/1/state/{began['stateId']}"
    truth("path", "nothing at this address" in
          sentence(engine.ask("GET", "/api/admin/1/x"), 404))
    truth("method", sentence(engine.ask("DELETE", state), 405))
    truth("flow", MISSING in sentence(engine.initialize(MISSING), 404))
    truth("state", MISSING in sentence(
        engine.ask("GET", f"/api/run/1/state/{MISSING}"), 404))
    truth("not a state id", sentence(
        engine.ask("GET", "/api/run/1/state/x"), 404))
    truth("another tenant's state", sentence(engine.ask(
        "GET", state, tenant="7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"), 404))
    truth("no tenant", "ManyWhoTenant" in sentence(
        engine.ask("GET", state, tenant=None), 400))
    for bad in (b"", b"{", b"[]", b"\xff", b'"x"', b'{"flowId":7}',
                b'{"a":' * 3000):
        truth(f"body {bad[:20]!r}", sentence(
            engine.ask("POST", "/api/run/1", bad), 400))
        truth(f"invoke {bad[:20]!r}", sentence(
            engine.ask("POST", state, bad), 400))
    truth("no token", "stateToken" in sentence(
        engine.ask("POST", state, {"invokeType": "FORWARD"}), 400))
    truth("type", "invokeType" in sentence(
        engine.invoke(began, "DANCE"), 400))
    asked = engine.invoke(began).json
    truth("outcome", sentence(engine.invoke(asked, outcome=MISSING), 400))
    truth("too large", sentence(engine.ask(
        "POST", "/api/run/1", b"", fields=[("Content-Length", "5000000")]),
        413))
    # None of it has moved the state.
    same("token", engine.ask("GET", state).json["stateToken"],
         asked["stateToken"])


def small_calls(engine):
    health = engine.ask("GET", "/healthz", tenant=None)
    same("health", (health.status, health.json["region"]), (200, "GB"))
    same("head", engine.ask("HEAD", "/healthz").body, b"")
    same("components", engine.ask(
        "GET", f"/api/run/1/flow/{FLOW}/undefined/customPageComponents").json,
        [])
    same("any case", engine.ask(
        "GET", f"/API/Run/1/flow/{FLOW}/x/custompagecomponents").status, 200)


@story
def main():
    with Engine() as engine:
        runs_through(engine)
        what_is_not_there(engine)
        small_calls(engine)
        same("exit code", engine.stop(), 0)
