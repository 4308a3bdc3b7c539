#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An execution restriction decides above the map, and holds when its region
goes down: an error then, never another region.  Not a byte of such a request
reaches anybody else."""
import json

from lib import Origin, Platform, same, story, truth, wait_for

TENANT = "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"
OTHER = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c99"
RESTRICTIONS = {"tenants": {TENANT: {"flows": {FLOW: {"restrictions": {
    "execution": {"enabled": True, "countries": ["GB"]}}}}}}}


def start(edge, flow, of):
    body = json.dumps({"flowId": {"id": flow, "versionId": None}}).encode()
    return edge.post("/api/run/1", body, [
        ("ManyWhoTenant", TENANT), ("Content-Type", "application/json")], of)


@story
def main():
    origins = {r: Origin(r) for r in ("US", "GB", "AU")}
    with Platform(regions=["US", "GB", "AU"], origins=origins,
                  restrictions=RESTRICTIONS) as platform:
        edge = platform["US"]
        for of in ("US", "NZ", "IN", "192.168.1.1"):
            answer = start(edge, FLOW, of)
            same(f"restricted flow of {of}",
                 answer["X-ManyWho-Region-Backend"], "GB")
        same("unrestricted flow", start(edge, OTHER, "NZ")
             ["X-ManyWho-Region-Backend"], "AU")
        same("a body in full", json.loads(start(edge, FLOW, "US").body)
             ["body"], json.dumps({"flowId": {"id": FLOW, "versionId": None}}))

        asked = len(origins["US"].requests) + len(origins["AU"].requests)
        origins["GB"].close()
        answer = wait_for("GB is known to be down", lambda: (
            lambda a: a if a.status == 503 else None)(
                start(edge, FLOW, "GB")))
        same("frontend", answer["X-ManyWho-Region-Frontend"], "US")
        same("no engine answered", answer["X-ManyWho-Region-Backend"], None)
        truth("Retry-After", answer["Retry-After"] is not None)
        truth("a JSON string, which the player can show",
              isinstance(json.loads(answer.body), str))
        same("other regions were asked", len(origins["US"].requests) +
             len(origins["AU"].requests), asked)
        # Who is not bound fails over.
        same("unrestricted flow of GB", start(edge, OTHER, "GB")
             ["X-ManyWho-Region-Backend"], "US")
