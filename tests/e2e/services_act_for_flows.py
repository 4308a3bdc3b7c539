#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A flow calls a service: it is told what the flow was drawn to tell, those of
the same order are asked at once, what it answers goes into values, it may
choose the way on, and when it fails the flow goes the way that is there for
it; without one nothing is changed, and the user may try again."""
import threading

from lib import same, story, truth
from lib.engine import TENANT, Engine, shown
from lib.service import (CALLED_HERE, FAULT, Close, Service, element, flow,
                         guid, message, step, to, value)

START = step(20, "Begin", to(30, 21))
VALUES = [value(60, "Who", text="Ada"), value(61, "Greeting"),
          value(62, "Number", "ContentNumber")]


def greet(asked):
    [given] = asked.json["inputs"]
    return {"invokeType": "SUCCESS", "outputs": [
        {"developerName": "greeting", "contentType": "ContentString",
         "contentValue": "Hello " + given["contentValue"]},
        {"developerName": "Number", "contentValue": 42},
        {"developerName": "unasked", "contentValue": "x"}]}


def flows(uri):
    hello = message("hello", [("Name", 60)], [("Greeting", 61),
                                              ("number", 62)])
    end = step(40, "{![Greeting]} {![Number]}")
    fails = message("fails")
    return [
        flow(1, uri, [START, element(30, "MESSAGE", to(40, 31),
                                     messageActions=[hello]), end], VALUES),
        flow(2, uri, [START, element(
            30, "message", to(40, 31), to(50, 32), messageActions=[
                message("choose")]), end, step(50, "chosen")], VALUES),
        flow(3, uri, [START, element(
            30, "message", to(40, 31), to(50, FAULT) | {"id": FAULT},
            messageActions=[fails]), end, step(50, "saved")], VALUES),
        flow(4, uri, [START, element(30, "message", to(40, 31),
                                     messageActions=[fails]), end], VALUES),
        flow(5, uri, [START, element(30, "message", to(40, 31),
                                     messageActions=[
            message("late", order=1), message("left"), message("right")]),
            end], VALUES),
        flow(7, uri, [element(20, "input", to(30, 21),
                              pageElementId=guid(70)),
                      element(30, "message", to(40, 31), messageActions=[
                          message("checks", [("Name", 60),
                                             ("Amount", 62)])]), end],
             VALUES, pageElements=[{
                 "id": guid(70), "pageContainers": [{"id": guid(71)}],
                 "pageComponents": [{
                     "id": guid(n), "pageContainerId": guid(71),
                     "componentType": "INPUT",
                     "valueElementValueBindingReferenceId": {
                         "id": guid(of)}} for n, of in ((72, 60),
                                                        (73, 61))]}]),
        flow(6, uri.replace("127.0.0.1", "127.0.0.2"), [START, element(
            30, "message", to(40, 31), messageActions=[hello]), end],
            VALUES),
    ]


def go(engine, number):
    began = engine.invoke(engine.initialize(guid(number), playerUrl="https://"
                                            "p.example/x").json)
    same("first", shown(began), "Begin")
    return began, engine.invoke(began.json, outcome=guid(21))


def told_what_was_drawn(engine, service):
    _, end = go(engine, 1)
    same("end", (shown(end), end.json["invokeType"]),
         ("Hello Ada 42", "DONE"))
    asked = service.next()
    same("path", (asked.method, asked.path), ("POST",
                                              "/api/actions/hello"))
    same("tenant", asked.json["tenantId"], TENANT)
    same("state", asked.json["stateId"], end.json["stateId"])
    same("who", asked.headers["ManyWhoTenant"], TENANT)
    truth("an authorization", "UserId" in asked.headers["Authorization"])
    same("setting", [(v["developerName"], v["contentValue"])
                     for v in asked.json["configurationValues"]],
         [("Key", "sesame")])
    same("outcomes", [o["id"] for o in asked.json["outcomes"]], [guid(31)])
    same("callback", asked.json["callbackUri"],
         "http://engine/api/run/1/response")
    truth("a token that begins with the state", asked.json["token"]
          .startswith(f"{end.json['stateId']}.{TENANT}."))
    for key in ("executionMode", "annotations", "attributes", "joinPlayerUri",
                "playerUri", "uri", "authorization", "culture"):
        truth(f"{key} is there", key in asked.json)


def same_order_at_once(engine, service):
    meet = threading.Barrier(2, timeout=30)

    def at_once(asked):
        meet.wait()
        return {}

    seen = []
    service.answers["/api/actions/left"] = at_once
    service.answers["/api/actions/right"] = at_once
    service.answers["/api/actions/late"] = lambda a: seen.append(
        meet.n_waiting) or {}
    _, end = go(engine, 5)
    same("done", end.json["invokeType"], "DONE")
    same("the later order came last", seen, [0])
    while service.count():
        service.next()


def faults(engine, service):
    def broken(asked):
        raise Close

    def again(answer, sentence):
        service.answers["/api/actions/fails"] = lambda a: answer
        began, end = go(engine, 4)
        faults = end.json["mapElementInvokeResponses"][0]["rootFaults"]
        same("stays", (shown(end), end.json["stateToken"],
                       end.json["currentMapElementId"]),
             ("Begin", began.json["stateToken"], guid(20)))
        truth(f"{sentence} in {faults}",
              any(sentence in text for text in faults.values()))
        return began

    service.answers["/api/actions/fails"] = broken
    same("way of faults", shown(go(engine, 3)[1]), "saved")
    again((500, {"message": "my disk is full"}), "my disk is full")
    again(b"<html>", "no JSON object")
    again(b'"' + b"x" * (5 << 20) + b'"', "more than is taken")
    began = again({"rootFaults": {"Disk": "is full"}}, "is full")
    service.answers["/api/actions/fails"] = lambda a: {}
    same("tried again", engine.invoke(
        began.json, outcome=guid(21)).json["invokeType"], "DONE")


def faults_of_values(engine, service):
    service.answers["/api/actions/checks"] = lambda a: {"valueFaults": {
        "name": "is taken", "Amount": "is too small", guid(61): "is rude"}}
    began = engine.invoke(engine.initialize(guid(7)).json)
    end = engine.invoke(began.json, outcome=guid(21),
                        inputs={guid(72): "Eve"})
    [at] = end.json["mapElementInvokeResponses"]
    same("stays", end.json["currentMapElementId"], guid(20))
    same("at the inputs", [(c["contentValue"], c["isValid"],
                            c["validationMessage"]) for c in
                           at["pageResponse"]["pageComponentDataResponses"]],
         [("Eve", False, "is taken"), (None, False, "is rude")])
    same("of no input", at["rootFaults"], {"Amount": "is too small"})
    service.answers["/api/actions/checks"] = lambda a: {"valueFaults": {}}
    same("now", engine.invoke(began.json, outcome=guid(21)).json[
        "invokeType"], "DONE")


@story
def main():
    with Service({"/api/actions/hello": greet,
                  "/api/actions/choose": lambda a: {
                      "selectedOutcomeId": guid(32)}}) as service:
        with Engine(flows=flows(service.uri),
                    services={**CALLED_HERE, "refuse": ["127.0.0.2"]}) as e:
            told_what_was_drawn(e, service)
            same("chosen", shown(go(e, 2)[1]), "chosen")
            same_order_at_once(e, service)
            faults(e, service)
            faults_of_values(e, service)
            count = service.count()
            same("not there", shown(go(e, 6)[1]), "Begin")
            same("asked", service.count(), count)
