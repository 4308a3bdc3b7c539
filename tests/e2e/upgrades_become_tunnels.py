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
    if request.target.endswith("other"):
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  b"Upgrade: h2c\r\nX-ManyWho-Region-Backend: US\r\n\r\nh2")
        conn.close()
        return
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
