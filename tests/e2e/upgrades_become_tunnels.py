#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""After the engine's 101, bytes pass both ways as they are; without it the
connection stays HTTP.  A tunnel outlives a reload."""
import signal

from lib import Origin, Platform, same, story, truth, wait_for

ASK = (b"GET /api/run/1/ws HTTP/1.1\r\nHost: flow.example.com\r\n"
       b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
       b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
       b"Sec-WebSocket-Version: 13\r\n\r\n")


def switching(conn, request):
    if request["Upgrade"] is None or "no" in request.target:
        conn.answer(426, b"upgrade", reason="Upgrade Required")
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


@story
def main():
    with Platform(origins={"US": Origin("US", switching)}) as p:
        us = p["US"]
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
        answer = us.get("/api/run/1/x", [("Connection", "Upgrade, HTTP2-Settings"),
                                         ("Upgrade", "h2c"),
                                         ("HTTP2-Settings", "AAMAAABkAAQ")])
        same("h2c does not pass", answer.status, 426)
        truth("nor its settings",
              p.origin("US").last()["HTTP2-Settings"] is None)
