#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine that may not have a state answers 421 and has done nothing: the
edge sends the request to another region, once, if it still has the body."""
from lib import Origin, Platform, same, story, wait_for


def refuses(conn, request):
    conn.answer(421, b'"not here"', reason="Misdirected Request")


@story
def main():
    with Platform(["US", "GB", "AU"], origins={
            "GB": Origin("GB", refuses)}) as p:
        us = p["US"]
        wait_for("links", lambda: us.metric("portolan_upstream_up") == 3)

        def post(size, **how):
            return us.post("/api/run/1/state/x", b"x" * size, of="GB", **how)

        answer = post(100)
        same("replayed", answer.status, 200)
        same("elsewhere", answer["X-ManyWho-Region-Backend"], "US")
        same("all of it", p.origin("US").last().body, b"x" * 100)
        same("once", len(p.origin("GB").requests), 1)
        same("counted", us.metric("portolan_retries_total",
                                  why="misdirected"), 1)

        answer = post(200000)
        same("too large to be kept", answer.status, 421)
        same("by the engine", answer["X-ManyWho-Region-Backend"], "GB")
        same("its own words", answer.body, b'"not here"')

        answer = us.post("/api/run/1/state/x", b"x",
                         host="gb.flow.example.com")
        same("a regional host has no other region", answer.status, 421)

    with Platform(["US", "GB", "AU"], origins={
            "GB": Origin("GB", refuses), "US": Origin("US", refuses)}) as p:
        us = p["US"]
        wait_for("links", lambda: us.metric("portolan_upstream_up") == 3)
        answer = us.post("/api/run/1/state/x", b"x", of="GB")
        same("not twice", answer.status, 421)
        same("the third region is not tried", p.origin("AU").requests, [])
