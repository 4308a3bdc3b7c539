#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""More clients than there are descriptors wait in the kernel's queue; those
who got in and ask are served, engines stay up, other regions and the console
are heard, and everybody else's turn comes."""
import select
import time

from lib import Platform, ProtocolError, deadline, same, story, truth, wait_for

REQUEST = b"GET /api/run/1/x HTTP/1.1\r\nHost: flow.example.com\r\n\r\n"
CROWD = 100


def serve(crowd, count):
    """The first so many to be answered, taken out of the crowd."""
    served = []
    end = deadline(20)
    while len(served) < count and time.monotonic() < end:
        heard, _, _ = select.select([c.sock for c in crowd], [], [], 1)
        for client in [c for c in crowd if c.sock in heard]:
            same("status", client.read().status, 200)
            served.append(client)
            crowd.remove(client)
    truth(f"{count} are served", len(served) >= count)
    return served


@story
def main():
    with Platform(regions=["US", "GB"], descriptors=80) as platform:
        us, gb = platform["US"], platform["GB"]
        us.says("limit of open files")
        crowd = [us.connect() for _ in range(CROWD)]
        for client in crowd:
            client.send(REQUEST)
        first = serve(crowd, 10)
        wait_for("the listeners pause", lambda: us.metric(
            "portolan_accept_pauses_total") > 0)
        # Long enough for some probes, which need descriptors as well.  Who
        # goes on asking is served; who only stays makes room for others.
        probes = platform.origin("US").probes

        def ask_again():
            for client in list(first):
                try:
                    client.send(REQUEST)
                    same("again", client.read().status, 200)
                except (ProtocolError, OSError):
                    # It was slower than a second, and asked to leave.
                    first.remove(client)
            return platform.origin("US").probes > probes + 2
        wait_for("more probes", ask_again)
        same("the console is heard", us.admin("/readyz").status, 200)
        # Whom the map sends to the crowded region comes in over the link.
        same("over the link", gb.get("/api/run/1/x", of="US").status, 200)
        while crowd:
            for client in first:
                client.close()
            first = serve(crowd, min(8, len(crowd)))
        same("nobody is left", len(crowd), 0)
        truth("the engine stayed up",
              f"{platform.origin('US').url} is down" not in us.errors())
