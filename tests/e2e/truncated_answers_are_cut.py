#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An answer that ends early at the engine ends early at the client, in a way
that cannot be taken for its end; one that never begins becomes a 502."""
from lib import Origin, Platform, ProtocolError, same, story, wait_for

ANSWERS = {
    "length": b"Content-Length: 100\r\n\r\nonly this",
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "bad-chunk": b"Transfer-Encoding: chunked\r\n\r\n20000\r\n" +
                 b"x" * 0x20000 + b"\r\nzz\r\n",
}
BAD = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
       b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
       b"Transfer-Encoding: chunked\r\n\r\n",
       b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
       b"5\r\nhello\r\nzz\r\n",
       b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n"]


def script(conn, request):
    kind = request.target.split("/")[-1]
    if kind in ANSWERS:
        conn.send(b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: US\r\n" +
                  ANSWERS[kind])
    else:
        conn.send(BAD[int(kind)])
    conn.close()


@story
def main():
    with Platform(origins={"US": Origin("US", script)},
                  settings={"engines": {"probe": {"fall": 100}}}) as p:
        us = p["US"]

        def up():
            return us.metric("portolan_upstream_up") == 1

        for kind in ANSWERS:
            wait_for("up", up)
            with us.connect() as c:
                try:
                    c.ask("POST", f"/api/run/1/{kind}",
                          [("Host", "flow.example.com")], b"x")
                    raise AssertionError(f"{kind}: taken for whole")
                except ProtocolError:
                    pass
        for n in range(len(BAD)):
            wait_for("up", up)
            answer = us.post(f"/api/run/1/{n}", b"x")
            same(f"bad answer {n}", answer.status, 502)
            same("frontend", answer["X-ManyWho-Region-Frontend"], "US")
        codes = {line["path"]: line["termination"] for line in us.access(8)}
        same("termination codes", codes, {
            **{f"/api/run/1/{kind}": "SD" for kind in ANSWERS},
            **{f"/api/run/1/{n}": "SH" for n in range(len(BAD))}})
