#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A body in which the flow is looked for costs no more when it comes byte by
byte, and the flow is found all the same, wherever it stands."""
import os
import time

from lib import Platform, same, story, truth, wait_for
from lib.story import SCALE

TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c10"
RESTRICTIONS = {"tenants": {TENANT: {"flows": {FLOW: {"restrictions": {
    "execution": {"enabled": True, "countries": ["GB"]}}}}}}}
PIECES = 4000


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drip(edge, body, front):
    """Sends all but the front of body by single bytes, with pauses in which
    each is taken; the CPU time that it cost, and the answer."""
    pid = edge.process_id()
    with edge.connect() as client:
        client.send(b"POST /api/run/1 HTTP/1.1\r\nHost: flow.example.com\r\n"
                    b"Content-Type: application/json\r\n"
                    b"ManyWhoTenant: %s\r\nContent-Length: %d\r\n\r\n" %
                    (TENANT.encode(), len(body)) + body[:front])
        before = cpu_seconds(pid)
        for i in range(front, len(body)):
            client.send(body[i:i + 1])
            time.sleep(0.0002)
        return cpu_seconds(pid) - before, client.read()


@story
def main():
    with Platform(["US", "GB"], restrictions=RESTRICTIONS) as p:
        us, end = p["US"], b'"flowId":{"id":"%s"}}' % FLOW.encode()
        wait_for("a link", lambda: us.metric("portolan_upstream_up") == 2)
        before = b'{"x":[' + b"1," * 25000 + b"1]," + b" " * PIECES
        cost, answer = drip(us, before + end, len(before) - PIECES)
        same("status", answer.status, 200)
        same("where it must", answer["X-ManyWho-Region-Backend"], "GB")
        # Read anew with each byte, it would be 0.6 s and more.
        truth(f"{cost} s of CPU time", cost < 0.3 * SCALE)
        # Byte by byte from its first.
        for spaces in (0, 1, 30, 300):
            _, answer = drip(us, b"{" + b" " * spaces + end, 0)
            same("where it must", answer["X-ManyWho-Region-Backend"], "GB")
