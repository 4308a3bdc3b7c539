#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A WebSocket within HTTP/2 (RFC 8441) is one of HTTP/1.1 to the engine; bytes
pass both ways beside other requests, and nobody is taken for one who is not."""
import base64
import hashlib
import signal

from lib import Origin, Platform, same, story, truth, wait_for
from lib.h2 import (
    CANCEL, DATA, ENABLE_CONNECT_PROTOCOL, END_STREAM, INTERNAL_ERROR, frame,
    h2_of, h2_tls_of, rst)

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_of(request):
    digest = hashlib.sha1((request["Sec-WebSocket-Key"] + GUID).encode())
    return base64.b64encode(digest.digest()).decode()


def engine(conn, request):
    if request["Upgrade"] is None or "plain" in request.target:
        conn.answer(200, b"plain")
        return
    accept = "wrong" if "wrong" in request.target else accept_of(request)
    conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
              b"Upgrade: websocket\r\nX-ManyWho-Region-Backend: US\r\n"
              b"Sec-WebSocket-Protocol: chat\r\n"
              b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\nfirst ")
    while True:
        data = conn.receive()
        if data == b"":
            break
        if data == b"cut":
            conn.reset()
            return
        conn.send(data.upper())
    conn.send(b" bye")
    conn.close()


def connect(h, path="/api/run/1/ws", protocol="websocket"):
    fields = [(":method", "CONNECT"), (":protocol", protocol)] + \
        h.fields(None, path, ("sec-websocket-version", "13"),
                 ("sec-websocket-protocol", "chat"))
    stream = h.ask(fields, end=False)
    return stream


def hears(h, stream, expected):
    h.until(f"{len(expected)} bytes", lambda: stream in h.streams and
            len(h.streams[stream].body) >= len(expected))
    same("heard", h.streams[stream].body, expected)


def talks(us, p, h):
    h.until("settings", lambda: h.settings)
    same("may connect", h.settings.get(ENABLE_CONNECT_PROTOCOL), 1)
    stream = connect(h)
    h.send(frame(DATA, 0, stream, b"early"))
    hears(h, stream, b"first EARLY")
    answer = h.streams[stream]
    same("status", answer.status, 200)
    same("protocol", answer["sec-websocket-protocol"], "chat")
    same("of the other hop", (answer.all("sec-websocket-accept"),
                              answer.all("upgrade"),
                              answer.all("connection")), ([], [], []))
    asked = p.origin("US").last()
    same("asked", (asked.method, asked["Upgrade"].lower(),
                   len(base64.b64decode(asked["Sec-WebSocket-Key"]))),
         ("GET", "websocket", 16))
    before = us.metric("portolan_config_generation")
    us.signal(signal.SIGHUP)
    wait_for("a reload", lambda: us.metric(
        "portolan_config_generation") > before)
    same("beside it", h.get("/api/run/1/plain").body, b"plain")
    big = b"x" * 300000
    answer.body = b""
    for at in range(0, len(big), 10000):
        h.send(frame(DATA, 0, stream, big[at:at + 10000]))
        hears(h, stream, big[:at + 10000].upper())
    h.send(frame(DATA, END_STREAM, stream, b""))
    h.until("the end", lambda: answer.ended)
    same("the last word", answer.body[-4:], b" bye")
    truth("no reset", answer.reset is None)


@story
def main():
    with Platform(origins={"US": Origin("US", engine)}, tls=True) as p:
        us = p["US"]
        with h2_of(us) as h:
            talks(us, p, h)
            # The engine does not switch: what it says is the answer.
            a = h.answer(connect(h, "/api/run/1/plain"))
            same("no tunnel", (a.status, a.body), (200, b"plain"))
            # Who cannot answer the key is no WebSocket server.
            a = h.answer(connect(h, "/api/run/1/wrong"))
            same("no switch", (a.status, a.reset), (None, INTERNAL_ERROR))
            # A cut tunnel is no proper end.
            stream = connect(h)
            hears(h, stream, b"first ")
            h.send(frame(DATA, 0, stream, b"cut"))
            h.until("a reset", lambda: h.streams[stream].done)
            same("cut", (h.streams[stream].ended, h.streams[stream].reset),
                 (False, CANCEL))
            # The client may cut it as well: the engine hears of it.
            stream = connect(h)
            hears(h, stream, b"first ")
            open_before = sum(c.open for c in p.origin("US").connections)
            h.send(rst(stream))
            wait_for("the engine's side to close", lambda: sum(
                c.open for c in p.origin("US").connections) < open_before)
            same("and after", h.get("/api/run/1/plain").status, 200)
        with h2_tls_of(us) as h:
            talks(us, p, h)
