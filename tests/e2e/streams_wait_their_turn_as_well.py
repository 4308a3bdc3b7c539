#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Limits hold for the streams of one HTTP/2 connection as for requests: some
wait, with their bodies, one too many gets 503 and one too often 429, those that
are taken back make room, and all others are served."""
import threading

from lib import Origin, Platform, portolan, same, story, truth, wait_for
from lib.h2 import h2_of, rst

gate = threading.Event()
BODY = b"0123456789" * 3000             # more than is kept of a body


def held_back(conn, request):
    conn.wait(gate)
    conn.answer(200, request.body)


def waiting(us):
    return us.metric("portolan_queued_requests")


def at_a_time(us, origin):
    with h2_of(us) as h:
        h.until("settings", lambda: h.settings)
        streams = []

        def post():
            streams.append(h.ask(h.fields("POST", "/api/run/1/x"), BODY))

        for count in (1, 2):
            post()
            origin.wait_requests(count)
        for count in (1, 2):
            post()
            wait_for("it waits", lambda n=count: waiting(us) == n)
        post()
        refused = h.answer(streams.pop())
        same("one too many", refused.status, 503)
        truth("when to come again", int(refused["Retry-After"]) > 0)
        h.send(rst(streams.pop()))
        wait_for("its place is free", lambda: waiting(us) == 1)
        post()
        wait_for("for the next one", lambda: waiting(us) == 2)
        gate.set()
        for stream in streams:
            answer = h.answer(stream)
            same("status and body", (answer.status, answer.body), (200, BODY))
        same("nobody waits", waiting(us), 0)


def too_often(us):
    us.platform.settings["rate_limits"] = {"client": {"rate": 0.01,
                                                      "burst": 3}}
    us.write_config()
    portolan("ctl", "reload", "-c", us.config_file)
    with h2_of(us) as h:
        same("statuses", [h.get().status for _ in range(5)],
             [200] * 3 + [429] * 2)
        truth("when to come again",
              int(h.get()["Retry-After"]) in range(50, 101))


@story
def main():
    with Platform(origins={"US": Origin("US", held_back)}, settings={
            "concurrency": {"engine": 2, "queue": 2, "wait": "20s"}}) as p:
        at_a_time(p["US"], p.origin("US"))
        too_often(p["US"])
        wait_for("all places are free", lambda: p["US"].metric(
            "portolan_active_requests") == 0)
