#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A page in a lane for users who log in is shown to nobody: what was typed
before is kept, nothing moves the state from there; a modal shows its title."""
import json
import os
import tempfile

from lib import same, story, truth
from lib.engine import Engine


def guid(number):
    return f"00000000-0000-0000-0000-{number:>012}"


def to(element, number):
    return {"id": guid(number), "nextMapElementId": guid(element)}


SNAPSHOT = {
    "id": {"id": guid(1), "versionId": guid(2)}, "developerName": "Lanes",
    "startMapElementId": guid(10),
    "valueElements": [{"id": guid(40), "developerName": "Out",
                       "contentType": "ContentString", "access": "OUTPUT",
                       "defaultContentValue": "hidden text"}],
    "groupElements": [
        {"id": guid(80), "elementType": "SWIMLANE", "authorization":
            {"globalAuthenticationType": "PUBLIC"}},
        {"id": guid(81), "elementType": "swimlane", "authorization":
            {"globalAuthenticationType": "ALL_USERS"}}],
    "pageElements": [{"id": guid(50), "pageContainers": [{"id": guid(51)}]}],
    "mapElements": [
        {"id": guid(10), "elementType": "START", "outcomes": [to(20, 11)]},
        {"id": guid(20), "elementType": "modal", "groupElementId": guid(80),
         "pageElementId": guid(50), "title": "Above",
         "outcomes": [to(30, 21)]},
        {"id": guid(30), "elementType": "step", "groupElementId": guid(81),
         "userContent": "{![Out]}", "notAuthorizedMessage": "Ask Ada",
         "outcomes": [to(20, 31)]}]}


@story
def main():
    with tempfile.TemporaryDirectory() as flows:
        with open(os.path.join(flows, "lanes.json"), "w") as f:
            json.dump(SNAPSHOT, f)
        with Engine(flows=flows) as engine:
            shown = engine.invoke(engine.initialize(guid(1)).json)
            [element] = shown.json["mapElementInvokeResponses"]
            same("modal", (element["pageType"], element["title"]),
                 (1, "Above"))
            state = f"/api/run/1/state/{shown.json['stateId']}"
            last = engine.invoke(shown.json, outcome=guid(21))
            for answer in (
                    last, engine.ask("GET", state),
                    engine.invoke(last.json, "SYNC"),
                    engine.invoke(engine.ask("GET", state).json,
                                  outcome=guid(31))):
                same("status", answer.status, 200)
                same("type", (answer.json["invokeType"],
                              answer.json["statusCode"],
                              answer.json["notAuthorizedMessage"]),
                     ("NOT_ALLOWED", "401", "Ask Ada"))
                same("at", answer.json["currentMapElementId"], guid(30))
                same("shows", answer.json["mapElementInvokeResponses"], [])
                truth("nothing of it", b"hidden text" not in answer.body)
            same("values", engine.ask("GET", f"{state}/values").status, 401)
            same("exit code", engine.stop(), 0)
