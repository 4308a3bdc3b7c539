#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whole runs through real edges to real engines: each call of a run reaches
the region of the first, also where only the state's id says which, and the
state lies in that region's store alone."""
import json
import os
import sqlite3

from lib import Platform, same, story
from lib.addresses import ROOT
from lib.engine import (AGE_INPUT, FLOW, NAME_INPUT, NEXT, TENANT, WELCOME,
                        invoke_body)

BOUND_TENANT = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"
RESTRICTIONS = {"tenants": {BOUND_TENANT: {"flows": {FLOW: {"restrictions": {
    "execution": {"enabled": True, "countries": ["GB"]}}}}}}}


def call(edge, method, path, of, tenant, body=None):
    if body is not None:
        body = json.dumps(body).encode()
    answer = edge.ask(method, path, [
        ("ManyWhoTenant", tenant), ("Content-Type", "application/json")],
        body, of)
    same(f"status of {method} {path}", answer.status, 200)
    return answer


def run(platform, entry, of, tenant, region):
    """From initialization to the last page; every answer from region."""
    edge = platform[entry]

    def ask(method, path, body=None):
        answer = call(edge, method, path, of, tenant, body)
        same("frontend", answer["X-ManyWho-Region-Frontend"], entry)
        same(f"backend of {path}", answer["X-ManyWho-Region-Backend"], region)
        return json.loads(answer.body)

    last = ask("POST", "/api/run/1", {
        "flowId": {"id": FLOW, "versionId": None}})
    path = f"/api/run/1/state/{last['stateId']}"
    last = ask("POST", path, invoke_body(last))
    last = ask("GET", path)
    last = ask("POST", path, invoke_body(last, outcome=NEXT, inputs={
        NAME_INPUT: "Ada", AGE_INPUT: "36"}))
    same("arrived", last["currentMapElementId"], WELCOME)
    same("ping", ask("GET", f"{path}/ping/{last['stateToken']}"), False)
    return last["stateId"]


def states_in(platform, region):
    path = os.path.join(platform[region].run_dir, "state/state.sqlite")
    with sqlite3.connect(path) as db:
        return {row[0].hex() for row in db.execute("SELECT id FROM state")}


@story
def main():
    with Platform(regions=["US", "GB", "AU"], embedded=2,
                  flows=os.path.join(ROOT, "conf/flows"),
                  restrictions=RESTRICTIONS) as platform:
        expected = {"US": set(), "GB": set(), "AU": set()}
        for entry in ("US", "GB", "AU"):
            for of, tenant, region in [
                    ("NZ", TENANT, "AU"), ("GB", TENANT, "GB"),
                    ("US", TENANT, "US"),
                    ("NZ", BOUND_TENANT, "GB"), ("US", BOUND_TENANT, "GB")]:
                state = run(platform, entry, of, tenant, region)
                expected[region].add(state.replace("-", ""))
        for region, states in expected.items():
            same(f"states in {region}", states_in(platform, region), states)
