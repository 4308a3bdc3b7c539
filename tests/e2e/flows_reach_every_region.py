#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A flow that was made in the main region, by way of another region's edge,
runs in every region within seconds, and so do its restrictions, its versions
and the key that made it; only the main region takes changes."""
import json
import os

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import TENANT, know_the_key

NEW_FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c99"
GB_HOST = "gb.flow.example.com"


def build(edge, key, method, path, body=None, host=None):
    more = {} if host is None else {"host": host}
    return edge.ask(method, path, [
        ("ManyWhoTenant", TENANT), ("x-boomi-flow-api-key", key),
        ("Content-Type", "application/json")],
        None if body is None else json.dumps(body).encode(), **more)


def start(edge, of):
    answer = edge.post("/api/run/1", json.dumps(
        {"flowId": {"id": NEW_FLOW}}).encode(), [
            ("ManyWhoTenant", TENANT),
            ("Content-Type", "application/json")], of=of)
    return answer.status, answer["X-ManyWho-Region-Backend"]


def snapshot():
    with open(os.path.join(ROOT, "conf/flows/greeting.json")) as f:
        image = json.load(f)
    image["id"] = {"id": NEW_FLOW}
    image["isDefault"] = True
    return image


@story
def main():
    p = Platform(regions=["US", "GB"], embedded=2,
                 flows=os.path.join(ROOT, "conf/flows"),
                 settings={"policy": {"source": "engines",
                                      "restrictions": None},
                           "engines": {"follow": {"key": "follow.key"}}})
    p.write("follow.key", "8d" * 32 + "\n")
    p.settings_of = {"GB": {"engines": {"follow": {
        "url": "http://%s:%d" % p["GB"].plain}}}}
    with p:
        us, gb = p["US"], p["GB"]
        key = portolan("apikey", "create", "-c", us.config_file, "--tenant",
                       TENANT)[0].strip()
        portolan("apikey", "create", "-c", gb.config_file, "--tenant", TENANT,
                 expect=2)
        know_the_key(us, key)
        made = build(gb, key, "POST", "/api/draw/1/flow/snap", snapshot())
        same("made", (made.status, made["X-ManyWho-Region-Backend"]),
             (200, "US"))
        wait_for("it runs in US, whichever worker is asked", lambda: all(
            start(us, "US") == (200, "US") for _ in range(6)), 10)
        wait_for("it runs in GB", lambda: start(gb, "GB") == (200, "GB"), 15)

        know_the_key(gb, key)
        refused = build(gb, key, "POST", "/api/draw/1/flow",
                        {"developerName": "x"}, host=GB_HOST)
        same("not in GB", refused.status, 409)
        truth("it says where", "main region" in json.loads(refused.body))

        restricted = build(us, key, "POST", "/api/draw/1/flow", {
            "id": {"id": NEW_FLOW}, "restrictions": {
                "execution": {"enabled": True, "countries": ["US"]}}})
        same("restricted", restricted.status, 200)
        for edge in (us, gb):
            wait_for(f"{edge.region} sends it to US", lambda e=edge:
                     start(e, "GB") == (200, "US"), 15)

        deleted = build(us, key, "DELETE", f"/api/draw/1/flow/{NEW_FLOW}")
        same("deleted", deleted.status, 200)
        wait_for("gone in GB", lambda: build(
            gb, key, "GET", f"/api/draw/1/flow/{NEW_FLOW}",
            host=GB_HOST).status == 404, 15)
        for fields in ([], [("Authorization", "Portolan 1:00")]):
            same("documents are for engines", us.get(
                "/portolan/1/documents?since=0", fields).status, 401)
        same("restrictions are for edges", us.get(
            "/portolan/1/restrictions?since=0",
            [("X-Portolan-Feed", "1")]).status, 404)
