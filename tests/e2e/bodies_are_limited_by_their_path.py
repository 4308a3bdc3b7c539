#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What is not runtime may have a smaller limit for its bodies: told before a
byte of it is read where its length is, counted where it is not, whatever is
spoken and whichever region serves it.  The refusal is one that players can
read, and its line tells what was asked for."""
from lib import Platform, same, story, wait_for
from lib.h2 import h2_of

SITE = "https://build.example.com"
LIMITS = {"limits": {"body_bytes": "16KiB", "central_body_bytes": "1KiB"},
          "cors": {"origins": [SITE]}}
RUNTIME, CENTRAL = "/api/run/1/x", "/api/draw/1/flow"
BODIES = ((CENTRAL, 1024, 200), (CENTRAL, 1025, 413), (RUNTIME, 1025, 200),
          (RUNTIME, 16384, 200), (RUNTIME, 16385, 413))


def chunked(edge, path, count):
    with edge.connect() as c:
        c.send(f"POST {path} HTTP/1.1\r\nHost: flow.example.com\r\n"
               "Transfer-Encoding: chunked\r\n\r\n".encode())
        c.send(b"100\r\n" + b"x" * 256 + b"\r\n")
        count -= 256
        c.send(b"%x\r\n%b\r\n0\r\n\r\n" % (count, b"x" * count))
        return c.read().status


def is_limited(edge):
    for path, count, status in BODIES:
        body = b"x" * count
        same(f"{count} to {path}", edge.post(path, body).status, status)
        same("in chunks", chunked(edge, path, count), status)
        with h2_of(edge) as h:
            same("by HTTP/2", h.post(path, body).status, status)


def says_so(edge):
    """By its head alone: nothing else was looked at."""
    large = b"x" * 16385
    asks = [("origin", SITE), ("content-length", str(len(large)))]
    with h2_of(edge) as h:
        answers = [edge.post(RUNTIME, large, asks[:1]),
                   h.post(RUNTIME, large, *asks)]
    for answer in answers:
        same("for players", (answer.status, answer["content-type"], answer.body),
             (413, "application/json",
              b'"the body is larger than is accepted here"'))
        same("for their pages", answer["access-control-allow-origin"], SITE)
    lines = [line for line in edge.access(2) if line["status"] == 413]
    for line in lines:
        same("its line", (line["method"], line["host"], line["path"],
                          line["client_source"]),
             ("POST", "flow.example.com", RUNTIME, "peer"))
    same("lines", len(lines), 2)


@story
def main():
    with Platform(regions=["US", "GB"], settings=LIMITS) as p:
        says_so(p["US"])
        is_limited(p["US"])
        is_limited(p["GB"])             # central is in US
        before = len(p.origin("US").requests)
        with p["US"].connect() as c:
            c.send(f"POST {CENTRAL}/asks HTTP/1.1\r\nHost: flow.example.com\r\n"
                   "Expect: 100-continue\r\nContent-Length: 1025\r\n\r\n"
                   .encode())
            answer = c.read()
        same("not asked for", (answer.status, answer.interim), (413, []))
        line = wait_for("its line", lambda: next((
            line for line in p["US"].access()
            if line["path"].endswith("/asks")), None))
        same("its line", (line["status"], line["outcome"], line["reason"]),
             (413, "bad-request", "body-too-large"))
        same("no engine heard of it", len(p.origin("US").requests), before)
