#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Bodies stream: whoever does not read stops whoever sends, and the edge
holds no more than its marks of it."""
import socket
import threading

from lib import Origin, Platform, same, story, truth, wait_for

SIZE = 64 * 1024 * 1024
MOST = 16 * 1024 * 1024


def resident(edge):
    return edge.metric("process_resident_memory_bytes")


def sender(sock, total):
    """Sends until it would block for a while; the bytes sent."""
    sock.settimeout(1)
    sent, piece = 0, b"x" * 65536
    try:
        while sent < total:
            sent += sock.send(piece[:total - sent])
    except socket.timeout:
        pass
    sock.settimeout(30)
    return sent


@story
def main():
    read = threading.Event()

    def script(conn, request):
        if request.method == "GET":
            conn.send(b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: US\r\n"
                      b"Content-Length: %d\r\n\r\n" % SIZE)
            conn.sent = sender(conn.sock, SIZE)
            left = SIZE - conn.sent
            while left > 0:
                left -= conn.sock.send(b"x" * min(left, 65536))
            return
        conn.wait(read)
        left = int(request["Content-Length"])
        while left > 0:
            left -= len(conn.receive(65536))
        conn.answer(200, b"all")

    origin = Origin("US", script, early=True)
    with Platform(origins={"US": origin}) as p:
        us = p["US"]
        before = resident(us)

        with us.connect() as c:
            c.send(b"POST /api/run/1/x HTTP/1.1\r\nHost: flow.example.com\r\n"
                   b"Content-Length: %d\r\n\r\n" % SIZE)
            sent = sender(c.sock, SIZE)
            truth("the client is stopped", sent < SIZE)
            truth("nothing piles up", resident(us) < before + MOST)
            read.set()
            left = SIZE - sent
            while left > 0:
                left -= c.sock.send(b"x" * min(left, 65536))
            same("uploaded", c.read().body, b"all")

        with us.connect() as c:
            c.send(b"GET /api/run/1/x HTTP/1.1\r\nHost: flow.example.com"
                   b"\r\n\r\n")
            conn = wait_for("the engine is stopped", lambda: next(
                (k for k in origin.connections
                 if 0 < getattr(k, "sent", 0) < SIZE), None), 20)
            truth("the engine could not send all", conn.sent < SIZE)
            truth("nothing piles up", resident(us) < before + MOST)
            same("status", c.reader.head().status, 200)
            left = SIZE - len(c.reader.data)
            while left > 0:
                piece = c.sock.recv(1 << 20)
                truth("all of it comes", piece != b"")
                left -= len(piece)
            same("not a byte more", left, 0)
