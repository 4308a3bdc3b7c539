#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""100 Continue comes from the engine, other interim answers pass, trailers
pass both ways, those who take them are known to the engine, and a held-back
body is asked for by the edge itself."""
import json

from lib import Origin, Platform, same, story, truth
from lib.h2 import h2_of

TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
FLOW = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f0aa"
FREE = "ManyWhoTenant: 6a64a44b-0e03-4e0e-9e13-4c1ef1c1f002"
RESTRICTIONS = {"tenants": {TENANT: {"flows": {FLOW: {"restrictions": {
    "access": {"enabled": True, "countries": ["FR"]}}}}}}}


def script(conn, request):
    if request["Expect"]:
        if "refuse" in request.target:
            conn.answer(403, b"no", reason="Forbidden")
            conn.close()
            return
        conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n"
              b"X-ManyWho-Region-Frontend: AU\r\n\r\n")
    conn.reader.body(request, False)
    seen = json.dumps([request.body.decode(), request.trailers]).encode()
    conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
              b"X-ManyWho-Region-Backend: US\r\n\r\n"
              b"%x\r\n%s\r\n0\r\nX-Sum: 42\r\nContent-Length: 1\r\n\r\n"
              % (len(seen), seen))


def told(p, region="US"):
    request = p.origin(region).last()
    return request.all("TE"), request.all("Connection")


def takers(us, p):
    """TE is of one hop: the edge says it anew, and only what it can keep."""
    for fields, want in (
            (("TE: gzip, trailers", "Connection: TE"), (["trailers"], ["TE"])),
            (("TE: trailers",), ([], [])),
            (("TE: gzip", "Connection: TE"), ([], []))):
        with us.connect() as c:
            c.send(head("/api/run/1/x", FREE, "Content-Length: 1", *fields))
            c.send(b"x")
            same("status", c.read().status, 200)
            same("TE of " + ", ".join(fields), told(p), want)
    with h2_of(us) as h:
        same("over HTTP/2", h.post("/api/run/1/x", b"x", (
            "te", "trailers")).trailers, [("x-sum", "42")])
        same("TE over HTTP/2", told(p), (["trailers"], ["TE"]))


def head(target, *more):
    return "\r\n".join((f"POST {target} HTTP/1.1", "Host: flow.example.com",
                        *more)).encode() + b"\r\n\r\n"


@story
def main():
    origin = Origin("US", script, early=True)
    with Platform(origins={"US": origin}, restrictions=RESTRICTIONS) as p:
        us = p["US"]
        takers(us, p)
        p.origin("US").requests.clear()
        with us.connect() as c:
            c.send(head("/api/run/1/x", FREE, "Transfer-Encoding: chunked",
                        "Expect: 100-continue"))
            same("interim", c.reader.head().status, 100)
            same("hints", c.reader.head().status, 103)
            c.send(b"5\r\nhello\r\n0\r\nX-Check: 7\r\n"
                   b"X-ManyWho-Region-Backend: GB\r\n\r\n")
            answer = c.read()
            body, trailers = json.loads(answer.body)
            same("body", body, "hello")
            same("trailers up", trailers, [["X-Check", "7"]])
            same("trailers down", answer.trailers, [("X-Sum", "42")])
            same("backend", answer.all("X-ManyWho-Region-Backend"), ["US"])

            c.send(head("/api/run/1/refuse", FREE, "Content-Length: 5",
                        "Expect: 100-continue"))
            answer = c.read()
            same("refused without a body", answer.status, 403)
            same("nothing interim", answer.interim, [])

        with us.connect() as c:
            start = json.dumps({"flowId": {"id": FLOW}}).encode()
            c.send(head("/api/run/1", f"ManyWhoTenant: {TENANT}",
                        f"Content-Length: {len(start)}",
                        "Expect: 100-continue"))
            same("the edge asks", c.reader.head().status, 100)
            truth("nothing has left", len(origin.requests) == 2)
            c.send(start)
            answer = c.read()
            same("an unknown place is refused", answer.status, 403)
            same("nothing left", len(origin.requests), 2)
