#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A flow asks a service to listen for a value: what the service hears goes
into the value, by its token alone.  Whoever listens for the end of a state is
told of it once; who has left is not, and nobody inside the network is."""
from lib import same, story, wait_for
from lib.engine import TENANT, Engine, shown
from lib.service import (CALLED_HERE, Service, element, flow, guid, step, to,
                         value)


def flows(uri):
    first = step(20, "Heard {![News]}", to(30, 21)) | {"listeners": [{
        "developerName": "Ear", "serviceElementId": guid(80),
        "listenerType": "EDIT",
        "valueElementToReferenceForListeningId": {"id": guid(61)}}]}
    return [flow(1, uri, [first, step(30, "End")],
                 [value(61, "News", text="nothing")])]


def hears(engine, service):
    at = engine.invoke(engine.initialize(guid(1)).json)
    same("before", shown(at), "Heard nothing")
    asked = service.next("/api/listener").json
    same("told", (asked["listenType"], asked["valueForListening"][
        "contentValue"], asked["callbackUri"]),
        ("EDIT", "nothing", "http://engine/api/run/1/event"))
    event = {"token": asked["token"], "tenantId": TENANT,
             "listeningEventValue": {"contentType": "ContentString",
                                     "contentValue": "rain"}}
    post = ("POST", "/api/run/1/event")
    same("forged", engine.ask(*post, {**event, "token": asked["token"][:-1]},
                              tenant=None).status, 403)
    same("heard", engine.ask(*post, event, tenant=None).json, "SUCCESS")
    at = engine.ask("GET", f"/api/run/1/state/{at.json['stateId']}")
    same("after", shown(at), "Heard rain")
    return at


def tells(engine, service, at):
    path = f"/api/run/1/state/{at.json['stateId']}/listener"

    def listen(uri, kind="DONE"):
        return engine.ask("POST", path, {"listenType": kind, "annotations":
                                         {"a": "b"}, "callbackUri": uri})

    here = listen(service.uri + "/done")
    same("added", (here.status, here.json["listenType"]), (200, "DONE"))
    left = listen(service.uri + "/left").json
    same("inside", listen("http://127.0.0.2:1/").status, 200)
    same("of what", listen(service.uri, "OTHER").status, 400)
    same("gone", engine.ask("DELETE", f"{path}/{left['id']}").status, 200)
    same("gone already", engine.ask("DELETE",
                                    f"{path}/{left['id']}").status, 404)
    end = engine.invoke(at.json, outcome=guid(21))
    same("done", end.json["invokeType"], "DONE")
    told = service.next()
    same("told", (told.path, told.json["stateId"], told.json["annotations"]),
         ("/api/done", at.json["stateId"], {"a": "b"}))
    engine.invoke(end.json, outcome=guid(21))
    same("too late", listen(service.uri).status, 400)
    same("once", service.count(), 0)


@story
def main():
    with Service({"/api/listener": lambda a: {},
                  "/api/done": lambda a: {}}) as service:
        with Engine(flows=flows(service.uri), services={
                **CALLED_HERE, "refuse": ["127.0.0.2"]}) as e:
            tells(e, service, hears(e, service))
            wait_for("the refusal in the log",
                     lambda: "could not be told" in e.errors())
