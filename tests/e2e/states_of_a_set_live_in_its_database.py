#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Regions of different operators have a database for each set of regions.  A
state that two of three may have is in the database of these two: no other
database and no other server holds a byte of it, and the third cannot connect.
When its regions change it moves to where it belongs, and goes on there."""
import json

from lib import Failed, same, story, truth, wait_for
from lib.mesh import Mesh
from lib.sets import begin_in, in_files, restrict, say, where

MARK = "Eccentrica"                     # what people type
SET = "flow_eu_gb"


def of_database(server, database):
    oid = server.ask("postgres", "select oid from pg_database where datname "
                     f"= '{database}'")
    return f"base/{oid}/*"


def nobody_else_has_a_byte(mesh, state):
    words = MARK.encode(), bytes.fromhex(state.replace("-", ""))
    for region in ("GB", "EU"):
        server = mesh.servers[region]
        truth(f"it is found in {region}", in_files(
            server, of_database(server, SET), words[1]))
        for database in server.databases:
            same(f"in {database} of {region}", database != SET and in_files(
                server, of_database(server, database), *words), False)
    # Not what was replicated to it, either: its log has all that.
    same("in US", in_files(mesh.servers["US"], "**/*", *words), False)


def may_connect(server, database, user):
    try:
        server._run("psql", "-X", "-q", "-At", "-d", server.conninfo(
            database, user), "-c", "select 1")
    except Failed as e:
        truth(e, "permission denied for database" in str(e))
        return False
    return True


def outsiders_cannot_connect(mesh):
    for region in ("GB", "EU"):
        server = mesh.servers[region]
        for user in ("repl_us", "engine_us"):
            same(f"{user} in {region}", may_connect(server, SET, user), False)
            truth("and to the others' database", may_connect(
                server, "flow", user))
    truth("who is of the set may", may_connect(mesh.servers["GB"], SET,
                                               "repl_eu"))


def the_check_finds_an_open_door(mesh):
    mesh.store("GB", "check", admin=False)
    mesh.ask("GB", f"grant connect on database {SET} to public")
    _, err = mesh.store("GB", "check", admin=False, expect=1)
    truth(err, f'REVOKE CONNECT ON DATABASE "{SET}" FROM PUBLIC' in err)
    truth(err, "pg_hba.conf" in err)
    mesh.store("GB", "init")
    mesh.store("GB", "check", admin=False)


def a_spy_is_cut_off(mesh):
    """The watchdog is in each database."""
    server = mesh.servers["GB"]
    try:
        server.ask(SET, "select pg_create_logical_replication_slot('spy', "
                   "'test_decoding')")
    except Failed as e:                 # while it was made, which takes time
        truth(f"cut off: {e}", "administrator command" in str(e))
    wait_for("its slot is gone", lambda: server.ask(
        SET, "select count(*) from pg_replication_slots where slot_name = "
        "'spy'") == "0", 40)


def verified(mesh):
    for region in mesh.regions:
        out, _ = mesh.store(region, "verify", "--json", "--wait", 30,
                            admin=False)
        sets = [(v["region"], v.get("set")) for v in json.loads(out)]
        same(f"{region} compares what it shares", ("EU", "eu_gb") in sets,
             region == "GB")


@story
def main():
    with Mesh(["US", "GB", "EU"],
              sets=["US", "GB", "EU", "EU GB"]) as mesh:
        the_check_finds_an_open_door(mesh)
        mesh.join()
        same("their pairs", {name for name, _ in mesh.pairs("GB")
                             if "_in_" in name},
             {"gb_from_eu_in_eu_gb", "eu_from_gb_in_eu_gb"})
        outsiders_cannot_connect(mesh)
        with mesh.platform:
            restrict(mesh, "GB", "DE")
            wait_for("the restriction is in force",
                     lambda: begin_in(mesh, "GB", SET), 60)
            # That one may have begun elsewhere.
            path, state = begin_in(mesh, "GB", SET)
            say(mesh, "GB", path, MARK)
            both = {("GB", SET): "GB", ("EU", SET): "GB"}
            wait_for("both have it", lambda: where(mesh, state) == both, 60)
            nobody_else_has_a_byte(mesh, state)

            # The other one of the set goes on with it.
            say(mesh, "EU", path, MARK)
            both = {("GB", SET): "EU", ("EU", SET): "EU"}
            wait_for("both know", lambda: where(mesh, state) == both, 60)
            nobody_else_has_a_byte(mesh, state)

            a_spy_is_cut_off(mesh)

            # For GB alone: it is fetched from the set's database.
            restrict(mesh, "GB")
            alone = {("GB", "flow_gb"): "GB"}
            wait_for("it is in GB's", lambda: where(mesh, state) == alone, 60)
            say(mesh, "GB", path, MARK)

            # For all: in the database that all have.
            restrict(mesh)
            everywhere = {(r, "flow"): "GB" for r in mesh.regions}
            wait_for("it is everywhere", lambda: where(mesh, state) ==
                     everywhere, 60)
            say(mesh, "US", path, MARK)
            verified(mesh)
