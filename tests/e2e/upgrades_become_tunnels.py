#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""After the engine's 101, bytes pass both ways as they are; without it the
connection stays HTTP.  A tunnel outlives a reload.  Who is told to upgrade is
told to what, if that can pass: of the names in an engine's 426, WebSocket
alone."""
import signal

from lib import (
    Origin, Platform, address_in, same, story, truth, wait_for)
from lib.h2 import h2_of

THERE = address_in("US")

ASK = (b"GET /api/run/1/ws HTTP/1.1\r\nHost: flow.example.com\r\n"
       b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
       b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
       b"Sec-WebSocket-Version: 13\r\n\r\n")

# What engines say with a 426, and what of it comes to the client.  The third
# is not said of the connection, and the last says nothing, though both must.
UPGRADE = ("Connection", "upgrade")
ASKS = {f"/api/run/1/no/{i}": said for i, said in enumerate((
    ([UPGRADE, ("Upgrade", "WebSocket")], ["websocket"]),
    ([UPGRADE, ("Upgrade", "h2c, websocket")], ["websocket"]),
    ([("Upgrade", "websocket")], ["websocket"]),
    ([UPGRADE, ("Upgrade", "TLS/1.3, h2c")], []),
    ([], [])))}


def switching(conn, request):
    if request.target.endswith("other"):
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  b"Upgrade: h2c\r\nX-ManyWho-Region-Backend: US\r\n\r\nh2")
        conn.close()
        return
    if request.target.endswith("offers"):
        conn.answer(200, b"as it is", fields=[
            ("Connection", "Upgrade"), ("Upgrade", "h2c")])
        return
    if request["Upgrade"] is None or "no" in request.target:
        conn.answer(426, b"upgrade", ASKS.get(request.target, [[]])[0],
                    reason="Upgrade Required")
        return
    conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
              b"Upgrade: websocket\r\nX-ManyWho-Region-Backend: US\r\n"
              b"Sec-WebSocket-Accept: yes\r\n\r\nfirst ")
    while True:
        data = conn.receive()
        if data == b"":
            conn.close()
            return
        conn.send(data.upper())


def hears(client, expected):
    while len(client.reader.data) < len(expected):
        truth("the tunnel is open", client.reader.more())
    same("heard", client.reader.exactly(len(expected)), expected)


def says_to_what(answer, names, connection=()):
    same("status", answer.status, 426)
    same("Upgrade", answer.all("Upgrade"), names)
    same("Connection", answer.all("Connection"),
         [*connection, *(["Upgrade"] if names else [])])
    same("body", answer.body, b"upgrade")


def tells_to_what(edge):
    """RFC 9110 15.5.22, and 7.6.1."""
    def asked(version, *fields):
        with edge.connect() as c:
            c.send("\r\n".join((
                f"GET /api/run/1/no/0 HTTP/{version}",
                "Host: flow.example.com", f"X-Forwarded-For: {THERE}",
                *fields, "", "")).encode())
            return c.read()

    for target, (_, names) in ASKS.items():
        says_to_what(edge.get(target, of=THERE), names)
    says_to_what(asked("1.1", "Connection: close"), ["websocket"], ["close"])
    old = asked("1.0")
    same("HTTP/1.0 has none", (old.status, old["Upgrade"],
                               old.all("Connection")), (426, None, ["close"]))
    with h2_of(edge) as c:
        new = c.get("/api/run/1/no/0", ("x-forwarded-for", THERE))
        same("nor has HTTP/2", (new.status, new.all("upgrade"),
                                new.all("connection")), (426, [], []))
    offer = edge.get("/api/run/1/offers", of=THERE)
    same("an offer is of that connection alone",
         (offer.status, offer["Upgrade"], offer["Connection"]),
         (200, None, None))


@story
def main():
    with Platform(regions=["US", "GB"],
                  origins={"US": Origin("US", switching)}) as p:
        us = p["US"]
        tells_to_what(us)
        tells_to_what(p["GB"])          # over a link
        with us.connect() as c:
            c.send(ASK + b"early")
            answer = c.read()
            same("status", answer.status, 101)
            same("upgrade", answer["Upgrade"], "websocket")
            same("frontend", answer.all("X-ManyWho-Region-Frontend"), ["US"])
            same("accept", answer["Sec-WebSocket-Accept"], "yes")
            hears(c, b"first EARLY")
            before = us.metric("portolan_config_generation")
            us.signal(signal.SIGHUP)
            wait_for("a reload", lambda: us.metric(
                "portolan_config_generation") > before)
            big = b"x" * 300000
            c.send(big)
            hears(c, big.upper())
            c.finish_sending()
            same("the end", c.reader.rest(), b"")
        with us.connect() as c:
            c.send(ASK.replace(b"/ws", b"/no"))
            same("no switch", c.read().status, 426)
            c.send(ASK.replace(b"/ws", b"/no"))
            same("still HTTP", c.read().status, 426)
        # Nothing else than WebSocket is a tunnel of ours to make.
        for protocol in ("h2c", "h2", "HTTP/2.0", "TLS/1.0", "connect-udp",
                         "websocket/13", "websockets", "h2c, TLS/1.2"):
            answer = us.get("/api/run/1/x", [
                ("Connection", "Upgrade, HTTP2-Settings"),
                ("Upgrade", protocol), ("HTTP2-Settings", "AAMAAABkAAQ")])
            same(f"{protocol} does not pass", answer.status, 426)
            truth("nor its settings",
                  p.origin("US").last()["HTTP2-Settings"] is None)
        for protocols in ("h2c, WebSocket", "WebSocket, h2c"):
            us.get("/api/run/1/no", [("Connection", "Upgrade"),
                                     ("Upgrade", protocols)])
            same(f"of {protocols}", p.origin("US").last()["Upgrade"],
                 "WebSocket")
        # And the engine switches to what was asked for, or not at all.
        with us.connect() as c:
            c.send(ASK.replace(b"/ws", b"/other") + b"GET / HTTP/1.1\r\n")
            same("another protocol", c.read().status, 502)
