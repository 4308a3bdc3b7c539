#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An edge that crashes while its files are broken (all of them: configuration,
map, restrictions, database) comes back with the copies of those that were in
service, under the same restrictions, says so, and takes the files again when
they are mended.  At the first start nothing of the kind happens."""
import os
import shutil
import signal
import stat

from lib import Platform, same, story, truth, wait_for
from lib.addresses import WORLD

from crashed_processes_come_back import process_of

TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
FORBIDS = {"tenants": {TENANT: {"restrictions": {"flowRestrictions": {
    "access": {"enabled": True, "countries": ["FR"]}}}}}}


@story
def main():
    platform = Platform(restrictions=FORBIDS, settings={
        "policy": {"restrictions": "restrictions.yaml",
                   "max_staleness": "5m"}})
    edge = platform["US"]
    platform.database = shutil.copy(platform.database,
                                    platform.path("country.mmdb"))
    copies = os.path.join(edge.run_dir, "last-good")

    def ask(country):
        return edge.get("/api/run/1/x", [("ManyWhoTenant", TENANT)],
                        of=country).status

    def crash():
        before = process_of(edge, "edge")
        os.kill(before, signal.SIGKILL)
        wait_for("another edge",
                 lambda: process_of(edge, "edge") != before)
        edge.wait_ready()

    with platform:
        same("before", (ask("FR"), ask("GB")), (200, 403))
        wait_for("copies", lambda: os.path.exists(
            os.path.join(copies, "list")))
        kinds = {name.split("-")[0] for name in os.listdir(copies)}
        same("of", kinds, {"list", "portolan", "regions", "restrictions",
                           "database"})
        for path in [copies] + [os.path.join(copies, name)
                                for name in os.listdir(copies)]:
            same(f"{path}: for others", stat.S_IMODE(os.stat(path).st_mode)
                 & 0o077, 0)

        whole = {}
        for name in ("US.yaml", "regions.yaml", "restrictions.yaml"):
            with open(platform.path(name)) as f:
                whole[name] = f.read()
            platform.write(name, "version: 1\nnonsense: [\n")
        with open(platform.path("country.mmdb"), "r+b") as f:
            f.truncate(1000)
        crash()
        same("after a crash", (ask("FR"), ask("GB")), (200, 403))
        edge.says("the copies of those that were in service")
        same("no good reload", edge.metric(
            "portolan_config_last_reload_successful"), 0)
        truth("for people, too", "[-] configuration" in edge.admin(
            "/readyz?verbose").body.decode())
        crash()
        same("and again", (ask("FR"), ask("GB")), (200, 403))

        for name, text in whole.items():
            platform.write(name, text)
        shutil.copy(WORLD, platform.path("country.mmdb.new"))
        os.rename(platform.path("country.mmdb.new"),
                  platform.path("country.mmdb"))
        wait_for("the files are taken again", lambda: edge.metric(
            "portolan_config_last_reload_successful") == 1)
        same("mended", (ask("FR"), ask("GB")), (200, 403))

        edge.stop()
        platform.write("restrictions.yaml", "nonsense: [\n")
        edge.start()
        truth("a first start is refused", edge.process.wait(20) != 0)
        platform.write("restrictions.yaml", whole["restrictions.yaml"])
        edge.start()
        edge.wait_ready()
