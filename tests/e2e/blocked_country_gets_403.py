#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An access restriction is a whitelist of places: others get 403 as a JSON
string, which the player can show, and no engine hears of them."""
import json

from lib import Platform, same, story, truth

TENANT = "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"
RESTRICTIONS = {"tenants": {TENANT: {"flows": {FLOW: {"restrictions": {
    "access": {"enabled": True, "countries": ["SZ"],
               "continents": ["OC"]}}}}}}}
BODY = json.dumps({"flowId": {"id": FLOW, "versionId": None}}).encode()
FIELDS = [("ManyWhoTenant", TENANT), ("Content-Type", "application/json")]


@story
def main():
    with Platform(restrictions=RESTRICTIONS) as platform:
        edge, origin = platform["US"], platform.origin("US")
        for of, status in (("SZ", 200), ("NZ", 200), ("CH", 403),
                           ("ZA", 403), ("192.168.1.1", 403),
                           ("2001:db8::1", 403), ("garbage", 403)):
            answer = edge.post("/api/run/1", BODY, FIELDS, of)
            same(f"status of {of}", answer.status, status)
            same("frontend", answer["X-ManyWho-Region-Frontend"], "US")
            if status == 403:
                truth("a JSON string",
                      isinstance(json.loads(answer.body), str))
                truth("no region is told", "SZ" not in answer.body.decode())
        same("requests that arrived", len(origin.requests), 2)
        # The problem's type and its id, where the client asks for them.
        answer = edge.post("/api/run/1", BODY, FIELDS + [
            ("Accept", "application/problem+json")], "CH")
        problem = json.loads(answer.body)
        same("media type", answer["Content-Type"].split(";")[0],
             "application/problem+json")
        same("status", problem["status"], 403)
        truth("type and instance", problem["type"] and problem["instance"])
        # Another flow of the tenant is everybody's.
        other = BODY.replace(b"5c01", b"5c99")
        same("another flow", edge.post("/api/run/1", other, FIELDS,
                                       "CH").status, 200)
