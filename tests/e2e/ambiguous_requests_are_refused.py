#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What two programs could read differently gets 400 and a closed connection,
and nothing of it reaches an engine."""
from lib import Platform, same, story

HOST = b"Host: flow.example.com\r\n"
REFUSED = {
    "length and chunks": b"POST / HTTP/1.1\r\n" + HOST +
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n" + HOST +
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a length list": b"POST / HTTP/1.1\r\n" + HOST +
    b"Content-Length: 5, 6\r\n\r\nhello",
    "a signed length": b"POST / HTTP/1.1\r\n" + HOST +
    b"Content-Length: +5\r\n\r\nhello",
    "chunked twice": b"POST / HTTP/1.1\r\n" + HOST +
    b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "space before the colon": b"GET / HTTP/1.1\r\nHost : flow.example.com\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "a bare LF": b"GET / HTTP/1.1\nHost: flow.example.com\n\n",
    "a bare CR": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded slash": b"GET /api/run%2f1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded NUL": b"GET /api/run/%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a backslash": b"GET /api\\run HTTP/1.1\r\n" + HOST + b"\r\n",
    "an invalid escape": b"GET /api/run/%zz HTTP/1.1\r\n" + HOST + b"\r\n",
    "two slashes": b"GET /api//run/1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a bad chunk size": b"POST / HTTP/1.1\r\n" + HOST +
    b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "nonsense": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@story
def main():
    with Platform() as platform:
        edge, origin = platform["US"], platform.origin("US")
        for name, request in REFUSED.items():
            with edge.connect() as client:
                client.send(request)
                answer = client.read()
                same(f"status of {name}", answer.status, 400)
                same(f"frontend of {name}",
                     answer.all("X-ManyWho-Region-Frontend"), ["US"])
                client.must_close(name)
        arrived = [r.start for r in origin.requests]
        same("what arrived", len(arrived), 0)
        same("and it still serves", edge.get("/").status, 200)
