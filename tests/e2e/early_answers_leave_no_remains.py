#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine may answer before the request's body has come.  What is left of
that body, even if it looks like requests, is never taken for one, on neither
side."""
from lib import Origin, Platform, ProtocolError, same, story, truth

HOST = b"Host: flow.example.com\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\n" + HOST + b"\r\n"
NEXT = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"


def post(body, chunked):
    head = b"POST /post HTTP/1.1\r\n" + HOST
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) \
            + body + b"\r\n0\r\n\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def statuses(edge, request, at_once):
    """Of the request and the one behind it, as far as they are answered."""
    found = []
    with edge.connect() as client:
        try:
            if at_once:
                client.send(request + NEXT)
            else:
                # The rest of the body goes off after the answer has come.
                client.send(request[:150])
                found.append(client.read().status)
                client.send(request[150:] + NEXT)
            while len(found) < 2:
                found.append(client.read().status)
        except (OSError, ProtocolError):
            pass                        # closed, as it may be
    return found


@story
def main():
    def early(conn, request):
        conn.answer(413 if request.target == "/post" else 200, b"no")
        conn.reader.body(request, False)

    origin = Origin("US", early, early=True)
    with Platform(origins={"US": origin}, settings={
            "threads": 1, "engines": {"probe": {"fall": 100}}}) as p:
        us = p["US"]
        for size in (300, 5000, 20000, 70000, 300000):
            body = (HIDDEN * (size // len(HIDDEN) + 1))[:size]
            for chunked in (False, True):
                for at_once in (True, False):
                    what = f"{size} bytes, {chunked=}, {at_once=}"
                    found = statuses(us, post(body, chunked), at_once)
                    truth(f"{what}: {found}", found in ([413, 200], [413], []))
                    same(f"after {what}", us.get("/after").status, 200)
        seen = {request.target for request in origin.requests}
        truth(f"seen: {seen}", seen <= {"/post", "/next", "/after"})
