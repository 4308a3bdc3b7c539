#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""London is lost, and somebody writes into the region map that Sydney succeeds
it: London's states go on there.  When London's server comes back nothing is
written on it; what nobody had seen is taken over late, and what London had
saved of a state that went on in Sydney is a conflict, told of everywhere, that
an operator ends.  Then London is a region like the others again."""
import json
import signal
import subprocess

from lib import same, story, truth, wait_for
from lib.command import PROGRAM
from lib.engine import AGE_INPUT, NAME_INPUT, invoke_body
from lib.mesh import Mesh, ask, begin, give_map, with_successor

LATE = "Slartibartfast"                 # what Sydney never saw


def good(*args, **how):
    answer = ask(*args, **how)
    same(f"{args[2]} {args[3]}: {answer.body}", answer.status, 200)
    return json.loads(answer.body)


def typed(page, name):
    return invoke_body(page, "SYNC", inputs={
        NAME_INPUT: name, AGE_INPUT: "36"})


def go_on(mesh, region, path, name):
    """Somebody there opens the run, and types."""
    page = good(mesh.platform[region], region, "GET", path)
    return good(mesh.platform[region], region, "POST", path,
                typed(page, name))


def stands(mesh, region, path):
    """Home, epoch and version of the latest that is known there."""
    return mesh.ask(region, "select home, epoch, version from flow.state "
                    f"where id = '{path.split('/')[-1]}' order by epoch desc "
                    "limit 1")


def told(mesh, region, path, what):
    wait_for(f"{region} knows {what} of {path}",
             lambda: stands(mesh, region, path) == what, 30)


def standing(mesh, region):
    _, out, _ = mesh.store(region, "status", "--json", admin=False,
                           expect=None)
    return json.loads(out)


def succeed(mesh, successor):
    with open(mesh.platform.path("regions.yaml")) as f:
        text = with_successor(f.read(), ["AU"] if successor else [])
    give_map(mesh, mesh.regions, text)


def lose(mesh):
    """Three runs of London's: one that all know, one that went on, and one
    that began, when nobody heard of London any more."""
    edge = mesh.platform["GB"]
    seen, _ = begin(edge, "GB")
    forked, page = begin(edge, "GB")
    for path in (seen, forked):
        told(mesh, "AU", path, "GB|1|2")
    for region in ("US", "AU"):
        mesh.hears(region, "GB", False)
    good(edge, "GB", "POST", forked, typed(page, LATE))
    unseen, _ = begin(edge, "GB")
    mesh.servers["GB"].end(signal.SIGQUIT)
    return seen, forked, unseen


def taken_over(mesh, seen, forked):
    succeed(mesh, True)
    for path in (seen, forked):
        told(mesh, "AU", path, "AU|10100000|2")
        go_on(mesh, "AU", path, "Sydney")
        same("goes on", stands(mesh, "AU", path), "AU|10100000|3")
        told(mesh, "US", path, "AU|10100000|3")
    mesh.platform["AU"].says("of the lost region GB are at home here now")


def back(mesh, forked, unseen):
    mesh.servers["GB"].start()
    wait_for("nothing is written in GB", lambda: standing(
        mesh, "GB")["successor"] == "AU", 30)
    for region in ("US", "AU"):
        mesh.hears(region, "GB", True)
    told(mesh, "AU", unseen, "AU|10100000|2")
    wait_for("all is taken", lambda: (
        lambda s: (s["waiting"], s["states"], s["conflicts"]) == (0, 0, 1))(
            standing(mesh, "GB")), 30)
    wait_for("readyz tells", lambda: "[-] conflicts of 1 states" in
             mesh.platform["GB"].admin("/readyz?verbose").body.decode(), 30)
    wait_for("metrics tell", lambda: mesh.platform["GB"].metric(
        "portolan_store_conflicts") == 1, 30)
    mesh.platform["GB"].says("portolan store conflicts")
    go_on(mesh, "AU", unseen, "Sydney")
    same("the other goes on meanwhile", stands(mesh, "GB", forked),
         "AU|10100000|3")


def ended(mesh, forked):
    out, _ = mesh.store("GB", "conflicts", "list", "--json", expect=1)
    (conflict,) = json.loads(out)
    same("which", conflict["id"], forked.split("/")[-1])
    same("what was saved in GB", conflict["token"], "1.3")
    same("and in AU", (conflict["winner"]["region"],
                       conflict["winner"]["token"]), ("AU", "10100000.2"))
    number = str(conflict["number"])
    out, _ = mesh.store("GB", "conflicts", "show", number)
    truth(out, "went on in AU" in out)
    for whose, has in (("here", True), ("winner", False)):
        body = subprocess.run([
            PROGRAM, "store", "conflicts", "show", number, "--body", whose,
            "-c", mesh.config("GB"), "--admin", mesh.admin("GB")],
            check=True, capture_output=True).stdout
        same(f"typed in what was saved: {whose}", LATE.encode() in body, has)
    mesh.store("GB", "conflicts", "keep", number)
    same("it is the next version", stands(mesh, "AU", forked),
         "AU|10100000|4")
    page = good(mesh.platform["AU"], "AU", "GET", forked)
    truth("with what was typed", LATE in json.dumps(page))
    out, _ = mesh.store("GB", "conflicts", "list")
    same("no more", out, "there is no conflict\n")
    _, err = mesh.store("GB", "conflicts", "drop", number, expect=1)
    truth(err, "there is no conflict with the number" in err)


def one_of_them_again(mesh, seen):
    _, err = mesh.store("GB", "region", "return", expect=1)
    truth(err, "take the key 'successor' out" in err)
    succeed(mesh, False)
    mesh.store("GB", "region", "return")
    same("nothing is left", standing(mesh, "GB"), {
        "region": "GB", "states": 0, "moving": 0, "conflicts": 0,
        "successor": "", "waiting": 0})
    wait_for("GB is ready", lambda: mesh.platform["GB"].admin(
        "/readyz").status == 200 and ask(
            mesh.platform["GB"], "GB", "GET", seen).status == 200, 30)
    go_on(mesh, "GB", seen, "London")
    same("at home in GB again", stands(mesh, "GB", seen), "GB|10100001|4")
    for region in mesh.regions:
        same(f"{region} holds nobody for lost", mesh.ask(
            region, "select count(*) from flow.lost"), "0")


@story
def main():
    with Mesh(["US", "GB", "AU"]) as mesh:
        mesh.join()
        with mesh.platform:
            seen, forked, unseen = lose(mesh)
            taken_over(mesh, seen, forked)
            back(mesh, forked, unseen)
            ended(mesh, forked)
            one_of_them_again(mesh, seen)
