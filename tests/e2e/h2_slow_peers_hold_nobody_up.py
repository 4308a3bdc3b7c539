#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Windows open only as the other side takes: an engine that reads nothing
stops its client, a client that reads nothing stops its engine, and the other
requests of the same connection go on.  Who keeps us waiting is let go."""
import threading

from lib import Origin, Platform, same, story, truth, wait_for
from lib.h2 import (
    CANCEL, DATA, END_STREAM, ENHANCE_YOUR_CALM, HEADERS,
    NO_ERROR, frame, h2_of, window_update)

WINDOW = 65536
LARGE = 40 * 1024 * 1024
gate = threading.Event()
state = {"sent": 0}


def engine(conn, request):
    if request.target.endswith("stuck"):
        conn.wait(gate, 60)
        same("the whole body", len(conn.reader.exactly(LARGE // 4)),
             LARGE // 4)
        conn.answer(200, b"read")
    elif request.target.endswith("large"):
        conn.send(b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: US\r\n"
                  b"Content-Length: %d\r\n\r\n" % LARGE)
        while state["sent"] < LARGE:
            conn.send(b"x" * 65536)
            state["sent"] += 65536
    else:
        conn.answer(200, conn.reader.body(request, False) or b"fine")


def stuck_engine(us):
    """Only so much is let in as sockets hold; then no window opens."""
    with h2_of(us) as h:
        h.until("settings", lambda: h.settings)
        total = LARGE // 4
        stream = h.ask(h.fields("POST", "/api/run/1/stuck", (
            "content-length", str(total))), end=False)
        sent, rounds = 0, 0

        def may():
            return min(total, WINDOW + h.opened.get(stream, 0))

        def pour():
            nonlocal sent
            while sent < may():
                n = min(16384, may() - sent)
                h.send(frame(DATA, END_STREAM if sent + n == total else 0,
                             stream, b"u" * n))
                sent += n

        # Until many round trips open nothing more.
        while rounds < 20:
            pour()
            same("beside it", h.get("/api/run/1").status, 200)
            h.ping()
            rounds = rounds + 1 if sent == may() else 0
        truth(f"{sent} bytes were enough", sent < total)
        gate.set()
        while sent < total:
            h.until("a wider window", lambda: sent < may())
            pour()
        same("in the end", h.answer(stream).body, b"read")


def stuck_client(us):
    """16 requests, none of them read: what the engine can send is bounded,
    and another request on the connection is answered all the same."""
    with h2_of(us, updates=False) as h:
        h.send(window_update(0, 0x7fffffff - 65535))
        large = h.ask(h.fields("GET", "/api/run/1/large"))
        h.until("its window to be used up", lambda: large in h.streams and
                len(h.streams[large].body) == 65535)
        last = None
        while last != state["sent"]:
            last = state["sent"]
            for _ in range(20):
                same("beside it", h.get("/api/run/1").status, 200)
        truth(f"the engine was stopped at {last}", last < LARGE / 2)


def lets_go(us):
    # A head that does not end.
    with h2_of(us) as h:
        h.ping()
        h.send(frame(HEADERS, END_STREAM, 1, b"\x82"))
        h.must_end(ENHANCE_YOUR_CALM)
    # A connection that does nothing, whatever it says meanwhile.
    with h2_of(us) as h:
        h.ping()
        h.must_end(NO_ERROR)
    # A body that does not come.
    with h2_of(us) as h:
        a = h.answer(h.ask(h.fields("POST"), end=False))
        same("body", (a.status, a.ended), (408, True))
        stream = h.ask(h.fields("POST", "/api/run/1",
                                ("content-length", "9")), end=False)
        h.send(frame(DATA, 0, stream, b"1"))
        same("rest of a body", h.answer(stream).status, 408)
    # An answer that is not taken.
    with h2_of(us, window=10, updates=False) as h:
        stream = h.ask(h.fields("GET", "/api/run/1"))
        a = h.answer(stream)
        same("answer", (a.ended, a.reset), (False, CANCEL))


@story
def main():
    origin = Origin("US", engine, early=True)
    settings = {"limits": {"h2_window": WINDOW, "h2_glitches": 100000}}
    with Platform(origins={"US": origin}, settings=settings) as p:
        stuck_engine(p["US"])
        stuck_client(p["US"])
    origin = Origin("US", lambda conn, r: conn.answer(200, b"y" * 1000))
    settings = {"timeouts": {"head": "300ms", "idle": "400ms",
                             "body_idle": "300ms", "send_idle": "300ms"}}
    with Platform(origins={"US": origin}, settings=settings) as p:
        lets_go(p["US"])
        ends = wait_for("all lines", lambda: [
            line["termination"] for line in p["US"].access(3)])
        truth(f"too slow: {ends}", set(ends) <= {"cR", "cQ", "cD", "cH",
                                                 "PR", "PQ", "PH"})
