#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""With engines.balance: state all requests of a state go to one engine, by
whichever connection, thread and spelling they come; with an engine less only
its states move, and they come back with it."""
import uuid

from lib import Origin, Platform, same, story, truth, wait_for

STATES = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(n))) for n in range(40)]


def engine_of(edge, state, header=False):
    """Which engine answers for it."""
    if header:
        answer = edge.get("/api/run/1/service/data",
                          [("ManyWhoState", state)])
    else:
        answer = edge.get(f"/api/run/1/state/{state}")
    same("status", answer.status, 200)
    return int(answer.body)


def numbered(number):
    def script(conn, request):
        conn.answer(200, b"%d" % number)
    return Origin("US", script)


@story
def main():
    origins = [numbered(n) for n in range(4)]
    with Platform(origins={"US": origins},
                  settings={"engines": {"balance": "state"}}) as platform:
        edge = platform["US"]

        def up(count):
            wait_for(f"{count} up", lambda: edge.metric(
                "portolan_upstream_up") == count)

        up(4)
        homes = [engine_of(edge, state) for state in STATES]
        truth(f"all engines have some: {homes}", set(homes) == set(range(4)))
        for state, home in zip(STATES, homes):
            for again in (state, state.upper()):
                same("its engine", engine_of(edge, again), home)
            same("by header", engine_of(edge, state, header=True), home)
        origins[2].healthy = False
        up(3)
        moved = [engine_of(edge, state) for state in STATES]
        truth("those of the one that left, and no others", all(
            (now != 2) if home == 2 else (now == home)
            for home, now in zip(homes, moved)))
        origins[2].healthy = True
        up(4)
        same("as before", [engine_of(edge, s) for s in STATES], homes)
