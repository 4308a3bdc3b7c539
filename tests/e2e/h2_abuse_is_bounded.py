#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whoever resets his requests, or sends frames that move nothing, is told to
calm down and let go; others do not notice."""
from lib import Failed, Origin, Platform, same, story, truth, wait_for
from lib.h2 import (
    CONTINUATION, DATA, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, PING,
    PRIORITY, PROTOCOL_ERROR, frame, h2_of, rst, settings,
    window_update)

MOST = 40                               # of each kind in ten seconds


def requests(h, count):
    for i in range(count):
        yield 1 + 2 * i, h.headers(1 + 2 * i, h.fields())


def resets(h):
    """CVE-2023-44487: requests that are taken back at once."""
    return [r + rst(i) for i, r in requests(h, 3 * MOST)]


def provoked(h):
    """The same, but it is the server that has to reset (CVE-2025-8671)."""
    return [r + window_update(i, 0x7fffffff)
            for i, r in requests(h, 3 * MOST)]


def malformed(h):
    return [h.headers(1 + 2 * i, h.fields("GET", "/", ("te", "gzip")))
            for i in range(3 * MOST)]


def continuations(h):
    """CVE-2024-27316: a header section without end."""
    return [frame(HEADERS, 0, 1, b"\x82")] + \
        [frame(CONTINUATION, 0, 1, b"\x86" * 5)] * 3 * MOST


def empty_data(h):
    return [h.headers(1, h.fields("POST"), END_HEADERS)] + \
        [frame(DATA, 0, 1)] * 400


def resets_of_nothing(h):
    """Of a stream that is no more."""
    return [h.headers(1, h.fields()) + rst(1)] + [rst(1)] * 400


ABUSE = {
    "rapid reset": resets,
    "resets of nothing": resets_of_nothing,
    "provoked reset": provoked,
    "malformed requests": malformed,
    "CONTINUATION": continuations,
    "PING": lambda h: [frame(PING, 0, 0, bytes(8))] * 400,
    "SETTINGS": lambda h: [settings((3, 9))] * 400,
    "empty DATA": empty_data,
    "PRIORITY": lambda h: [frame(PRIORITY, 0, 5, b"\0\0\0\3\x10")] * 400,
    "WINDOW_UPDATE": lambda h: [window_update(0, 1)] * 400,
    "unknown frames": lambda h: [frame(0x55, 0, 0)] * 400,
}


def is_calmed(us, what, abuse):
    with h2_of(us) as h:
        for piece in abuse(h):
            if not h.send(piece):
                break
        try:
            h.must_end(ENHANCE_YOUR_CALM)
        except Failed as e:
            raise Failed(f"{what}: {e}") from None


def tiny_windows(us):
    """A byte at a time is no way to read (CVE-2019-9511)."""
    with h2_of(us, window=0, updates=False) as h:
        stream = h.ask(h.fields("GET", "/api/run/1/large"))
        for _ in range(1000):
            if not h.send(window_update(stream, 1)):
                break
        h.must_end(ENHANCE_YOUR_CALM)


def engine(conn, request):
    conn.answer(200, b"x" * (300000 if "large" in request.target else 10))


@story
def main():
    limits = {"limits": {"h2_resets": MOST, "h2_glitches": 300}}
    with Platform(origins={"US": Origin("US", engine)}, settings=limits) as p:
        us = p["US"]
        with h2_of(us) as decent:
            for what, abuse in ABUSE.items():
                is_calmed(us, what, abuse)
                same(f"others, after {what}", decent.get().status, 200)
            tiny_windows(us)
            # What is little of each is nobody's business.
            for _ in range(20):
                stream = decent.ask(decent.fields())
                decent.send(rst(stream), frame(PING, 0, 0, bytes(8)),
                            settings((3, 9)), window_update(0, 1))
            same("after all", decent.get().status, 200)
            truth("no word of an end", decent.goaway is None)
        wait_for("the count of them", lambda: us.metric(
            "portolan_h2_calmed_total") == len(ABUSE) + 1)
        truth("streams were counted",
              us.metric("portolan_h2_resets_total") > 3 * MOST)
        # Against the rules is not the same as too much.
        with h2_of(us) as h:
            h.send(frame(PING, 0, 0, b"short"))
            h.rest()
            truth("another error", h.goaway.error not in
                  (ENHANCE_YOUR_CALM, PROTOCOL_ERROR))
