#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Flows, tenants and restrictions are written in the main region and come to
the others by replication: their engines are woken as it arrives, and their
edges know of a restriction within a second of that.  Without being woken (a
notice may be lost) they find it by looking."""
import json
import time

from lib import portolan, same, story, truth, wait_for
from lib.engine import FLOW, TENANT
from lib.mesh import Mesh
from lib.story import SCALE

PATH = f"/api/run/1/flow/{FLOW}/x/customPageComponents"
CHANGES = 6


def newest(mesh, region):
    return mesh.ask(region, "select rev from flow.meta_rev")


class Builder:
    def __init__(self, mesh):
        made, _ = portolan("apikey", "create", "-c", mesh.config("US"),
                           "--tenant", TENANT)
        self.mesh, self.fields = mesh, [
            ("ManyWhoTenant", TENANT), ("Content-Type", "application/json"),
            ("x-boomi-flow-api-key", made.strip())]

    def is_known(self):
        return self.mesh.platform["US"].ask(
            "GET", "/api/admin/1/tenant", self.fields).status == 200

    def restrict(self, country):
        answer = self.mesh.platform["US"].ask(
            "POST", "/api/draw/1/flow", self.fields, json.dumps({
                "id": {"id": FLOW}, "developerName": "Greeting",
                "restrictions": {"access": {"enabled": True, "countries": [
                    country]}}}).encode())
        same(f"restricted: {answer.body}", answer.status, 200)


def arrives(mesh, builder, country):
    """Seconds from its commit in GB to where GB's edge knows."""
    builder.restrict(country)
    revision = newest(mesh, "US")
    wait_for("it is in GB's server", lambda: newest(mesh, "GB") == revision,
             20)
    began = time.monotonic()
    # A Frenchman is let in or kept out.
    wait_for("GB's edge knows", lambda: mesh.platform["GB"].ask(
        "GET", PATH, [("ManyWhoTenant", TENANT)], of="FR").status ==
        (200 if country == "FR" else 403), 20)
    return time.monotonic() - began


@story
def main():
    with Mesh(["US", "GB"]) as mesh:
        mesh.platform.settings["policy"] = {"source": "engines",
                                            "restrictions": None}
        mesh.join()
        builder = Builder(mesh)
        with mesh.platform:
            wait_for("the key is known", builder.is_known, 20)
            took = [arrives(mesh, builder, ("SZ", "FR")[i % 2])
                    for i in range(CHANGES)]
            print("known after", [f"{s:.2f}" for s in took])
            truth("within a second", min(took) < 1 * SCALE)
            mesh.ask("GB", "alter table flow.meta_rev disable trigger note")
            arrives(mesh, builder, "SZ")
            arrives(mesh, builder, "FR")
