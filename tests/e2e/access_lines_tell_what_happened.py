#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""One JSON line a request: the decision, the way, who ended it.  Queries are
left out; a log that was moved away is opened anew on USR1."""
import os
import signal
import threading

from lib import Origin, Platform, address_in, same, story, truth, wait_for
from lib.h2 import h2_of

TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
RESTRICTIONS = {"tenants": {TENANT: {"restrictions": {"flowRestrictions": {
    "access": {"enabled": True, "countries": ["FR"]}}}}}}


ASK = b"GET /api/run/1/%s HTTP/1.1\r\nHost: flow.example.com\r\n%s\r\n"
SWITCH = (b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Version: 13\r\n"
          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


def lasting(conn, request):
    """An engine that never comes to an end."""
    if request["Upgrade"] is not None:
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\n"
                  b"X-ManyWho-Region-Backend: US\r\n"
                  b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    elif "begun" in request.target:
        conn.send(b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: US\r\n"
                  b"Content-Length: 10\r\n\r\n12345")
    conn.receive()


def ended(us, count):
    return sorted((line["path"].split("/")[-1], line["status"],
                   line["termination"]) for line in us.access(count))


def tunnels_may_be_too_silent():
    with Platform(origins={"US": Origin("US", lasting)}, settings={
            "timeouts": {"tunnel_idle": "300ms"}}) as p:
        with p["US"].connect() as c:
            c.send(ASK % (b"tunnel", SWITCH))
            same("status", c.read().status, 101)
            same("silence", ended(p["US"], 1), [("tunnel", 101, "cT")])


def clients_may_come_too_often():
    with Platform(settings={"rate_limits": {"client": {
            "rate": 0.01, "burst": 1}}}) as p:
        us = p["US"]
        same("statuses", [us.get("/api/run/1", of="FR").status
                          for _ in range(2)], [200, 429])
        same("places", {line["status"]: (line.get("class"), line["client"])
                        for line in us.access(2)},
             {200: ("located", address_in("FR")),
              429: (None, address_in("FR"))})


def drains_cut_what_is_left():
    """Neither was it well, nor did the client leave."""
    with Platform(origins={"US": Origin("US", lasting)}, settings={
            "timeouts": {"drain": "300ms"}}) as p:
        us = p["US"]
        with us.connect() as a, us.connect() as b, us.connect() as c, \
                h2_of(us) as h:
            a.send(ASK % (b"waits", b""))
            b.send(ASK % (b"begun", b""))
            c.send(ASK % (b"tunnel", SWITCH))
            same("tunnel", c.read().status, 101)
            h.ask(h.fields("GET", "/api/run/1/stream"))
            p.origin("US").wait_requests(4)
            while not b.reader.data.endswith(b"12345"):
                truth("it begins", b.reader.more())
            us.signal(signal.SIGTERM)
            same("cut", ended(us, 4), [
                ("begun", 200, "KD"), ("stream", 0, "KH"),
                ("tunnel", 101, "KT"), ("waits", 0, "KH")])


@story
def main():
    tunnels_may_be_too_silent()
    drains_cut_what_is_left()
    clients_may_come_too_often()
    go = threading.Event()

    def script(conn, request):
        if "slow" in request.target:
            conn.wait(go)
        conn.answer(200, b"ok")

    with Platform(origins={"US": Origin("US", script)},
                  restrictions=RESTRICTIONS) as p:
        us = p["US"]
        us.get("/api/run/1/a?secret=1", [
            ("X-Request-Id", "mine"), ("traceparent",
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
            of="FR")
        us.get("/api/run/1/b", [("ManyWhoTenant", TENANT)], of="GB")
        us.get("/api/run/1/c%2f")
        us.post("/api/run/1/d", b"12345")
        with us.connect() as c:
            c.send(b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n")
            c.read()
        c = us.connect()
        c.send(b"GET /api/run/1/slow HTTP/1.1\r\nHost: flow.example.com\r\n"
               b"\r\n")
        p.origin("US").wait_requests(3)
        c.reset()
        lines = {line.get("path"): line for line in us.access(6)}
        go.set()

        line = lines["/api/run/1/a"]
        for key, value in {
                "request_id": "mine", "peer": line["peer"],
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                "client": address_in("FR"), "client_source": "forwarded",
                "class": "located", "country": "FR", "continent": "EU",
                "host": "flow.example.com", "method": "GET", "status": 200,
                "path_class": "runtime", "frontend": "US", "backend": "US",
                "outcome": "forward", "attempts": 1, "termination": "--",
                "listener": "plain"}.items():
            same(key, line.get(key), value)
        truth("no query", "secret" not in str(line))
        truth("the rule", "regions.yaml:" in line["rule"])
        truth("timers", line["total_us"] >= line["response_us"] >= 0)

        line = lines["/api/run/1/b"]
        same("refused", (line["status"], line["outcome"], line["attempts"],
                         line["restrictions"], line["termination"]),
             (403, "access-restricted", 0, [TENANT], "PQ"))
        same("bad path", (lines["/api/run/1/c%2f"]["status"],
                          lines["/api/run/1/c%2f"]["outcome"]),
             (400, "bad-path"))
        same("bytes", (lines["/api/run/1/d"]["bytes_in"],
                       lines["/api/run/1/d"]["method"]), (5, "POST"))
        same("no HTTP", (lines[None]["status"], lines[None]["termination"]),
             (400, "PR"))
        same("from there", lines[None].get("peer"), line["peer"])
        # Nobody has looked where that one is, and the other.
        for path in (None, "/api/run/1/c%2f"):
            same("no place", lines[path].get("class"), None)
        same("nor for whom", lines[None].get("client_source"), None)
        line = lines["/api/run/1/slow"]
        same("the client left", (line["status"], line["termination"]),
             (499, "CH"))

        moved = us.access_file + ".1"
        os.rename(us.access_file, moved)
        us.signal(signal.SIGUSR1)
        wait_for("a new file", lambda: os.path.exists(us.access_file))
        us.get("/api/run/1/after")
        same("the new file", us.access(1)[-1]["path"], "/api/run/1/after")
