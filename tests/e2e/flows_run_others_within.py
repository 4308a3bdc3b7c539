#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A flow runs another one, with a page in it: values go in and come back, a
reload in between finds the inner page, and what must not run does not."""
import json
import os
import tempfile

from lib import same, story, truth
from lib.engine import Engine, page, shown


def guid(number):
    return f"00000000-0000-0000-0000-{number:>012}"


def to(element, number):
    return {"id": guid(number), "nextMapElementId": guid(element)}


def value(number, name, access, text=None):
    return {"id": guid(number), "developerName": name, "access": access,
            "contentType": "ContentString", "defaultContentValue": text}


def flow(number, name, elements, values=(), **more):
    return {"id": {"id": guid(number), "versionId": guid(number + 1000)},
            "developerName": name, "startMapElementId": guid(10),
            "valueElements": list(values), "mapElements": [
                {"id": guid(10), "elementType": "START",
                 "outcomes": [to(20, 11)]}, *elements], **more}


def subflow(inner, *arguments):
    return {"id": guid(20), "elementType": "SUBFLOW", "developerName": "Call",
            "subflow": {"flowId": {"id": guid(inner), "versionId": None},
                        "arguments": [{
                            "valueElementInSubflowId": {"id": guid(i)},
                            "valueElementToApplyId": {"id": guid(o)}}
                            for i, o in arguments]},
            "outcomes": [to(30, 21)]}


AFTER = {"id": guid(30), "elementType": "step",
         "userContent": "{![A]} {![B]} {![Inside]}"}
INNER = flow(2, "Inner", [
    {"id": guid(20), "elementType": "input", "developerName": "Ask",
     "pageElementId": guid(50), "outcomes": [to(40, 21)]},
    {"id": guid(40), "elementType": "return"}],
    [value(41, "Given", "INPUT"), value(42, "Asked", "OUTPUT"),
     value(43, "Inside", "PRIVATE", "own")],
    pageElements=[{"id": guid(50), "label": "{![Given]}",
                   "pageContainers": [{"id": guid(51)}], "pageComponents": [
                       {"id": guid(53), "pageContainerId": guid(51),
                        "componentType": "INPUT",
                        "valueElementValueBindingReferenceId":
                            {"id": guid(42)}}]}])
FLOWS = [
    flow(1, "Outer", [subflow(2, (41, 61), (42, 62)), AFTER],
         [value(61, "A", "PRIVATE", "from outside"),
          value(62, "B", "OUTPUT", "nothing yet")]),
    INNER,
    flow(3, "Missing", [subflow(9), AFTER]),
    flow(4, "Itself", [subflow(4), AFTER]),
    flow(5, "Restricted", [subflow(6), AFTER]),
    flow(6, "Only there", [{"id": guid(20), "elementType": "step",
                            "outcomes": [to(40, 21)]},
                           {"id": guid(40), "elementType": "return"}],
         restrictions={"access": {"enabled": True, "countries": ["SZ"],
                                  "continents": []}})]
COUNTRY = "X-ManyWho-GeoLocation-Country"


def in_and_out(engine):
    began = engine.initialize(guid(1)).json
    asked = engine.invoke(began)
    same("at", asked.json["currentMapElementId"], guid(20))
    same("of", (asked.json["flowId"], asked.json["invokeType"]),
         (guid(1), "FORWARD"))
    same("given", page(asked)["label"], "from outside")
    engine.kill()                   # what waits is in the row as well
    engine.start()
    joined = engine.ask("GET", f"/api/run/1/state/{began['stateId']}")
    same("inner page", page(joined)["label"], "from outside")
    ended = engine.invoke(joined.json, outcome=guid(21),
                          inputs={guid(53): "typed within"})
    same("type", ended.json["invokeType"], "DONE")
    same("came back", shown(ended), "from outside typed within ")
    same("outputs", {o["developerName"]: o["contentValue"]
                     for o in ended.json["outputs"]}, {"B": "typed within"})


def what_cannot_run(engine):
    for number, status in ((3, 500), (4, 500), (5, 403)):
        began = engine.initialize(guid(number), fields=[(COUNTRY, "GB")]).json
        answer = engine.invoke(began, fields=[(COUNTRY, "GB")])
        same(f"status of {number}", answer.status, status)
        truth("a sentence", isinstance(answer.json, str))
        joined = engine.ask("GET", f"/api/run/1/state/{began['stateId']}")
        same("not moved", (joined.json["stateToken"],
                           joined.json["currentMapElementId"]),
             (began["stateToken"], guid(10)))
    # From where it may be used it is run; then again from elsewhere.
    inside = engine.invoke(began, fields=[(COUNTRY, "SZ")])
    same("status", inside.status, 200)
    same("elsewhere", engine.ask(
        "GET", f"/api/run/1/state/{began['stateId']}",
        fields=[(COUNTRY, "GB")]).status, 403)


@story
def main():
    with tempfile.TemporaryDirectory() as flows:
        for snapshot in FLOWS:
            name = f"{snapshot['developerName']}.json"
            with open(os.path.join(flows, name), "w") as f:
                json.dump(snapshot, f)
        with Engine(flows=flows) as engine:
            in_and_out(engine)
            what_cannot_run(engine)
            same("exit code", engine.stop(), 0)
