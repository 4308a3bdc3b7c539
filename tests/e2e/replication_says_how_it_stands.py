#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Replication between two regions, and all that may be wrong with it: a
subscription that is disabled, a row that cannot be applied, a slot that is
lost.  Each is named by `store region status`, by readyz, by metrics and in an
engine's log; none takes a region out of service; and it is mended by
`store region repair`, after which both have the same rows again."""
from lib import same, story, truth, wait_for
from lib.mesh import Mesh

US, GB = ("gb_from_us", "out"), ("gb_from_us", "in")    # as either sees it


def ready(mesh, region):
    answer = mesh.platform[region].admin("/readyz?verbose")
    same(f"{region} is ready all the same: {answer.body}", answer.status, 200)
    return answer.body.decode()


def told(mesh, region, pair, trouble):
    """By all who tell of it."""
    edge = mesh.platform[region]
    labels = {"pair": pair[0], "direction": pair[1]}

    def names():
        p = mesh.pairs(region)[pair]
        return not p["good"] and trouble in p["trouble"]

    wait_for(f"status of {region} says: {trouble}", names, 30)
    wait_for(f"readyz of {region} says: {trouble}", lambda: any(
        line.startswith(f"[-] replication {pair[0]}: ") and trouble in line
        for line in ready(mesh, region).splitlines()), 30)
    wait_for(f"the engine of {region} says: {trouble}", lambda: any(
        f"replication {pair[0]}: " in line and trouble in line
        for line in edge.errors().splitlines()), 30)
    wait_for(f"a metric of {region}", lambda: edge.metric(
        "portolan_replication_up", **labels) == 0, 30)


def good_again(mesh):
    mesh.wait_joined()
    for region in mesh.regions:
        wait_for(f"readyz of {region} is content", lambda r=region:
                 "[+] replication with the other regions" in ready(mesh, r),
                 30)


def numbers(mesh):
    """Lag in bytes and seconds, and the growth of what is kept."""
    edge = mesh.platform["US"]
    for name in ("lag_seconds", "behind_bytes", "kept_bytes", "room_bytes",
                 "growth_bytes", "silent_seconds"):
        same(f"{name} is told", edge.metric(f"portolan_replication_{name}",
             pair="gb_from_us", direction="out") >= 0, True)
    same("errors", edge.metric("portolan_replication_errors_total",
         pair="us_from_gb", direction="in"), 0)
    truth("the store is up", edge.metric("portolan_store_up") == 1)


def disabled(mesh):
    mesh.ask("GB", "alter subscription gb_from_us disable")
    told(mesh, "GB", GB, "disabled")
    told(mesh, "US", US, "not connected")
    mesh.fill("US", 200, size=8000)

    def behind():
        p = mesh.pairs("US")[US]
        return p["behind_bytes"] > 1000000 and p["lag_ms"] > 1000

    wait_for("bytes and seconds add up", behind, 30)
    mesh.ask("GB", "alter subscription gb_from_us enable")
    good_again(mesh)
    same("GB has the rows", mesh.rows("GB", "US"), mesh.rows("US", "US"))
    # It confirms what it has applied, and the seconds go.
    wait_for("no lag", lambda: mesh.pairs("US")[US]["lag_ms"] < 1000, 30)


def not_applied(mesh):
    """A row that GB has already, by whatever mistake."""
    mesh.ask("GB", "insert into flow.state_us select gen_random_uuid(), "
             "home, allowed, epoch, version, last_op, done, moving_to, base, "
             "tenant, flow, created_ms, updated_ms, expires_ms, body from "
             "flow.state_us limit 1")
    (odd,) = set(mesh.rows("GB", "US")) - set(mesh.rows("US", "US"))
    mesh.ask("US", "insert into flow.state_us select '" + odd + "', home, "
             "allowed, epoch, version, last_op, done, moving_to, base, "
             "tenant, flow, created_ms, updated_ms, expires_ms, body from "
             "flow.state_us limit 1")
    told(mesh, "GB", GB, "cannot be applied")
    mesh.ask("GB", f"delete from flow.state_us where id = '{odd}'")
    wait_for("the rows are the same", lambda: mesh.rows("GB", "US") ==
             mesh.rows("US", "US"), 30)


def lost(mesh):
    """GB is away while more is written than may be kept."""
    mesh.ask("GB", "alter subscription gb_from_us disable")
    mesh.ask("US", "alter system set max_slot_wal_keep_size = '2MB'")
    mesh.ask("US", "select pg_reload_conf()")

    def gone():
        mesh.fill("US", 100, size=50000)
        mesh.ask("US", "checkpoint")
        return mesh.pairs("US")[US].get("wal") == "lost"

    wait_for("the slot is lost", gone, 30)
    told(mesh, "US", US, "lost, since more of the log would have been kept "
         "for it than max_slot_wal_keep_size: all must be copied anew, by "
         "portolan store region repair US in region GB")
    mesh.ask("US", "alter system reset max_slot_wal_keep_size")
    mesh.ask("US", "select pg_reload_conf()")
    mesh.store("GB", "region", "repair", "US")
    good_again(mesh)
    same("the same rows", mesh.rows("GB", "US"), mesh.rows("US", "US"))


@story
def main():
    with Mesh(["US", "GB"]) as mesh:
        mesh.join()
        with mesh.platform:
            mesh.fill("US", 10)
            good_again(mesh)
            numbers(mesh)
            disabled(mesh)
            not_applied(mesh)
            lost(mesh)
