#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Every process runs with no capability, no way to new privileges and a filter
of system calls; engines leave no core; the log and the status say so.  And
all goes on as ever: files are reloaded, logs begun anew, states kept.  (That
the edge can neither open another file nor execute is tried from the inside:
tests/unit/master/sandbox_test.c.)"""
import json
import os
import shutil
import signal

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import FLOW, TENANT

from crashed_processes_come_back import process_of
from privileges_are_dropped import of_process


def check(edge, name, sanitized):
    pid = process_of(edge, name)
    same(f"{name}: NoNewPrivs", of_process(pid, "NoNewPrivs"), ["1"])
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        same(f"{name}: {kind}", int(of_process(pid, kind)[0], 16), 0)
    if os.geteuid() == 0:               # who may not has none to give up
        same(f"{name}: CapBnd", int(of_process(pid, "CapBnd")[0], 16), 0)
    if not sanitized:
        same(f"{name}: Seccomp", of_process(pid, "Seccomp"), ["2"])


def sandbox_of(edge):
    return json.loads(edge.admin("/status").body)["sandbox"]


@story
def main():
    with Platform(embedded=1, flows=os.path.join(ROOT, "conf/flows")) as p:
        edge = p["US"]
        said = sandbox_of(edge)
        sanitized = "not with sanitizers" in said
        truth(f"status: {said}", said.startswith("no capabilities; "))
        edge.says(f"sandbox: {said}")
        for name in ("edge", "console", "engine US/0"):
            check(edge, name, sanitized)
        for name in ("edge", "console", "engine US/0"):
            with open(f"/proc/{process_of(edge, name)}/limits") as f:
                core = [x for x in f if x.startswith("Max core file size")][0]
            same(f"the core of {name}", core.split()[4:6], ["1", "1"])
        if not sanitized and os.geteuid() == 0:
            same("the master's filter",
                 of_process(edge.process.pid, "Seccomp"), ["2"])
        same("a flow begins", edge.post("/api/run/1", json.dumps(
            {"flowId": {"id": FLOW, "versionId": None}}).encode(),
            [("ManyWhoTenant", TENANT),
             ("Content-Type", "application/json")]).status, 200)
        truth("nothing was refused",
              "refused system call" not in edge.errors())

    # A certificate and a database are replaced by others.
    with Platform(tls=True) as p:
        edge = p["US"]
        p.database = shutil.copy(p.database, p.path("other.mmdb"))
        shutil.copy(p.path("tls/site.pem"), p.path("tls/new.pem"))
        os.rename(p.path("tls/new.pem"), p.path("tls/site.pem"))
        edge.write_config()
        portolan("ctl", "reload", "-c", edge.config_file)
        same("after a reload", edge.get("/api/run/1/x").status, 200)
        os.rename(edge.access_file, edge.access_file + ".1")
        edge.signal(signal.SIGUSR1)
        wait_for("another access log",
                 lambda: os.path.exists(edge.access_file))
        truth("nothing was refused",
              "refused system call" not in edge.errors())

    with Platform(settings={"sandbox": False}) as p:
        edge = p["US"]
        truth("left out: " + sandbox_of(edge),
              "off by `sandbox: false`" in sandbox_of(edge))
        same("edge: Seccomp", of_process(process_of(edge, "edge"),
             "Seccomp"), of_process(edge.process.pid, "Seccomp"))
