#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine whose probes are good but whose requests fail gets none for a
while, and comes back slowly; but the last one is never left out, and that it
is kept although it fails is told by metrics, readiness check and log.  One that
is dead is found to be so at once."""
from lib import Origin, Platform, same, story, truth, wait_for
from lib.story import SCALE

FAILURES = 5


class Engine:
    """An origin's script that fails on demand."""

    def __init__(self):
        self.fails, self.served = False, 0

    def __call__(self, conn, request):
        if self.fails:
            conn.answer(503, b"no", reason="Service Unavailable")
        else:
            self.served += 1
            conn.answer(200, b"ok")


def health(edge, engine):
    return edge.metric("portolan_upstream_up", engine=f"US {engine.url}") == 1


def ask(edge, times):
    return [edge.get("/api/run/1/x").status for _ in range(times)]


def until_ejected(edge, engine):
    for _ in range(100):
        ask(edge, 2)
        if not health(edge, engine):
            return
    truth("it is left out", False)


def dead():
    """Long before the next probe would be due."""
    with Platform(settings={"engines": {"probe": {
            "interval": "10m", "timeout": "2s"}}}) as platform:
        edge, origin = platform["US"], platform.origin("US")
        same("before", ask(edge, 1), [200])
        origin.close()
        wait_for("it is down", lambda: ask(edge, 1) == [503])
        same("and known to be", health(edge, origin), False)


@story
def main():
    dead()
    scripts = [Engine(), Engine()]
    origins = [Origin("US", script) for script in scripts]
    with Platform(origins={"US": origins}, settings={"engines": {
            "probe": {"fall": 100}, "slow_start": "30s",
            "outlier": {"failures": FAILURES,
                        "time": f"{2 * SCALE:.0f}s"}}}) as platform:
        edge = platform["US"]
        wait_for("both up", lambda: edge.metric("portolan_upstream_up") == 2)
        scripts[0].fails = True
        until_ejected(edge, origins[0])
        same("the other one serves", set(ask(edge, 20)), {200})
        same("counted", edge.metric("portolan_upstream_ejections_total",
                                    engine=f"US {origins[0].url}"), 1)
        truth("its health", '"health":"ejected"' in
              edge.admin("/status").body.decode())
        same("ready", edge.admin("/readyz").status, 200)

        scripts[0].fails = False
        scripts[0].served = 0
        wait_for("it is back", lambda: health(edge, origins[0]))
        ask(edge, 100)
        truth(f"with little to do at first: {scripts[0].served} of 100",
              scripts[0].served < 40)

        # Both fail, the second one first: one is left.
        scripts[1].fails = True
        until_ejected(edge, origins[1])
        scripts[0].fails = True
        ask(edge, FAILURES + 3)
        wait_for("it is kept", lambda: edge.metric(
            "portolan_upstream_kept") > 0)
        same("in service", edge.metric("portolan_upstream_up") >= 1, True)
        same("its own answer", edge.get("/api/run/1/x").body, b"no")
        truth("the check says so", b"[-] no engine is kept though it fails"
              in edge.admin("/readyz?verbose").body)
        same("and yet ready", edge.admin("/readyz").status, 200)
        edge.says("it stays in service")
