#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A region is added to others that have states: it gets all of them but those
that it may not have.  Whatever interrupts that, a killed command or a killed
server, the same command again ends it.  Two regions may begin at the same
moment.  Removing leaves no slot that would hold up a log for ever, and the
region may come back."""
import json
import signal

from lib import same, story, truth, wait_for
from lib.mesh import Mesh, at_once

MANY, BOUND = 3000, 500
SLOT = "gb_from_us"


def slots(mesh, region):
    return mesh.ask(region, "select slot_name from pg_replication_slots "
                    "order by 1").split()


def bit(mesh, region):
    return int(mesh.ask(region, "select bit from flow.region where code = "
                        f"'{region}'"))


def has_its_share(mesh):
    """GB has of US' states the free ones, and verify says so."""
    wait_for("GB follows", lambda: mesh.pairs("GB")[SLOT, "in"]["good"], 30)
    wait_for("GB has what it may", lambda: len(mesh.rows("GB", "US")) == MANY,
             30)
    out, _ = mesh.store("US", "verify", "--json", "--wait", 20, admin=False)
    (verdict,) = json.loads(out)
    same("verified", (verdict["copies"], verdict["outside"]), (MANY, 0))


def interrupted_before_the_subscription(mesh):
    """The slot was made, and nobody has the subscription to it."""
    mesh.ask("US", f"select pg_create_logical_replication_slot('{SLOT}', "
             "'pgoutput')")
    mesh.follow("GB", "US")


def interrupted_before_the_copy(mesh):
    """There is a subscription, and nothing of it goes on."""
    way = mesh.ways["US"].conninfo("flow", "repl_gb")
    mesh.ask("GB", f"create subscription {SLOT} connection '{way}' "
             f"publication us_to_gb, pub_meta with (slot_name = '{SLOT}', "
             "binary = true, enabled = false)")
    mesh.follow("GB", "US")


def interrupted_while_clearing(mesh):
    way = mesh.ways["US"].conninfo("flow", "repl_gb")
    mesh.ask("GB", "set client_min_messages = error; create subscription "
             f"{SLOT} connection '{way}' publication us_to_gb with (connect "
             f"= false, slot_name = '{SLOT}')")
    mesh.follow("GB", "US")


def interrupted_in_the_copy(mesh):
    """The server dies over it; it goes on by itself, and the command again
    does no harm."""
    mesh.follow("GB", "US")
    mesh.ways["US"].passes.clear()      # so that it is not done before
    mesh.servers["GB"].end(signal.SIGQUIT)
    mesh.ways["US"].passes.set()
    mesh.servers["GB"].start()
    mesh.follow("GB", "US")


def removed(mesh):
    mesh.store("GB", "region", "remove", "US")
    same("no slot is left", slots(mesh, "US"), [])
    same("what was copied stays", len(mesh.rows("GB", "US")), MANY)
    _, err = mesh.store("GB", "region", "remove", "US", expect=1)
    truth(err, "not subscribed" in err)
    trouble = {name: p["trouble"] for (name, _), p in mesh.pairs("US").items()}
    truth(trouble, "has no slot here" in trouble[SLOT])


def interrupted_in_removing(mesh):
    """The slot went, the subscription did not."""
    mesh.follow("GB", "US")
    has_its_share(mesh)
    mesh.ask("GB", f"alter subscription {SLOT} disable")
    wait_for("the slot is free", lambda: mesh.ask(
        "US", "select active from pg_replication_slots") == "f", 20)
    mesh.ask("US", f"select pg_drop_replication_slot('{SLOT}')")
    mesh.store("GB", "region", "remove", "US")


def gone_for_good(mesh):
    """US' server does not come back: GB forgets it, and its slot."""
    at_once(lambda pair: mesh.follow(*pair), [("GB", "US"), ("US", "GB")])
    has_its_share(mesh)
    wait_for("US has copied", lambda: mesh.ask(
        "US", "select count(*) from pg_subscription_rel where srsubstate "
        "<> 'r'") == "0", 20)
    mesh.servers["US"].end(signal.SIGQUIT)
    _, err = mesh.store("GB", "region", "remove", "US", expect=1)
    truth(err, "could not connect" in err)
    mesh.store("GB", "region", "remove", "US", "--forget")
    same("no slot of it", slots(mesh, "GB"), [])
    same("no subscription to it", mesh.ask(
        "GB", "select count(*) from pg_subscription"), "0")


@story
def main():
    with Mesh(["US", "GB"]) as mesh:
        mesh.fill("US", MANY, size=2000)
        mesh.fill("US", BOUND, allowed=bit(mesh, "US"))
        for how in (interrupted_before_the_subscription,
                    interrupted_before_the_copy, interrupted_while_clearing,
                    interrupted_in_the_copy):
            how(mesh)
            has_its_share(mesh)
            removed(mesh)
        interrupted_in_removing(mesh)
        gone_for_good(mesh)
