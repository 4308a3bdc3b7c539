#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A run that was begun in London is gone on with in Sydney, and is at home there
from then on: London's server may be killed, and the run goes on.  London comes
back and has it as Sydney saved it; nothing is lost, and of each state there is
one row at home."""
import json
import signal

from lib import same, story, wait_for
from lib.engine import (AGE_INPUT, NAME_INPUT, NEXT, WELCOME, invoke_body)
from lib.mesh import Mesh, ask, begin


def good(*args, **how):
    answer = ask(*args, **how)
    same(f"{args[2]} {args[3]}: {answer.body}", answer.status, 200)
    return json.loads(answer.body)


def typed(page, outcome=None):
    return invoke_body(page, "FORWARD" if outcome else "SYNC",
                       outcome=outcome, inputs={
                           NAME_INPUT: "Zaphod", AGE_INPUT: "36"})


def rows(mesh, region, path):
    """All that is there, the latest first."""
    return mesh.ask(region, "select home, epoch, version from flow.state "
                    f"where id = '{path.split('/')[-1]}' order by epoch "
                    "desc").splitlines()


def everywhere(mesh, path, what, regions=("US", "GB", "AU")):
    wait_for(f"{what} alone", lambda: all(
        rows(mesh, r, path) == [what] for r in regions), 30)


@story
def main():
    with Mesh(["US", "GB", "AU"]) as mesh:
        mesh.join(together=True)
        with mesh.platform:
            path, page = begin(mesh.platform["GB"], "GB")
            everywhere(mesh, path, "GB|1|2")
            sydney = mesh.platform["AU"]
            page = good(sydney, "AU", "GET", path)
            page = good(sydney, "AU", "POST", path, typed(page))
            same("at home in AU", rows(mesh, "AU", path)[0], "AU|2|3")
            everywhere(mesh, path, "AU|2|3")
            wait_for("it is counted", lambda: sydney.metric(
                "portolan_store_claims_total") == 1, 20)

            mesh.servers["GB"].end(signal.SIGQUIT)
            page = good(sydney, "AU", "POST", path, typed(page))
            same("near", rows(mesh, "AU", path)[0], "AU|2|4")
            mesh.servers["GB"].start()
            everywhere(mesh, path, "AU|2|4")
            done = good(sydney, "AU", "POST", path, typed(page, NEXT))
            same("arrived", done["currentMapElementId"], WELCOME)
            everywhere(mesh, path, "AU|2|5")
            wait_for("London has it back", lambda: ask(
                mesh.platform["GB"], "GB", "GET", path).status == 200, 30)
