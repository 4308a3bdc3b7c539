#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""HTTP/2, agreed upon over TLS or begun in clear text: requests share a
connection, large bodies take turns, and the engine sees plain HTTP/1.1."""
import json
import random
import threading

from lib import Origin, Platform, same, story, truth, wait_for
from lib.h2 import DATA, h2_of, h2_tls_of

LARGE = bytes(random.randrange(256) for _ in range(10000)) * 30
gate = threading.Event()


def engine(conn, request):
    if request.target.endswith("large"):
        conn.answer(200, LARGE)
    elif request.target.endswith("slow"):
        conn.wait(gate)
        conn.answer(200, b"at last")
    elif request.target.endswith("hints"):
        conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n"
                  b"Connection: x-gone\r\nX-Gone: 1\r\n\r\n")
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                  b"Keep-Alive: 5\r\nX-ManyWho-Region-Backend: US\r\n\r\n"
                  b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
    else:
        fields = [f for f in request.fields if not f[0].startswith("X-")]
        conn.answer(200, json.dumps({
            "method": request.method, "fields": fields,
            "body": request.body.decode("latin-1"),
            "trailers": request.trailers}).encode())


def speaks(connect):
    with connect() as h2:
        # An answer does not wait for the one before it.
        slow = h2.ask(h2.fields("GET", "/api/run/1/slow"))
        larges = [h2.ask(h2.fields("GET", "/api/run/1/large"))
                  for _ in range(4)]
        for stream in larges:
            same("a large body", h2.answer(stream).body, LARGE)
        turns = [f.stream for f in sum((h2.streams[s].frames for s in larges),
                                       []) if f.kind == DATA]
        same("bodies came whole", sorted(set(turns)), larges)
        gate.set()
        same("the slow one", h2.answer(slow).body, b"at last")
        gate.clear()
        answer = h2.get("/api/run/1/hints")
        same("interim answers", answer.interim,
             [[(":status", "103"), ("link", "</style.css>")]])
        same("body", answer.body, b"hello")
        same("trailers", answer.trailers, [("x-sum", "1")])
        same("of the connection", answer.all("keep-alive") +
             answer.all("transfer-encoding") + answer.all("connection"), [])
        same("frontend", answer.all("X-ManyWho-Region-Frontend"), ["US"])
        truth("a date", answer["date"] is not None)
        # What the engine gets.
        stream = h2.ask(h2.fields(
            "POST", "/api/run/1", ("cookie", "a=b"), ("te", "trailers"),
            ("cookie", "c=d")), LARGE, trailers=[("x-sum", "2"),
                                                  ("content-type", "no")])
        got = json.loads(h2.answer(stream).body)
        fields = {n.lower(): v for n, v in got["fields"]}
        same("method", got["method"], "POST")
        same("host", fields["host"], "flow.example.com")
        same("one cookie", fields["cookie"], "a=b; c=d")
        same("framing", fields["transfer-encoding"], "chunked")
        same("body", got["body"].encode("latin-1"), LARGE)
        same("trailers", got["trailers"], [["x-sum", "2"]])
        got = json.loads(h2.post("/api/run/1", b"abc", (
            "content-length", "3")).body)
        fields = {n.lower(): v for n, v in got["fields"]}
        same("a known length", (fields["content-length"],
                                fields.get("transfer-encoding")), ("3", None))
        head = h2.answer(h2.ask(h2.fields("HEAD", "/api/run/1/large")))
        same("HEAD", (head["content-length"], head.body),
             (str(len(LARGE)), b""))


@story
def main():
    with Platform(origins={"US": Origin("US", engine)}, tls=True) as p:
        us = p["US"]
        speaks(lambda: h2_of(us))
        speaks(lambda: h2_tls_of(us))
        # Not agreed upon, it is not spoken.
        with h2_tls_of(us, alpn=("http/1.1",), hello=False) as h1:
            same("agreed", h1.sock.selected_alpn_protocol(), "http/1.1")
        with us.connect_tls() as h1:
            same("HTTP/1.1", h1.ask("GET", "/api/run/1", [
                ("Host", "flow.example.com")]).status, 200)
        # Each thread writes its lines when it comes to it.
        wait_for("lines of both protocols", lambda: {
            line["protocol"] for line in us.access(1)} == {
                "HTTP/2.0", "HTTP/1.1"})
        same("nobody misbehaved", us.metric("portolan_h2_calmed_total"), 0)
