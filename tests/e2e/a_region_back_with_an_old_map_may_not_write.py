#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""London is lost, Sydney has taken over, and London comes back with the map of
before, in which it is not lost.  While it can ask nobody it serves no state,
and says why; when it can, it hears that it was given over, though nobody
reaches it, and its own server refuses what anybody writes."""
import json
import signal

from lib import same, story, truth, wait_for
from lib.engine import AGE_INPUT, NAME_INPUT, invoke_body
from lib.mesh import Mesh, ask, begin, give_map, with_successor
from lib.platform import GLOBAL_HOST
from lib.story import Failed

LATE = "Slartibartfast"
WRITE = "update flow.state_gb set version = version + 1"


def types(mesh, path, page):
    """What London answers to somebody who types, and asks no other."""
    return ask(mesh.platform["GB"], "GB", "POST", path, invoke_body(
        page, "SYNC", inputs={NAME_INPUT: LATE, AGE_INPUT: "36"}),
        host=f"gb.{GLOBAL_HOST}").status


def stands(mesh, region, path):
    return mesh.ask(region, "select home, epoch, version from flow.state "
                    f"where id = '{path.split('/')[-1]}' order by epoch desc "
                    "limit 1")


def refused(mesh, sql):
    """By the server, to an engine."""
    try:
        mesh.ask("GB", f"set role flow_engine; {sql}")
    except Failed as e:
        return str(e)
    raise Failed("it was written")


def cut(mesh, regions, yes):
    """From whoever asks these regions' servers."""
    for region in regions:
        (mesh.ways[region].passes.clear if yes else
         mesh.ways[region].passes.set)()


def lose(mesh):
    path, page = begin(mesh.platform["GB"], "GB")
    wait_for("all know of it", lambda: all(
        stands(mesh, r, path) == "GB|1|2" for r in mesh.regions), 30)
    mesh.servers["GB"].end(signal.SIGQUIT)
    with open(mesh.platform.path("regions.yaml")) as f:
        give_map(mesh, ["US", "AU"], with_successor(f.read(), ["AU"]))
    wait_for("Sydney has it", lambda: stands(
        mesh, "AU", path) == "AU|10100000|2", 60)
    return path, page


def alone(mesh, path, page):
    """It reaches nobody, nobody reaches it."""
    cut(mesh, mesh.regions, True)
    mesh.servers["GB"].start()
    wait_for("it says so", lambda: "no other region can be asked whether" in
             mesh.platform["GB"].admin("/readyz?verbose").body.decode(), 60)
    same("nothing is served", types(mesh, path, page), 503)
    truth("nor written", "PT005" in refused(mesh, WRITE) or
          "no other region has said" in refused(mesh, WRITE))
    same("as it was", stands(mesh, "GB", path), "GB|1|2")


def told(mesh, path, page):
    """It reaches the others, who do not reach it."""
    cut(mesh, ["US", "AU"], False)
    wait_for("it has heard", lambda: mesh.ask(
        "GB", "select successor from flow.here") == "AU", 60)
    wait_for("it says so", lambda: "given over to AU" in
             mesh.platform["GB"].admin("/readyz?verbose").body.decode(), 60)
    truth("nobody writes", "permission denied" in refused(mesh, WRITE))
    same("not even so", mesh.ask("GB", "select count(*) from flow.state where"
                                 " home = 'GB' and version > 2"), "0")


def well(mesh, path):
    cut(mesh, ["GB"], False)
    wait_for("it has given way", lambda: stands(
        mesh, "GB", path) == "AU|10100000|2" and mesh.ask(
            "GB", "select count(*) from flow.state_gb") == "0", 60)
    same("nothing was lost, nothing made twice", mesh.ask(
        "GB", "select count(*) from flow.state_conflict"), "0")
    answer = ask(mesh.platform["AU"], "AU", "GET", path)
    truth("it goes on in Sydney", answer.status == 200 and
          LATE not in json.dumps(json.loads(answer.body)))


@story
def main():
    with Mesh(["US", "GB", "AU"]) as mesh:
        with open(mesh.platform.path("regions.yaml")) as f:
            mesh.platform.write("regions-of-before.yaml", f.read())
        mesh.platform.settings_of["GB"]["regions"] = "regions-of-before.yaml"
        mesh.join()
        with mesh.platform:
            path, page = lose(mesh)
            alone(mesh, path, page)
            told(mesh, path, page)
            well(mesh, path)
