#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What is odd but means one thing arrives in the plainest spelling of it, and
the request behind it begins where it should."""
from lib import Platform, same, story

HOST = b"Host: flow.example.com\r\n"
NEXT = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def get(fields=b"", target=b"/", host=HOST):
    return b"GET " + target + b" HTTP/1.1\r\n" + host + fields + b"\r\n"


def post(fields, body):
    return b"POST / HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


def chunks(body):
    return post(CHUNKED, body + b"\r\n")


# What comes, and of what arrives: start, body, and some fields (None: not
# there).
ROWS = [
    (post(b"Content-Length: \t5 \r\n", b"hello"), "POST /", b"hello",
     {"Content-Length": "5"}),
    (post(b"Content-Length: 0005\r\n", b"hello"), "POST /", b"hello",
     {"Content-Length": "5"}),
    (get(b"Content-Length: 5\r\n") + b"hello", "GET /", b"hello", {}),
    (post(b"Transfer-Encoding:\tCHUNKed \r\n", b"5\r\nhello\r\n0\r\n\r\n"),
     "POST /", b"hello", {"Transfer-Encoding": "chunked"}),
    (chunks(b"5;a\r\nhello\r\n00;x=y\r\n"), "POST /", b"hello", {}),
    (chunks(b'5 ; a="q;\\""\r\nhello\r\n0\r\n'), "POST /", b"hello", {}),
    (chunks(b"2\r\nhe\r\n003\r\nllo\r\n0\r\nContent-Length: 9\r\nHost: evil\r\n"
            b"Transfer-Encoding: gzip\r\nX-ManyWho-Region-Backend: GB\r\n"),
     "POST /", b"hello", {"Content-Length": None}),
    (b"\r\n" + get(), "GET /", b"", {}),
    (get(target=b"http://flow.example.com/x?y"), "GET /x?y", b"",
     {"Host": "flow.example.com"}),
    (get(target=b"http://FLOW.example.com", host=b"Host: flow.example.com:80\r\n"),
     "GET /", b"", {}),
    (get(target=b"/a/./b/../%63?%zz=/../"), "GET /a/c?%zz=/../", b"", {}),
    (get(target=b"/a/%2e%2E/%7ex"), "GET /~x", b"", {}),
    (get(target=b"/a%252f%0d%0aX:y"), "GET /a%252f%0D%0AX:y", b"", {}),
    (get(b"X:a\r\nY:\r\nZ: \t b\xe9 \t\r\n"), "GET /", b"",
     {"X": "a", "Y": "", "Z": "b\xe9"}),
    (get(b"X_Y: a\r\nHost_: evil\r\n"), "GET /", b"",
     {"X_Y": None, "Host_": None, "Host": "flow.example.com"}),
    (get(b"Connection: X-A, Cookie, ,\r\nX-A: 1\r\nCookie: 1\r\nX-B: 2\r\n"),
     "GET /", b"", {"Connection": None, "X-A": None, "Cookie": None,
                    "X-B": "2"}),
    (get(b"Connection: TE\r\nTE: trailers, chunked\r\nKeep-Alive: 9\r\n"
         b"Proxy-Connection: x\r\n"), "GET /", b"",
     {"TE": "trailers", "Connection": "TE", "Keep-Alive": None,
      "Proxy-Connection": None}),
    (get(b"TE: trailers\r\n"), "GET /", b"", {"TE": None}),
    (get(b"Upgrade: websocket\r\n"), "GET /", b"", {"Upgrade": None}),
    (post(b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n",
          b"hello"), "POST /", b"hello", {"Upgrade": None}),
    (get(b"Expect: 100-continue\r\n"), "GET /", b"", {"Expect": None}),
    (post(b"Expect: 100-Continue\r\nContent-Length: 5\r\n", b"hello"),
     "POST /", b"hello", {"Expect": "100-continue"}),
]


def check(request, start, body, fields, arrived):
    same(f"start of {request!r}", arrived.start, start + " HTTP/1.1")
    same(f"body of {request!r}", arrived.body, body)
    same(f"trailers of {request!r}", arrived.trailers, [])
    for name, value in fields.items():
        same(f"{name} of {request!r}", arrived[name], value)


@story
def main():
    with Platform() as platform:
        edge, origin = platform["US"], platform.origin("US")
        for request, start, body, fields in ROWS:
            origin.requests.clear()
            with edge.connect() as client:
                client.send(request + NEXT)
                same(f"status of {request!r}", client.read().status, 200)
                same(f"status behind {request!r}", client.read().status, 200)
            arrived = origin.wait_requests(2)
            same(f"requests of {request!r}", len(arrived), 2)
            check(request, start, body, fields, arrived[0])
            same(f"behind {request!r}", arrived[1].start, "GET /next HTTP/1.1")
