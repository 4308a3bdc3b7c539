#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""With no descriptor left the edge goes on with the connections that it has,
does not spin, and takes new ones as soon as old ones leave."""
import os
import re
import resource

from lib import Platform, ProtocolError, same, story, truth, wait_for

REQUEST = (b"GET /api/run/1/x HTTP/1.1\r\nHost: flow.example.com\r\n"
           b"X-Forwarded-For: 192.168.1.1\r\n\r\n")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@story
def main():
    with Platform() as platform:
        edge = platform["US"]
        pid = int(re.findall(r"edge is process (\d+)", edge.errors())[-1])
        # A kept connection to the engine, and a client that is served.
        first = edge.connect()
        first.send(REQUEST)
        same("before", first.read().status, 200)

        limit = descriptors(pid) + 12
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
        crowd = [edge.connect() for _ in range(60)]
        wait_for("every descriptor is taken",
                 lambda: descriptors(pid) >= limit - 2)
        before = cpu_seconds(pid)
        for _ in range(20):
            first.send(REQUEST)
            status = first.read().status
            # Whoever needs a new connection to the engine may be told so.
            truth(f"status {status}", status in (200, 502, 503))
        truth("the edge does not spin", cpu_seconds(pid) - before < 1.0)
        edge.running()

        for client in crowd:
            client.close()

        def served():
            try:
                return edge.get("/api/run/1/x").status == 200
            except ProtocolError:
                return False            # shed while there was no room
        wait_for("new clients are served again", served)
        first.close()
