#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Pages that change with what is typed, navigation, history, values from
outside, a flow that leads to another, and what no flow here has."""
import json
import os
import shutil
import tempfile
import urllib.parse

from lib import same, story, truth
from lib.addresses import ROOT
from lib.engine import FLOW, START, Engine, page

TRUE = "be1bc78e-fd57-40ec-9a86-a815de2a9e28"


def guid(number):
    return f"00000000-0000-0000-0000-{number:>012}"


def value(number, name, kind, access="PRIVATE"):
    return {"id": guid(number), "developerName": name, "access": access,
            "contentType": f"Content{kind}"}


def ref(number):
    return {"id": number if isinstance(number, str) else guid(number)}


def component(number, kind, bound, **more):
    return {"id": guid(number), "pageContainerId": guid(51),
            "componentType": kind, "developerName": f"c{number}",
            "valueElementValueBindingReferenceId": ref(bound), **more}


SNAPSHOT = {
    "id": {"id": guid(1), "versionId": guid(2)},
    "developerName": "Two pages", "startMapElementId": guid(10),
    "allowJumping": False, "enableHistoricalNavigation": True,
    "valueElements": [
        value(40, "Pet", "Boolean"), value(41, "Name", "String", "OUTPUT"),
        value(42, "Limit", "Number", "INPUT_OUTPUT"),
        value(43, "Secret", "String")],
    "mapElements": [
        {"id": guid(10), "elementType": "START", "outcomes": [
            {"id": guid(11), "nextMapElementId": guid(20)}]},
        {"id": guid(20), "elementType": "input", "developerName": "First",
         "pageElementId": guid(50), "outcomes": [
             {"id": guid(21), "nextMapElementId": guid(30), "order": 1},
             {"id": guid(22), "order": 2, "developerName": "Greet",
              "flowOut": {"flowId": {"id": FLOW}}}]},
        {"id": guid(30), "elementType": "step", "developerName": "Second",
         "userContent": "{![Name]}", "outcomes": [
             {"id": guid(31), "nextMapElementId": guid(32)}]},
        {"id": guid(32), "elementType": "step", "developerName": "Last"}],
    "pageElements": [{
        "id": guid(50), "pageContainers": [{"id": guid(51)}],
        "pageComponents": [
            component(53, "CHECKBOX", 40),
            component(54, "INPUT", 41, isRequired=True)],
        "pageConditions": [{
            "pageRules": [{
                "left": {"pageObjectReferenceId": guid(53),
                         "metadataType": "VALUE"},
                "criteriaType": "EQUAL",
                "right": {"valueElementToReferenceId": ref(TRUE)}}],
            "pageOperations": [{"assignment": {
                "assignee": {"pageObjectReferenceId": guid(54),
                             "metadataType": "METADATA.VISIBLE"},
                "assignor": {"valueElementToReferenceId": ref(TRUE)}}}]}]}],
    "navigationElements": [{
        "id": guid(70), "developerName": "Menu", "navigationItems": [
            {"id": guid(71), "label": "One", "locationMapElementId": guid(20),
             "navigationItems": [{"id": guid(72), "label": "Two",
                                  "locationMapElementId": guid(30)}]}]}]}


def refused(answer, status):
    same("status", answer.status, status)
    truth(f"{answer.body!r} is a JSON string", isinstance(answer.json, str))


def pages_follow_what_is_typed(engine):
    asked = engine.invoke(engine.initialize(guid(1)).json)
    [box, name] = page(asked)["pageComponentDataResponses"]
    same("hidden", (box["isVisible"], name["isVisible"]), (True, False))
    same("events", [c["hasEvents"] for c in
                    page(asked)["pageComponentResponses"]][0], True)
    ticked = engine.invoke(asked.json, "SYNC", inputs={guid(53): "true"})
    same("type", ticked.json["invokeType"], "SYNC")
    [_, name] = page(ticked)["pageComponentDataResponses"]
    same("shown", (name["isVisible"], name["isRequired"]), (True, True))
    missing = engine.invoke(ticked.json, outcome=guid(21),
                            inputs={guid(53): "true", guid(54): ""})
    same("stays", missing.json["currentMapElementId"], guid(20))
    bare = engine.invoke(missing.json, outcome=guid(21),
                         inputs={guid(53): "false", guid(54): ""})
    same("what is hidden is not asked for",
         bare.json["currentMapElementId"], guid(30))


def navigation_and_history(engine):
    began = engine.initialize(guid(1)).json
    same("references", began["navigationElementReferences"],
         [{"id": guid(70), "developerName": "Menu"}])
    state = f"/api/run/1/state/{began['stateId']}"
    asked = engine.invoke(began).json
    menu = engine.ask("POST", f"/api/run/1/navigation/{began['stateId']}", {
        "stateId": began["stateId"], "stateToken": asked["stateToken"],
        "navigationElementId": guid(70)}).json
    same("items", [i["label"] for i in menu["navigationItemResponses"]],
         ["One"])
    same("where it stands", [(d["navigationItemId"], d["isCurrent"]) for d in
                             menu["navigationItemDataResponses"]],
         [(guid(71), True), (guid(72), False)])
    refused(engine.ask("POST", f"/api/run/1/navigation/{began['stateId']}",
                       {"navigationElementId": guid(99)}), 404)

    went = engine.invoke(asked, "NAVIGATE", navigationElementId=guid(70),
                         selectedNavigationItemId=guid(72)).json
    same("at", went["currentMapElementId"], guid(30))
    entries = engine.ask("GET", f"{state}/history").json["entries"]
    same("history", [e["mapElementName"] for e in entries],
         ["First", "Second"])
    back = engine.invoke(went, "NAVIGATE",
                         selectedStateEntryId=entries[0]["stateEntryId"])
    same("back at", back.json["currentMapElementId"], guid(20))
    for bad in ({}, {"selectedMapElementId": guid(30)},
                {"navigationElementId": guid(70),
                 "selectedNavigationItemId": guid(99)},
                {"selectedStateEntryId": guid(99)}):
        refused(engine.invoke(back.json, "NAVIGATE", **bad), 400)


def values_from_outside(engine):
    began = engine.initialize(guid(1)).json
    asked = engine.invoke(began).json
    values = f"/api/run/1/state/{began['stateId']}/values"
    same("readable", [v["developerName"] for v in
                      engine.ask("GET", values).json], ["Name", "Limit"])
    same("set", engine.ask("POST", values, [
        {"valueElementId": guid(42), "contentValue": "7"}]).status, 200)
    same("by id", engine.ask(
        "GET", f"{values}/{guid(42)}").json["contentValue"], "7")
    same("by name", engine.ask(
        "GET", f"{values}/name/limit").json["contentValue"], "7")
    refused(engine.ask("GET", f"{values}/name/Secret"), 404)
    for bad in ([{"valueElementId": guid(43), "contentValue": "x"}],
                [{"valueElementId": guid(42), "contentValue": "many"}],
                [7], {"a": 1}):
        refused(engine.ask("POST", values, bad), 400)
    same("the page is still the right one", engine.invoke(
        asked, outcome=guid(21)).json["currentMapElementId"], guid(30))


def other_flows(engine):
    asked = engine.invoke(engine.initialize(
        guid(1), joinPlayerUrl="https://p.example/play").json).json
    [_, out] = asked["mapElementInvokeResponses"][0]["outcomeResponses"]
    same("out", out["isOut"], True)
    refused(engine.invoke(asked, outcome=guid(22)), 400)
    there = engine.ask("POST", f"/api/run/1/state/out/{asked['stateId']}/"
                       f"{guid(22)}", b"")
    same("another state", there.json["currentMapElementId"], START)
    truth("its own", there.json["stateId"] != asked["stateId"])
    joined = engine.ask("GET", f"/api/run/1/state/{there.json['stateId']}")
    same("join", joined.json["joinFlowUri"],
         f"https://p.example/play?join={there.json['stateId']}")
    refused(engine.ask("POST", f"/api/run/1/state/out/{asked['stateId']}/"
                       f"{guid(21)}", b""), 400)

    simple = engine.ask("POST", "/api/run/1/state", {
        "developerName": "two pages", "inputs": [
            {"developerName": "Limit", "contentValue": "3"}]})
    same("at once", simple.json["currentMapElementId"], guid(20))
    same("input", engine.ask("GET", f"/api/run/1/state/"
         f"{simple.json['stateId']}/values/name/Limit").json["contentValue"],
         "3")
    refused(engine.ask("POST", "/api/run/1/state", {"id": guid(99)}), 404)
    same("by id", engine.ask("GET", f"/api/run/1/flow/{FLOW}").json["id"]
         ["id"], FLOW)
    same("by name", engine.ask("GET", "/api/run/1/flow/name/Two%20pages")
         .json["id"], {"id": guid(1), "versionId": guid(2)})
    return asked


def lists_of_flows(engine):
    both, none = ["Greeting", "Two pages"], []

    def names(path, text=None):
        query = "" if text is None else "?filter=" + urllib.parse.quote(text)
        answer = engine.ask("GET", f"/api/run/1/{path}{query}")
        same(f"status of {path}{query}", answer.status, 200)
        return sorted(f["developerName"] for f in answer.json)

    # Environments are the builders': a flow runs alike in all of them.
    for path in ("flow", f"flow/environment/{guid(70)}"):
        for text, expected in (
                (None, both), ("", both),
                ("developerName eq 'two PAGES'", ["Two pages"]),
                ("developername EQ 'Two'", none),
                (" substringof( developerName , 'wo p' ) ", ["Two pages"]),
                ("substringof(developerName,'E')", both),
                ("substringof(developerName, '')", both),
                ("substringof(developerName, 'it''s')", none)):
            same(f"{path}: {text}", names(path, text), expected)
        for text in ("x", "developerName eq Two", "developerName eq 'Two",
                     "id eq 'x'", "substringof('Two', developerName)",
                     "substringof(developerName, 'Two'", "eq ''", "'",
                     "substringof(developerName, 'Two') or x",
                     "developerName eq 'it's'",
                     "developerName eq 'a' or developerName eq 'b'"):
            refused(engine.ask("GET", f"/api/run/1/{path}?filter=" +
                               urllib.parse.quote(text)), 400)
    refused(engine.ask("GET", "/api/run/1/flow/environment/x"), 404)


def what_no_flow_has(engine, asked):
    state = asked["stateId"]
    same("log", engine.ask("GET", f"/api/run/1/state/{state}/log").json
         ["entries"], [])
    same("older log", engine.ask("GET", f"/api/log/{guid(1)}/{state}").json
         ["stateId"], state)
    same("who", engine.ask("GET", f"/api/run/1/authentication/{state}").json
         ["directoryId"], None)
    for method, path, status in (
            ("GET", f"state/{state}/download/{guid(9)}/a.pdf", 404),
            ("POST", f"authentication/{state}", 400),
            ("POST", "response", 403), ("POST", "event", 403),
            ("POST", "service/data", 403), ("POST", "service/file", 403),
            ("POST", "service/file/content", 400),
            ("GET", "social/stream/x", 404),
            ("GET", "social/stream/x/user/me", 404),
            ("POST", "social/stream/x/message", 404)):
        refused(engine.ask(method, f"/api/run/1/{path}",
                           b"{}" if method == "POST" else None), status)
    refused(engine.ask("POST", "/api/service/1/data", b"{}"), 403)
    refused(engine.ask("GET", "/api/social/1/stream/x"), 404)


@story
def main():
    with tempfile.TemporaryDirectory() as flows:
        shutil.copy(f"{ROOT}/conf/flows/greeting.json", flows)
        with open(os.path.join(flows, "pages.json"), "w") as f:
            json.dump(SNAPSHOT, f)
        with Engine(flows=flows) as engine:
            pages_follow_what_is_typed(engine)
            navigation_and_history(engine)
            values_from_outside(engine)
            asked = other_flows(engine)
            lists_of_flows(engine)
            what_no_flow_has(engine, asked)
            same("exit code", engine.stop(), 0)
