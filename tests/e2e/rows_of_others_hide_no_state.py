#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Two sets of regions overlap in GB, which has a database with US and one with
EU.  US puts a row of a state that it may not have into the one that it shares,
which GB would ask first: the state goes on as it is, whether the operators' file
or its snapshot says that its flow is for GB and EU."""
import json
import os
import tempfile

from lib import same, story, wait_for
from lib.addresses import ROOT
from lib.engine import FLOW, TENANT
from lib.mesh import Mesh
from lib.sets import begin_in, restrict, say, where

OWN, SHARED = "flow_eu_gb", "flow_gb_us"
OTHER_FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c21"


def flows_in(directory):
    """The same flow twice, once with restrictions of its own."""
    with open(f"{ROOT}/conf/flows/greeting.json") as f:
        flow = json.load(f)
    for name, own in (FLOW, None), (OTHER_FLOW, {"execution": {
            "enabled": True, "countries": ["GB", "DE"]}}):
        flow["id"]["id"], flow["restrictions"] = name, own
        with open(f"{directory}/{name}.json", "w") as f:
            json.dump(flow, f)
    os.chmod(directory, 0o755)
    return directory


def put_there(mesh, state, flow):
    """As US says it, of a later turn than any."""
    mesh.servers["US"].ask(SHARED, f"""insert into flow.state_us (id, home,
        allowed, epoch, version, done, base, tenant, flow, created_ms,
        updated_ms, expires_ms, body) values ('{state}', 'US', -1, 20000000, 9,
        false, 9, '{TENANT}', '{flow}', 1, 1, 0, 'made up')""")
    wait_for("GB has it", lambda: where(mesh, state).get(("GB", SHARED)) ==
             "US", 60)


def version(mesh, state):
    return int(mesh.servers["GB"].ask(OWN, "select version from flow.state "
                                      f"where id = '{state}'"))


@story
def main():
    with tempfile.TemporaryDirectory() as directory, Mesh(
            ["US", "GB", "EU"], flows=flows_in(directory),
            sets=["US", "GB", "EU", "GB US", "EU GB"]) as mesh:
        mesh.join()
        with mesh.platform:
            restrict(mesh, "GB", "DE")
            for flow in FLOW, OTHER_FLOW:
                path, state = wait_for(
                    "the restriction is in force", lambda f=flow: begin_in(
                        mesh, "GB", OWN, flow=f), 60)
                put_there(mesh, state, flow)
                before = version(mesh, state)
                say(mesh, "GB", path, "Ford")
                same("saved twice", version(mesh, state), before + 2)
                same("and nothing there", mesh.servers["US"].ask(
                    SHARED, "select version from flow.state where id = "
                    f"'{state}'"), "9")
