#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A network of the region map has an owner and a reason: who asks why a client
goes where it goes, or why an expectation fails, is told both."""
import json
import os
import tempfile

from lib import portolan, same, story, truth
from lib.addresses import DATA

with open(os.path.join(DATA, "region-map-3.yaml")) as f:
    MAP = f.read() + """
networks:
  10.0.0.0/8: {region: GB, reason: the offices, owner: noc}
  10.9.0.0/16: {country: FR, owner: Ren\u00e9e}
  10.8.0.0/16: AU
"""
CONFIG = """region: US
main_region: US
regions: regions.yaml
listeners: [{name: plain, address: 127.0.0.1:8080}]
hosts: {global: [flow.example.com]}
client_address: {trusted: []}
geo: {expectations: expectations.yaml}
policy: {restrictions: restrictions.yaml}
engines: {embedded: 1}
run_dir: run
"""


def explained(config, ip):
    out, _ = portolan("explain", "-c", config, "--ip", ip)
    told = json.loads(portolan("explain", "-c", config, "--ip", ip,
                               "--json")[0])["map"]
    return [line for line in out.splitlines() if line.startswith("network ")], \
        (told.get("owner"), told.get("reason"))


@story
def main():
    with tempfile.TemporaryDirectory() as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        config = os.path.join(folder, "portolan.yaml")
        write("portolan.yaml", CONFIG)
        write("regions.yaml", MAP)
        write("restrictions.yaml", "version: 1\ntenants: {}\n")
        write("expectations.yaml", "version: 1\nexpect:\n  10.1.2.3: US\n")

        same("both", explained(config, "10.1.2.3"),
             (["network     owner noc: the offices"], ("noc", "the offices")))
        same("one", explained(config, "10.9.2.3"),
             (["network     owner Ren\u00e9e"], ("Ren\u00e9e", None)))
        same("neither", explained(config, "10.8.2.3"), ([], (None, None)))
        same("no network", explained(config, "8.8.8.8"), ([], (None, None)))

        out, _ = portolan("map", "test", "-c", config, expect=1)
        truth(out, ":3:3: expect.10.1.2.3: expected region US, but 10.1.2.3 "
              "goes to GB by network" in out)
        truth(out, out.splitlines()[0].endswith("(owner: noc)"))
        truth(out, "nothing is expected of 10.9.0.0/16 (owner: Ren\u00e9e)\n"
              in out)
        truth(out, "nothing is expected of 10.8.0.0/16\n" in out)
        told = json.loads(portolan("map", "test", "-c", config, "--json",
                                   expect=1)[0])
        same("owner of the failure", told["failures"][0]["owner"], "noc")
        same("owners", [r.get("owner") for r in told["untried"][-2:]],
             ["Ren\u00e9e", None])
