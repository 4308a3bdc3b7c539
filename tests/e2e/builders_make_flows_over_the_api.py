#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A key, a flow made from a snapshot, restricted, run, changed to another
version while a state goes on with the first, exported and imported; and
nothing of it for another tenant or without a key."""
import json
import os

from lib import portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import TENANT, Engine
from lib.keys import Builder, known, make_key

OTHER = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"
NEW_FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c99"
SNAP = "/api/draw/1/flow/snap"


def snapshot(flow=NEW_FLOW):
    with open(os.path.join(ROOT, "conf/flows/greeting.json")) as f:
        image = json.load(f)
    image["id"] = {"id": flow}
    image["isDefault"] = True
    image["developerName"] = "Made by the API"
    return image


def flows_live(engine, b):
    made = b.post(SNAP, snapshot())
    first = made["id"]["versionId"]
    same("listed", [f["id"]["id"] for f in b.get("/api/draw/1/flow")],
         [NEW_FLOW])
    image = b.get(f"{SNAP}/{NEW_FLOW}/{first}")
    same("elements", len(image["mapElements"]),
         len(snapshot()["mapElements"]))
    began = engine.initialize(NEW_FLOW).json
    truth("runs by name too", engine.ask(
        "GET", "/api/run/1/flow/name/made%20by%20the%20api").status == 200)

    # Another version, for new states; the state above keeps its own.
    second = b.post(f"{SNAP}/{NEW_FLOW}", {"comment": "again"})
    second = second["id"]["versionId"]
    same("versions", [v["id"]["versionId"]
                      for v in b.get(f"{SNAP}/{NEW_FLOW}")], [first, second])
    b.post(f"/api/draw/1/flow/activation/{NEW_FLOW}/{second}/true/true", {})
    asked = engine.invoke(began)
    same("version of the state", asked.json["flowVersion"], first)
    newer = engine.invoke(engine.initialize(NEW_FLOW).json)
    same("version of a new one", newer.json["flowVersion"], second)

    # None by default any more.
    b.post(f"/api/draw/1/flow/activation/{NEW_FLOW}/{second}/false/false", {})
    same("not run by default", engine.initialize(NEW_FLOW).status,
         404)
    b.post(f"/api/draw/1/flow/activation/{NEW_FLOW}/{first}/true/true", {})

    states = b.get(f"/api/admin/1/states/flow/{NEW_FLOW}")["states"]
    same("states", len(states), 2)
    same("of a version", [s["id"] for s in b.get(
        f"/api/admin/1/states/flow/{NEW_FLOW}/{first}")["states"]],
        [began["stateId"]])
    state = f"/api/admin/1/states/{began['stateId']}"
    told = b.get(state)
    same("state", told["currentFlowId"]["versionId"], first)
    same("where it was", [e["mapElementDeveloperName"]
                          for e in told["stateEntries"]], ["Ask"])
    same("and is", (told["isExpired"], told["storeId"],
                    told["currentMapElementDeveloperName"]),
         (False, None, "Ask"))
    same("deleted", b.ask("DELETE", state), True)
    b.get(state, 404)


def restrictions_bind(engine, b):
    def restrict(restrictions, status=200):
        return b.post("/api/draw/1/flow", {
            "id": {"id": NEW_FLOW}, "restrictions": restrictions}, status)

    def start(country):
        return engine.initialize(NEW_FLOW, fields=[
            ("X-ManyWho-GeoLocation-Country", country)]).status

    sentence = restrict({"access": {"enabled": True, "countries": ["UK"]}},
                        400)
    truth(f"place and the code that was meant: {sentence}",
          "restrictions.access: countries[0]" in sentence and
          "GB" in sentence)
    warned = restrict({"access": {"enabled": True, "countries": []}})
    truth(f"warned: {warned}", "empty lists" in warned["warnings"][0])
    same("nobody", start("SZ"), 403)
    restrict({"access": {"enabled": True, "countries": ["SZ"]}})
    same("Swaziland", (start("SZ"), start("FR")), (200, 403))
    b.post("/api/admin/1/tenant", {"restrictions": {"flowRestrictions": {
        "execution": {"enabled": True, "countries": ["GB"]}}}})
    same("not in this region", start("SZ"), 421)
    same("kept", b.get("/api/admin/1/tenant")["restrictions"][
        "flowRestrictions"]["execution"]["countries"], ["GB"])
    b.post("/api/admin/1/tenant", {"restrictions": None})
    restrict(None)
    same("free again", start("FR"), 200)


def packages_travel(engine, b):
    package = b.get(f"/api/package/1/flow/{NEW_FLOW}")
    truth("a string", isinstance(package, str))
    same("deleted", b.ask("DELETE", f"/api/draw/1/flow/{NEW_FLOW}"), True)
    b.get(f"/api/draw/1/flow/{NEW_FLOW}", 404)
    same("gone", engine.initialize(NEW_FLOW).status, 404)
    b.post("/api/package/1/flow", package)
    same("back", engine.initialize(NEW_FLOW).status, 200)
    b.post("/api/package/1/flow", {"format": "other"}, 400)
    b.post("/api/package/1/flow", "{", 400)


def faults_are_all_told(b):
    bad = snapshot("5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c98")
    bad["mapElements"][1]["elementType"] = "DANCE"
    bad["mapElements"][2]["outcomes"] = 7
    bad["valueElements"][0]["contentType"] = "ContentMusic"
    sentence = b.post(SNAP, bad, 400)
    for fault in ("mapElements[1]", "mapElements[2]", "valueElements[0]"):
        truth(f"{fault} is told: {sentence}", fault in sentence)
    b.get("/api/draw/1/flow/5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c98", 404)


def nobody_else(engine, key, other, reader):
    path = f"/api/draw/1/flow/{NEW_FLOW}"
    same("no key", engine.ask("GET", path).status, 401)
    same("no good key", engine.ask("GET", path, fields=[
        ("x-boomi-flow-api-key", key[:-1] + "x")]).status, 401)
    same("a key of another", engine.ask("GET", path, fields=[
        ("x-boomi-flow-api-key", other)]).status, 404)
    stranger = Builder(engine, other, OTHER)
    stranger.get(path, 404)
    same("another's flows", stranger.get("/api/draw/1/flow"), [])
    same("another's states", stranger.get("/api/admin/1/states")["states"],
         [])
    same("not run by another", engine.ask("POST", "/api/run/1", {
        "flowId": {"id": NEW_FLOW}}, tenant=OTHER).status, 404)
    Builder(engine, reader, TENANT).post("/api/draw/1/flow",
                                         {"developerName": "x"}, 403)


def tokens_do_instead_of_keys(engine, key, other):
    login = "/api/draw/1/authentication"
    name, password = key.split(".")

    def with_token(token, tenant=TENANT, method="GET", path="/api/draw/1/flow",
                   body=None):
        return engine.ask(method, path, body, tenant=tenant,
                          fields=[("Authorization", token)])

    for who in ({"username": name, "password": password},
                {"username": "me", "password": key}, {"token": key}):
        token = engine.ask("POST", login, {"loginUrl": "x", **who}).json
        same("reads", with_token(token).status, 200)
        same("changes", with_token(token, method="POST", body={
            "id": {"id": NEW_FLOW}, "developerSummary": "by token"}).status,
            200)
    again = with_token(token, path=f"{login}/{TENANT}")
    same("another before it ends", with_token(again.json).status, 200)
    same("of another tenant", with_token(token, path=f"{login}/{OTHER}")
         .status, 404)
    for bad in ({}, {"username": name, "password": password[:-1] + "x"},
                {"username": name}, {"username": 1, "password": [key]},
                {"username": "", "password": ""}, {"token": other}):
        same(f"refused: {bad}", engine.ask("POST", login, bad).status, 401)
    middle = len(token) // 2
    for forged in (token[:-1], token + "x", "", token[:middle] +
                   ("A" if token[middle] != "A" else "B") +
                   token[middle + 1:]):
        same("a forged one", with_token(forged).status, 401)
    same("for another tenant", with_token(token, OTHER).status, 401)
    began = engine.initialize(NEW_FLOW).json
    same("who builds has not logged in to a flow", engine.invoke(
        began, fields=[("Authorization", token)]).status, 200)
    return token


def other_workers_hear(engine, b):
    """A second worker of the same store, started before the change."""
    with Engine(region="US", store=f"{engine.dir}/state") as second:
        b.post(SNAP, snapshot("5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c97"))
        wait_for("the other worker runs it", lambda: second.initialize(
            "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c97").status ==
            200, 5)
        feed = json.loads(second.ask(
            "GET", "/portolan/1/restrictions?since=0",
            fields=[("X-Portolan-Feed", "1")]).body)
        truth("the feed tells of it", any(
            change.get("flow") == NEW_FLOW for change in feed["changes"]))
        same("for edges alone", second.ask(
            "GET", "/portolan/1/restrictions?since=0").status, 404)


@story
def main():
    with Engine(region="US") as engine:
        made = make_key(engine, TENANT)
        key, other = made["key"], make_key(engine, OTHER)["key"]
        reader = make_key(engine, TENANT, "reader")["key"]
        known(engine, reader, TENANT)
        b = Builder(engine, key, TENANT)
        faults_are_all_told(b)
        flows_live(engine, b)
        restrictions_bind(engine, b)
        packages_travel(engine, b)
        nobody_else(engine, key, other, reader)
        other_workers_hear(engine, b)
        token = tokens_do_instead_of_keys(engine, key, other)
        listed, _ = portolan("apikey", "list", "-c",
                             f"{engine.dir}/portolan.yaml", "--store",
                             f"{engine.dir}/state")
        same("keys", len(listed.splitlines()), 3)
        truth("no secrets", key.split(".")[1] not in listed)
        portolan("apikey", "delete", "-c", f"{engine.dir}/portolan.yaml",
                 "--store", f"{engine.dir}/state", made["id"])
        wait_for("the key is good for nothing", lambda: engine.ask(
            "GET", "/api/admin/1/tenant",
            fields=[("x-boomi-flow-api-key", key)]).status == 401, 10)
        same("and so is what was got with it", engine.ask(
            "GET", "/api/admin/1/tenant",
            fields=[("Authorization", token)]).status, 401)
        same("exit code", engine.stop(), 0)
