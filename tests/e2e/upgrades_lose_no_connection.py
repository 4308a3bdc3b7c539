#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A new binary takes over (USR2, ctl upgrade) while clients come all the time,
each with a connection of its own and one that stays: nobody is refused or
reset, requests in flight are answered, and what cannot start leaves the old
one in service and says why."""
import os
import shutil
import signal
import threading

from lib import Client, Origin, Platform, portolan, same, story, truth, \
    wait_for
from lib.client import head_bytes
from lib.command import PROGRAM
from lib.successor import adopt_orphans

UPGRADES = int(os.environ.get("UPGRADES", "3"))
HOST = [("Host", "flow.example.com")]


class Load(threading.Thread):
    """Connects, asks, is answered, closes; again."""

    def __init__(self, edge):
        super().__init__(daemon=True)
        self.edge, self.over = edge, threading.Event()
        self.good, self.wrong = 0, []
        self.start()

    def run(self):
        while not self.over.is_set():
            try:
                with self.edge.connect() as c:
                    status = c.ask("POST", "/api/run/1/x", HOST,
                                   b"{}").status
                if status == 200:
                    self.good += 1
                else:
                    self.wrong.append(status)
            except Exception as e:      # whatever a client can meet
                self.wrong.append(repr(e))

    def end(self):
        self.over.set()
        self.join()
        same("requests that failed", self.wrong[:5], [])
        truth("there was load", self.good > 0)


def upgrade(edge, how):
    before = edge.process.pid
    seen = edge.errors().count("upgraded: process")
    if how == "USR2":
        edge.signal(signal.SIGUSR2)
        wait_for("the upgrade", lambda: edge.errors().count(
            "upgraded: process") > seen, 60)
    else:
        out, _ = portolan("ctl", "upgrade", "-c", edge.config_file)
        truth("ctl says so: " + out, "upgraded: process" in out)
    edge.succeeded()
    truth("another process", edge.process.pid != before)


def fails(edge, *words):
    """It is told, and nothing has changed."""
    out, err = portolan("ctl", "upgrade", "-c", edge.config_file, expect=1)
    for word in words:
        truth(f"{word!r} in: {out}{err}", word in out + err)
    with edge.connect() as c:
        same("the old one", c.ask("GET", "/api/run/1/x", HOST).status, 200)


def install(edge, content):
    """As an installation does it: another file of that name."""
    new = edge.program + ".new"
    if content is None:
        shutil.copy(PROGRAM, new)
    else:
        with open(new, "w") as f:
            f.write(content)
        os.chmod(new, 0o755)
    os.rename(new, edge.program)


@story
def main():
    adopt_orphans()
    go = threading.Event()

    def origin(conn, request):
        if "slow" in request.target:
            conn.wait(go)
        conn.answer(200, b"done")

    platform = Platform(origins={"US": Origin("US", origin)})
    edge = platform["US"]
    edge.program = platform.path("portolan")
    shutil.copy(PROGRAM, edge.program)
    platform.settings.update(pid_file=platform.path("pid"),
                             timeouts={"drain": "60s"})
    with platform:
        kept = Client(edge.plain)
        kept.send(head_bytes("GET", "/api/run/1/slow", HOST, None))
        platform.origin("US").wait_requests(1)
        loads = [Load(edge) for _ in range(3)]
        for i in range(UPGRADES):
            install(edge, None)
            upgrade(edge, "USR2" if i == 1 else "ctl")
        go.set()
        same("in flight through all of them", kept.read().status, 200)
        kept.close()
        edge.former_ends(30)
        edge.wait_ready()
        with open(platform.path("pid")) as f:
            same("pid file", f.read(), f"{edge.process.pid}\n")

        install(edge, "#!/bin/sh\nexit 3\n")
        fails(edge, "upgrade failed", "ended with code 3")
        install(edge, "not a program\n")
        fails(edge, "cannot be executed")
        install(edge, None)
        with open(edge.config_file, "a") as f:
            f.write("\nnonsense: [\n")
        out, err = portolan("ctl", "upgrade", "-s",
                            os.path.join(edge.run_dir, "admin.sock"),
                            expect=1)
        truth("the mistake is told: " + out + err,
              "US.yaml:" in out + err)
        for load in loads:
            load.end()
        edge.write_config()
        upgrade(edge, "ctl")
        edge.former_ends(30)
        edge.wait_ready()
    truth("no pid file is left",
          not os.path.exists(platform.path("pid")))
