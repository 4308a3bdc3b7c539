#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Large answers, which the edge moves without looking at them, come with each
byte in its place, are counted, and leave the connection good for the next."""
import hashlib

from lib import Origin, Platform, ProtocolError, same, story, truth

SIZE = 5 * 1024 * 1024 + 321
BODY = b"".join(hashlib.sha256(b"%d" % i).digest()
                for i in range(SIZE // 32 + 1))[:SIZE]
HEAD = b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: US\r\n"


def script(conn, request):
    kind = request.target.split("/")[-1]
    if kind == "length":
        conn.send(HEAD + b"Content-Length: %d\r\n\r\n" % SIZE + BODY)
    elif kind == "chunked":
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, SIZE, 100000):
            piece = BODY[at:at + 100000]
            conn.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        conn.send(b"0\r\n\r\n")
    elif kind == "surplus":
        conn.send(HEAD + b"Content-Length: %d\r\n\r\n" % SIZE + BODY +
                  b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
    else:
        conn.send(HEAD + b"Content-Length: %d\r\n\r\n" % SIZE +
                  BODY[:SIZE // 2])
        conn.close()


@story
def main():
    asked = ["length", "chunked", "length", "surplus", "length", "length"]
    with Platform(origins={"US": Origin("US", script)}) as p:
        us = p["US"]
        with us.connect() as c:
            for kind in asked:
                answer = c.ask("GET", f"/api/run/1/{kind}",
                               [("Host", "flow.example.com")])
                same(f"{kind}: status", answer.status, 200)
                truth(f"{kind}: each byte in its place", answer.body == BODY)
        with us.connect() as c:
            try:
                c.ask("GET", "/api/run/1/half", [("Host", "flow.example.com")])
                raise AssertionError("half an answer was taken for whole")
            except ProtocolError:
                pass
        # Two connections are two threads, maybe: lines in any order.
        for line in us.access(len(asked) + 1):
            kind, sent = line["path"].split("/")[-1], line["bytes_out"]
            if kind == "half":
                truth("half: what came of it", 0 <= sent - SIZE // 2 < 1024)
                same("half: the engine ended it", line["termination"], "SD")
            else:
                truth(f"{kind}: counted", sent >= SIZE)
