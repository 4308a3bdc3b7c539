#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A restriction that changes reaches the states that are there: each row says
which regions may hold it, narrower and wider, of a flow and of a tenant, from
the API and from a file; a kill in the middle costs nothing; who is at work on
a state goes on; a state does not go into a subflow that binds it more."""
import json
import signal
import sqlite3

from lib import same, story, wait_for
from lib.engine import FLOW, TENANT, Engine, shown
from lib.keys import Builder, known, make_key

AU, GB, US, ALL, NOBODY = 1, 2, 4, -1, -1 << 63     # by the region map's order
OTHER = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"
MANY = 3000


def database(engine):
    return sqlite3.connect(f"{engine.dir}/state/state.sqlite", timeout=30)


def held_by(engine):
    """How many states may be held by which regions; another tenant's, too."""
    with database(engine) as db:
        return dict(db.execute(
            "SELECT allowed, count(*) FROM state GROUP BY allowed"))


def make_many(engine, began):
    """Copies of one state, under other ids."""
    state = bytes.fromhex(began["stateId"].replace("-", ""))
    columns = ("home, allowed, epoch, version, last_op, done, tenant, flow, "
               "created_at, updated_at, expires_at, body")
    with database(engine) as db:
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
            f"WHERE i < ?) INSERT INTO state (id, {columns}) SELECT "
            f"randomblob(16), {columns} FROM state, n WHERE id = ?",
            (MANY - 1, state))


def execution(*countries):
    return None if not countries else {
        "execution": {"enabled": True, "countries": list(countries)}}


def of_the_flow(builder, *countries):
    builder.post("/api/draw/1/flow", {
        "id": {"id": FLOW}, "developerName": "Greeting",
        "restrictions": execution(*countries)})


def of_the_tenant(builder, *countries):
    builder.post("/api/admin/1/tenant", {"restrictions": {
        "flowRestrictions": execution(*countries)}})


def follow(engine, what, allowed):
    wait_for(f"{what}: {held_by(engine)}",
             lambda: held_by(engine) == ({ALL: MANY + 1} if allowed == ALL
                                         else {allowed: MANY, ALL: 1}), 20)


def by_the_file(engine, *countries):
    with open(f"{engine.dir}/restrictions.yaml", "w") as f:
        json.dump({"version": "1", "tenants": {TENANT: {"flows": {FLOW: {
            "restrictions": execution(*countries) or {}}}}}}, f)
    engine.process.send_signal(signal.SIGHUP)


def states_follow():
    with Engine("US", restrictions={}) as engine:
        key = make_key(engine, TENANT)["key"]
        known(engine, key, TENANT)
        builder = Builder(engine, key, TENANT)
        began = engine.initialize().json
        make_many(engine, began)
        engine.initialize(tenant=OTHER)
        of_the_flow(builder, "US", "GB")
        follow(engine, "narrower", US | GB)
        same("who is at work goes on", engine.invoke(began).status, 200)
        of_the_tenant(builder, "US", "AU")
        follow(engine, "both bind", US)
        by_the_file(engine, "AU", "US")
        of_the_tenant(builder)
        of_the_flow(builder)
        follow(engine, "the file's", US | AU)
        by_the_file(engine)
        follow(engine, "wider", ALL)

        of_the_flow(builder, "GB")
        engine.kill()                   # wherever it is
        engine.start()
        follow(engine, "gone on with", GB)
        same("not here", engine.invoke(began).status, 421)
        of_the_tenant(builder, "AU")
        follow(engine, "nobody", NOBODY)
        of_the_tenant(builder)
        of_the_flow(builder)
        follow(engine, "free again", ALL)


def guid(number):
    return f"00000000-0000-0000-0000-{number:>012}"


def flow(number, element, **more):
    return {"id": {"id": guid(number), "versionId": guid(number + 1000)},
            "developerName": f"Flow {number}", "startMapElementId": guid(10),
            "mapElements": [
                {"id": guid(10), "elementType": "START", "outcomes": [
                    {"id": guid(11), "nextMapElementId": guid(20)}]},
                {"id": guid(20), **element}], **more}


def not_into_a_narrower_one():
    inner = {"elementType": "step", "userContent": "inside"}
    outer = {"elementType": "SUBFLOW", "subflow": {
        "flowId": {"id": guid(2), "versionId": None}, "arguments": []}}
    with Engine("GB", flows=[
            flow(1, outer), flow(2, inner, restrictions=execution("GB")),
            flow(3, outer, restrictions=execution("GB"))]) as engine:
        refused = engine.invoke(engine.initialize(guid(1)).json)
        same("from one that goes everywhere", refused.status, 403)
        same("it says why", "fewer regions" in refused.json, True)
        same("from one that is as narrow", shown(engine.invoke(
            engine.initialize(guid(3)).json)), "inside")


@story
def main():
    states_follow()
    not_into_a_narrower_one()
