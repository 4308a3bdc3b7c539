#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine that is frozen (a process stopped, its socket open) costs those
who wait for it a 504 each; everybody else is served by the other one, and it
is used again when it goes on."""
import os
import signal

from lib import Platform, same, story, truth, wait_for
from lib.addresses import ROOT


@story
def main():
    with Platform(embedded=2, flows=os.path.join(ROOT, "conf/flows"),
                  settings={"timeouts": {"response_head": "3s"}}) as p:
        us = p["US"]
        frozen = us.process_id("engine US/1")

        def up():
            return us.metric("portolan_upstream_up")

        wait_for("both up", lambda: up() == 2)
        os.kill(frozen, signal.SIGSTOP)
        try:
            # Before the probes notice: some of these meet it.
            waiting = [us.connect() for _ in range(24)]
            for client in waiting:
                client.send(b"POST /api/run/1/nothing HTTP/1.1\r\nHost: "
                            b"flow.example.com\r\nContent-Length: 2\r\n\r\n{}")
            wait_for("one down", lambda: up() == 1)
            for _ in range(10):
                same("the others", us.get("/api/run/1/nothing").status, 404)
            seen = [client.read().status for client in waiting]
            truth(f"answered or late: {seen}", set(seen) <= {404, 504})
            truth("late", 504 in seen)
            truth("answered", 404 in seen)
        finally:
            os.kill(frozen, signal.SIGCONT)
        wait_for("both up again", lambda: up() == 2)
        same("an answer", us.get("/api/run/1/nothing").status, 404)
