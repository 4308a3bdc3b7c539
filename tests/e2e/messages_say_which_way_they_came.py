#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Via in both directions, by the version in which a message came; CDN-Loop and
the forwarding fields once; request ids of trusted peers alone; Proxy-Status,
Retry-After and no Server on answers of our own."""
import re

from lib import Origin, Platform, portolan, same, story, truth, wait_for
from lib.h2 import h2_of

PLAIN = b"HTTP/1.%d 200 OK\r\nServer: secret/1.0\r\nVia: 1.1 inner\r\n" \
    b"Content-Length: 2\r\nConnection: close\r\n\r\nok"


def script(conn, request):
    conn.send(PLAIN % (0 if "/old" in request.target else 1))
    conn.close()


def ask_raw(us, line, *fields):
    with us.connect() as c:
        c.send("\r\n".join([line, "Host: flow.example.com", *fields, "",
                            ""]).encode())
        return c.read()


def sent_on(p, us):
    """What an engine reads of a request."""
    origin = p.origin("US")
    for version, via in (("1.1", "1.1 portolan-us"),
                         ("1.0", "1.0 portolan-us")):
        ask_raw(us, f"GET /api/run/1/a HTTP/{version}", "Via: 1.1 fred",
                "CDN-Loop: other; a=b", "X-Request-Id: from-a-friend")
        seen = origin.requests[-1]
        same("Via", seen.all("Via"), ["1.1 fred", via])
        same("CDN-Loop", seen.all("CDN-Loop"),
             ["other; a=b", "portolan-us"])
        for name, value in {"X-Request-Id": "from-a-friend",
                            "X-Forwarded-Proto": "http",
                            "X-Forwarded-Host": "flow.example.com",
                            "X-Forwarded-Port": str(us.plain[1])}.items():
            same(name, seen.all(name), [value])
        same("one chain", len(seen.all("X-Forwarded-For")), 1)
        same("Forwarded only if asked for", seen.all("Forwarded"), [])
        truth("a trace", re.fullmatch(
            "00-[0-9a-f]{32}-[0-9a-f]{16}-00", seen["traceparent"]))


def over_http2(p, us):
    with h2_of(us) as h:
        same("status", h.get("/api/run/1/a").status, 200)
    same("Via", p.origin("US").requests[-1]["Via"], "2 portolan-us")


def answered(us):
    """What a client reads."""
    for path, via in (("new", "1.1 portolan-us"), ("old", "1.0 portolan-us")):
        answer = us.get(f"/api/run/1/{path}")
        same("Via", answer.all("Via"), ["1.1 inner", via])
        same("Server", answer.all("Server"), [])
        same("Proxy-Status", answer.all("Proxy-Status"), [])


def of_our_own(us):
    answer = us.get("/x", host="elsewhere.example.com")
    same("status", answer.status, 421)
    same("Proxy-Status", answer.all("Proxy-Status"),
         ["portolan-us; error=http_request_denied"])
    same("Server", answer.all("Server"), [])
    same("Retry-After", answer.all("Retry-After"), [])
    answer = ask_raw(us, "GET /api/run/1/a HTTP/1.1",
                     "Via: 1.1 portolan-us")
    same("a loop", (answer.status, answer["Proxy-Status"]),
         (502, "portolan-us; error=proxy_loop_detected"))


def from_strangers(p, us):
    """Nobody is trusted any more."""
    p.settings["client_address"] = {"trusted": ["192.0.2.0/24"]}
    us.write_config()
    portolan("ctl", "reload", "-c", us.config_file)
    us.get("/api/run/1/a", [("X-Request-Id", "made-up"),
                            ("X-Forwarded-For", "81.2.69.160"),
                            ("X-Forwarded-Proto", "https")])
    seen = p.origin("US").requests[-1]
    truth("an id of our own", re.fullmatch("[0-9a-f]{32}",
                                           seen["X-Request-Id"]))
    truth("our own word", "81.2" not in seen["X-Forwarded-For"] and
          seen["X-Forwarded-Proto"] == "http")


@story
def main():
    with Platform(origins={"US": Origin("US", script)}) as p:
        us = p["US"]
        sent_on(p, us)
        over_http2(p, us)
        answered(us)
        of_our_own(us)
        from_strangers(p, us)
        p.origin("US").healthy = False
        answer = wait_for("503", lambda: (
            lambda a: a if a.status == 503 else None)(us.get("/api/run/1/a")))
        same("Retry-After", answer.all("Retry-After"), ["5"])
        same("Proxy-Status", answer.all("Proxy-Status"),
             ["portolan-us; error=destination_unavailable"])
