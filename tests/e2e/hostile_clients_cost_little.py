#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Hundreds who drip their heads, who send ten thousand requests and read
nothing, who vanish at every stage: a client beside them is served at once,
memory stays where it was, and nothing of them remains."""
import random
import select
import socket
import time

from lib import Origin, Platform, same, story, truth, wait_for
from lib.story import SCALE

HOST = b"Host: flow.example.com\r\n"
GET = b"GET /api/run/1/x HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /api/run/1/x HTTP/1.1\r\n" + HOST
STAGES = [
    b"", b"G", b"GET / HTTP/1.1\r\nHost: fl", GET, GET * 3, b"junk\r\n\r\n",
    POST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000,
    POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    POST + b"ManyWhoTenant: t\r\nContent-Length: 90000\r\n\r\n{",
    POST + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    b"GET /ws HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\n"
    b"Upgrade: websocket\r\n\r\n" + b"x" * 100,
]
DRIPPING = 300
# Sanitizers keep shadows of memory, and of what was freed: there only a flood
# is told from a trickle.
MEBIBYTES = 24 if SCALE == 1 else 400


def resident(edge):
    return edge.metric("process_resident_memory_bytes") / (1 << 20)


def open_clients(edge):
    return edge.metric("portolan_connections", side="client", state="open")


def served_at_once(edge):
    began = time.monotonic()
    same("status", edge.get("/").status, 200)
    truth("at once", time.monotonic() - began < 5)


def drip(edge):
    crowd = [edge.connect() for _ in range(DRIPPING)]
    for byte in b"GET / HTTP/1.1\r\nX: " + b"aaaaaa":
        for client in crowd:
            client.send(bytes([byte]))
        served_at_once(edge)
    for client in crowd:
        same("status", client.read().status, 408)
        client.must_close()
        client.close()


def pour(edge, requests):
    """Pipelines without reading, until it is stopped."""
    client = edge.connect()
    client.sock.settimeout(1)
    bytes_, sent = GET * requests, 0
    try:
        while sent < len(bytes_):
            sent += client.sock.send(bytes_[sent:sent + 65536])
    except socket.timeout:
        pass
    truth("they are stopped", sent < len(bytes_))
    return client


def vanish(edge, times):
    for _ in range(times):
        client = edge.connect()
        client.send(random.choice(STAGES))
        how = random.randrange(4)
        if how == 1:
            select.select([client.sock], [], [], 0.02)
        elif how == 2:
            try:
                client.finish_sending()
            except OSError:
                pass                # refused and closed already
        if how == 3:
            client.close()
        else:
            client.reset()


@story
def main():
    def answers(conn, request):
        if request.target == "/ws":
            conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: "
                      b"Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
            conn.close()
        else:
            conn.answer(200, b"x" * 2000)

    with Platform(origins={"US": Origin("US", answers)},
                  settings={"timeouts": {"head": "4s", "send_idle": "4s"},
                            "engines": {"probe": {"fall": 100}}}) as p:
        us = p["US"]
        served_at_once(us)
        before = resident(us)

        drip(us)
        truth("dripping", resident(us) < before + MEBIBYTES)
        pouring = [pour(us, 100000) for _ in range(4)]
        served_at_once(us)
        truth("pouring", resident(us) < before + MEBIBYTES)
        for client in pouring:
            client.reset()
        vanish(us, 600)
        served_at_once(us)
        wait_for("nothing remains", lambda: open_clients(us) == 0)
        truth("memory", resident(us) < before + MEBIBYTES)
        us.running()
