#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Each request that a restriction refuses leaves an event in log.audit, in
the platform's own form; others leave none."""
import json
import os

from lib import Platform, same, story, wait_for

T = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a01"
U = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"
FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"
RESTRICTIONS = {"tenants": {
    T: {"flows": {FLOW: {"restrictions": {
        "access": {"enabled": True, "countries": ["SZ"]}}}}},
    U: {"restrictions": {"flowRestrictions": {
        "access": {"enabled": True, "continents": ["AF"]},
        "execution": {"enabled": True, "countries": ["AU"]}}}}}}


@story
def main():
    with Platform(regions=["US", "AU"], restrictions=RESTRICTIONS,
                  settings={"log": {"audit": "audit.log"}}) as p:
        us = p["US"]
        path = os.path.join(p.directory, "audit.log")

        def events(count):
            def read():
                with open(path) as f:
                    lines = f.read().split("\n")[:-1]
                return [json.loads(x) for x in lines] \
                    if len(lines) >= count else None
            found = wait_for(f"{count} events", read, 10)
            same("events", len(found), count)
            return found

        start = json.dumps({"flowId": {"id": FLOW}}).encode()
        same("Swaziland", us.post("/api/run/1", start,
             [("ManyWhoTenant", T)], of="SZ").status, 200)
        same("France", us.post("/api/run/1", start,
             [("ManyWhoTenant", T)], of="FR").status, 403)
        [event] = events(1)
        same("type", event["type"], "flow.restriction.denied")
        same("what", (event["tenant"], event["flow"]["id"], event["state"]),
             ({"id": T}, FLOW, {"id": None}))
        same("why", event["data"], {
            "source": "flow", "country": "FR", "continent": "EU",
            "restrictionType": "access"})

        state = "/api/run/1/state/40000001-0000-8000-8000-000000000001"
        same("France", us.get(state, [("ManyWhoTenant", U)],
                              of="FR").status, 403)
        same("regional host", us.get(state, [("ManyWhoTenant", U)], of="SZ",
             host="us.flow.example.com").status, 403)
        # Threads write them in any order.
        access, execution = sorted(events(3)[1:], key=lambda e:
                                   e["data"]["restrictionType"])
        same("source", access["data"]["source"], "tenant")
        same("state", access["state"]["id"], state.split("/")[-1])
        same("execution", execution["data"], {
            "source": "tenant", "country": "SZ", "continent": "AF",
            "restrictionType": "execution"})
