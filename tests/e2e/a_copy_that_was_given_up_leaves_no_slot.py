#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A region goes in the middle of its initial copy.  The slots of that copy,
whose names do not say whose they are, stay where it copied from, and keep the
log: `store region status` there names each with what to do, says which may
still be somebody's, and `store region remove --forget` drops them."""
import signal

from lib import same, story, truth, wait_for
from lib.mesh import Mesh

HELD = """create function public.hold() returns trigger language plpgsql as
    $$ begin perform pg_sleep(600); return new; end $$;
    create trigger hold before insert on flow.state_us for each row
    execute function public.hold();
    alter table flow.state_us enable always trigger hold"""


def slots(mesh, which=""):
    return mesh.ask("US", "select slot_name from pg_replication_slots where "
                    f"slot_name ~ '{which}'").split()


def copying(mesh):
    """GB is in the middle of it: the slot that it has for the states."""
    mesh.follow("GB", "US")
    wait_for("the other tables are copied", lambda: mesh.ask(
        "GB", "select string_agg(srrelid::regclass::text, ' ') from "
        "pg_subscription_rel where srsubstate not in ('r', 's')") ==
        "flow.state_us", 40)
    return wait_for("a slot of the copy", lambda: next(iter(
        slots(mesh, "_sync_")), None), 40)


def told(mesh, slot, words):
    def says():
        p = mesh.pairs("US").get((slot, "out"))
        return p is not None and not p["good"] and words in p["trouble"]

    wait_for(f"status says: {words}", says, 40)


def told_and_not_dropped(mesh):
    """GB is well, but could not reach US when it gave up."""
    slot = copying(mesh)
    truth("one in use is no trouble", (slot, "out") not in mesh.pairs("US"))
    mesh.ask("GB", "alter subscription gb_from_us connection 'host=/none'")
    mesh.store("GB", "region", "remove", "US", "--forget")
    told(mesh, slot, f"nobody comes for it: select pg_drop_replication_slot('"
         f"{slot}')")
    out, _ = mesh.store("US", "region", "status", admin=False, expect=1)
    truth(f"people are told, too: {out}", slot in out and "nobody" in out)
    _, err = mesh.store("US", "region", "remove", "GB", "--forget")
    truth(err, slot in err and "dropped" in err)
    same("no slot is left", slots(mesh), [])


def gone_over_it(mesh):
    """GB's server goes: it may come back for it, until it is forgotten."""
    slot = copying(mesh)
    mesh.servers["GB"].end(signal.SIGQUIT)
    told(mesh, slot, "a region that does not answer may come for it")
    mesh.store("US", "region", "remove", "GB", "--forget")
    same("no slot is left", slots(mesh), [])
    truth("nor is it told of", (slot, "out") not in mesh.pairs("US"))


@story
def main():
    with Mesh(["US", "GB"]) as mesh:
        mesh.fill("US", 20)
        mesh.ask("GB", HELD)
        told_and_not_dropped(mesh)
        gone_over_it(mesh)
