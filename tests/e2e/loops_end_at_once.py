#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A request that comes back to an edge where it has been is answered with 502,
however it got there: over an engine that is a proxy to the first edge, over
one that hides half of the traces, over an address of a region that is the
edge itself."""
import re

from lib import Client, Origin, Platform, same, story, truth, wait_for


class Returner:
    """An engine that sends every request to an edge's front door."""

    def __init__(self, hidden):
        self.hidden, self.to = hidden, None

    def __call__(self, conn, request):
        head = re.sub(rb"(?im)^(?:%s):.*\r\n" % self.hidden, b"", request.raw)
        with Client(self.to.plain) as client:
            client.send(head)
            answer = client.read()
        conn.answer(answer.status, answer.body)


@story
def main():
    for hidden in (b"nothing", b"Via", b"CDN-Loop"):
        engine = Returner(hidden)
        with Platform(["US", "GB"], origins={
                "GB": Origin("GB", engine)}) as p:
            us = engine.to = p["US"]
            # US -> GB over the link -> its engine -> US again
            answer = us.get("/api/run/1/x", of="GB")
            same(f"status without {hidden}", answer.status, 502)
            same("once around", len(p.origin("GB").requests), 1)
            truth("counted", us.metric("portolan_loops_total") == 1)
            same("as what", sorted(line["outcome"] for line in us.access(2)),
                 ["forward", "loop"])

    # Whoever is taken for GB's edge is US itself: its certificate says so.
    p = Platform(["US", "GB"])
    p.settings_of["US"] = {"link": {"peers": {
        "GB": ["%s:%d" % p["US"].link]}}}
    p["US"].start()
    try:
        us = p["US"]
        us.wait_ready()
        wait_for("the mistake is told", lambda: "is not what it is configured as"
                 in us.errors())
        answer = us.get("/api/run/1/x", of="GB")
        same("the map's fallback", answer["X-ManyWho-Region-Backend"], "US")
    finally:
        p.close()
