#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""/api/run/2 runs the same flows, with the page as one tree: each part with its
data and its outcomes.  A request that is repeated gets the same tree; a state
may be gone on with in either version."""
from lib import same, story, truth
from lib.engine import (AGE_INPUT, ASK, FLOW, NAME_INPUT, NEXT, Engine,
                        invoke_body)


def parts(node):
    yield node
    for child in node["children"]:
        yield from parts(child)


@story
def main():
    with Engine() as e:
        began = e.ask("POST", "/api/run/2", {
            "flowId": {"id": FLOW, "versionId": None}}).json
        path = f"/api/run/2/state/{began['stateId']}"
        body = invoke_body(began)
        shown = e.ask("POST", path, body)
        same("at", (shown.json["currentMapElementId"],
                    shown.json["invokeType"]), (ASK, "FORWARD"))
        same("again", e.ask("POST", path, body).body, shown.body)
        root = shown.json["rootElement"]
        same("root", (root["id"], root["type"]), (ASK, "ROOT"))
        same("ways on", [o["id"] for o in root["outcomes"]], [NEXT])
        by_id = {p["id"]: p for p in parts(root)}
        inputs = [by_id[NAME_INPUT], by_id[AGE_INPUT]]
        truth("data in it", all(p["isVisible"] and "contentValue" in p and
                                p["type"] for p in inputs))
        truth("flat, too", {d["pageComponentId"] for d in
                            shown.json["pageComponentDataResponses"]} >=
              {NAME_INPUT, AGE_INPUT})
        truth("no second form", "mapElementInvokeResponses" not in shown.json)
        same("joined", e.ask("GET", path).json["rootElement"], root)
        sync = e.ask("POST", path, invoke_body(
            shown.json, "SYNC", inputs={NAME_INPUT: "Ada"})).json
        same("data alone", sync["rootElement"], None)
        end = e.invoke(sync, outcome=NEXT, inputs={
            NAME_INPUT: "Ada", AGE_INPUT: "36"})
        truth("in version 1", end.json["mapElementInvokeResponses"])
