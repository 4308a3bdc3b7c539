#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The second guard, should an edge ever be wrong: an engine refuses a flow
that may not run in its region (421, nothing kept) and a client from where the
flow may not be used (403), whether the operators' file or the snapshot says
so."""
import json
import sqlite3

from lib import same, story
from lib.engine import FLOW, TENANT, Engine

ELSEWHERE = "The flow you are trying to run cannot be executed in this region"
NO_ACCESS = ("The flow you are trying to run cannot be accessed from your "
             "current location")
EU_TENANT = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"
SZ_TENANT = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a03"
OTHER_FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c20"
RESTRICTIONS = {
    EU_TENANT: {"restrictions": {"flowRestrictions": {
        "execution": {"enabled": "true", "continents": ["EU"]}}}},
    SZ_TENANT: {"flows": {FLOW: {"restrictions": {
        "access": {"enabled": "true", "countries": ["SZ"]}}}}},
}


def place(country, continent=""):
    return [("X-ManyWho-GeoLocation-Country", country),
            ("X-ManyWho-GeoLocation-Continent", continent)]


def refused(answer, status, sentence):
    same("status", answer.status, status)
    same("sentence", answer.json, sentence)
    same("region", answer["X-ManyWho-Region-Backend"] in ("GB", "AU"), True)


def states_of(engine):
    with sqlite3.connect(f"{engine.dir}/state/state.sqlite") as db:
        return db.execute("SELECT count(*) FROM state").fetchone()[0]


def restrict_snapshot(engine, restrictions):
    """The same flow under another id, with restrictions of its own."""
    with open(f"{engine.flows}/greeting.json") as f:
        flow = json.load(f)
    flow["id"]["id"] = OTHER_FLOW
    flow["restrictions"] = restrictions
    with open(f"{engine.flows}/other.json", "w") as f:
        json.dump(flow, f)


def execution():
    with Engine("AU", RESTRICTIONS) as au:
        refused(au.initialize(tenant=EU_TENANT), 421, ELSEWHERE)
        same("nothing is kept", states_of(au), 0)
        same("others run", au.initialize().status, 200)
    with Engine("GB", RESTRICTIONS) as gb:
        began = gb.initialize(tenant=EU_TENANT)
        same("in Europe", began.status, 200)


def access():
    with Engine("GB", RESTRICTIONS) as gb:
        for country, continent in [("CH", "EU"), ("", ""), ("", "AF"),
                                   ("XX", "AF")]:
            refused(gb.initialize(tenant=SZ_TENANT,
                                  fields=place(country, continent)), 403,
                    NO_ACCESS)
        refused(gb.initialize(tenant=SZ_TENANT), 403, NO_ACCESS)
        began = gb.initialize(tenant=SZ_TENANT, fields=place("SZ", "AF"))
        same("from Eswatini", began.status, 200)
        # Each later call is asked again: the user may have moved.
        path = f"/api/run/1/state/{began.json['stateId']}"
        ping = f"{path}/ping/{began.json['stateToken']}"
        for target in (path, ping):
            refused(gb.ask("GET", target, tenant=SZ_TENANT,
                           fields=place("CH", "EU")), 403, NO_ACCESS)
        refused(gb.invoke(began.json, tenant=SZ_TENANT,
                          fields=place("CH", "EU")), 403, NO_ACCESS)
        same("goes on", gb.invoke(began.json, tenant=SZ_TENANT,
                                  fields=place("SZ", "AF")).status, 200)


def in_the_snapshot():
    engine = Engine("AU")
    restrict_snapshot(engine, {"execution": {
        "enabled": True, "countries": ["GB"], "continents": []}})
    with engine:
        refused(engine.initialize(OTHER_FLOW), 421, ELSEWHERE)
        same("the other flow", engine.initialize(tenant=TENANT).status, 200)
    engine = Engine("GB")
    restrict_snapshot(engine, {"access": {"enabled": True, "countries": None,
                                          "continents": ["af"]}})
    with engine:
        refused(engine.initialize(OTHER_FLOW, fields=place("CH", "EU")), 403,
                NO_ACCESS)
        same("from Africa", engine.initialize(
            OTHER_FLOW, fields=place("KE", "AF")).status, 200)


@story
def main():
    execution()
    access()
    in_the_snapshot()
