#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A restriction that is narrowed takes the copies away which other regions have
of a flow's states, and from then on not a byte of these goes there; widened, it
sends them whole, large ones too.  `store verify` says that it is so, and finds
a copy that is where it may not be."""
import json

from lib import same, story, truth, wait_for
from lib.mesh import Mesh, begin
from lib.sets import restrict, say

BEFORE, AFTER = "Zaphod", "Trillian"    # what people type
OTHER_FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c99"
LARGE = 5                               # states of 100 KB besides


def holds(mesh, region, state, name):
    return mesh.ask(region, f"select position(convert_to('{name}', 'UTF8') in "
                    f"body) > 0 from flow.state where id = '{state}'") == "t"


def verify(mesh, expect=0, wait=20):
    out, _ = mesh.store("GB", "verify", "--json", "--wait", wait, admin=False,
                        expect=expect)
    (verdict,) = json.loads(out)
    return verdict


def narrowed(mesh, path, state):
    wire = mesh.ways["GB"]
    restrict(mesh, "GB")
    wait_for("US has none of them any more", lambda: not mesh.rows(
        "US", "GB"), 20)
    same("verified", verify(mesh)["copies"], 0)
    same("GB has all", len(mesh.rows("GB", "GB")), LARGE + 1)
    # The last of it on the wire was that it is to be deleted.
    at = len(wire.sent)
    say(mesh, "GB", path, AFTER)
    # A free flow's shows that all has come.
    mesh.fill("GB", 1, flow=OTHER_FLOW)
    wait_for("what is free goes on", lambda: len(mesh.rows("US", "GB")) == 1,
             20)
    sent = bytes(wire.sent[at:])
    same("its id was sent", bytes.fromhex(state.replace("-", "")) in sent,
         False)
    same("what was typed was sent", AFTER.encode() in sent, False)


def misplaced(mesh, state):
    """As if it had not been taken away."""
    mesh.ask("US", "alter table flow.state_gb drop constraint residency")
    mesh.ask("US", "insert into flow.state_gb select '" + state + "', home, "
             "allowed, epoch, version, last_op, done, moving_to, base, "
             "tenant, flow, created_ms, updated_ms, expires_ms, body from "
             "flow.state_gb limit 1")
    verdict = verify(mesh, expect=1, wait=0)
    same("found", (verdict["outside"], verdict["examples"]), (1, [state]))
    mesh.ask("US", f"delete from flow.state_gb where id = '{state}'")
    mesh.ask("US", "alter table flow.state_gb add constraint residency check "
             "(allowed & (select_bit()) <> 0)".replace(
                 "(select_bit())", mesh.ask("US", "select bit from flow.region"
                                            " where code = 'US'")))
    same("nothing any more", verify(mesh)["outside"], 0)


def widened(mesh, state):
    restrict(mesh)
    wait_for("US has all of them again", lambda: mesh.rows("US", "GB") ==
             mesh.rows("GB", "GB"), 20)
    for name in (BEFORE, AFTER):
        same(f"{name} in it", holds(mesh, "US", state, name),
             holds(mesh, "GB", state, name))
    truth("what was typed last is there", holds(mesh, "US", state, AFTER))
    sums = "select sum(length(body)), md5(string_agg(md5(body), '' order by " \
        "id)) from flow.state_gb"
    same("every byte of them", mesh.ask("US", sums), mesh.ask("GB", sums))
    same("verified", verify(mesh)["copies"], LARGE + 2)


@story
def main():
    with Mesh(["US", "GB"]) as mesh:
        mesh.join()
        with mesh.platform:
            path, _ = begin(mesh.platform["GB"], "GB")
            state = path.split("/")[-1]
            say(mesh, "GB", path, BEFORE)
            mesh.fill("GB", LARGE, size=100000)
            wait_for("US has them", lambda: mesh.rows("US", "GB") ==
                     mesh.rows("GB", "GB"), 20)
            truth("what was typed is there", holds(mesh, "US", state, BEFORE))
            truth("the tap works", BEFORE.encode() in mesh.ways["GB"].sent)
            narrowed(mesh, path, state)
            misplaced(mesh, state)
            widened(mesh, state)
