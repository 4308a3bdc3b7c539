#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Large requests, which the edge moves without looking at them, come with each
byte in its place, are counted, and leave both connections good for the next:
at once or in pieces, to an engine that reads late, with another request behind
them, held back until their flow is known.  Whoever leaves in the middle leaves nothing behind."""
import hashlib
import threading

from lib import Origin, Platform, ProtocolError, same, story, truth, wait_for

MOST = 3 * 1024 * 1024 + 321
BODY = b"".join(hashlib.sha256(b"%d" % i).digest()
                for i in range(MOST // 32 + 1))[:MOST]
SIZES = (30_000, 40_960, 65_536, 73_727, 73_728, 73_729, 300_000, MOST)
LINES = len(SIZES) * 12                  # of all_arrive()
TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c10"
RESTRICTIONS = {"tenants": {TENANT: {"flows": {FLOW: {"restrictions": {
    "execution": {"enabled": True, "countries": ["US"]}}}}}}}
HOST = b"Host: flow.example.com\r\n"
NEXT = b"GET /api/run/1/next HTTP/1.1\r\n" + HOST + b"\r\n"


def head(kind, size, chunked=False):
    framing = b"Transfer-Encoding: chunked\r\n" if chunked else \
        b"Content-Length: %d\r\n" % size
    return b"POST /api/run/1/" + kind + b" HTTP/1.1\r\n" + HOST + framing + \
        b"\r\n"


def chunks(body, size):
    pieces = (body[at:at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + \
        b"0\r\n\r\n"


class Story:
    """What the engine does with a request is said by its path."""

    def __init__(self):
        self.read, self.got = threading.Event(), []

    def engine(self, conn, request):
        kind = request.target.split("/")[-1]
        if kind == "early":
            conn.answer(413, b"no")
            conn.close()
        elif kind == "killed":
            conn.reader.exactly(200_000)
            conn.reset()
        else:
            if kind == "late":
                conn.wait(self.read)
            try:
                conn.reader.body(request, False)
            except ProtocolError:
                self.got.append(kind)
                raise
            conn.answer(200, hashlib.sha256(request.body).digest())

    def all_arrive(self, edge):
        """One connection; each with a small request right behind it."""
        with edge.connect() as c:
            for size in SIZES:
                body = BODY[:size]
                wanted = hashlib.sha256(body).digest()
                post = head(b"%d" % size, size)
                for what, sent, count in (
                        ("at once", [post + body + NEXT], 1),
                        ("head first", [post, body + NEXT], 1),
                        ("in two", [post + body[:9000], body[9000:] + NEXT], 1),
                        ("thrice", [post + body, post + body + post, body +
                                    NEXT], 3),
                        ("in chunks", [head(b"%d" % size, size, True) +
                                       chunks(body, 50_000) + NEXT], 1)):
                    sender = threading.Thread(target=lambda s=sent: [
                        c.send(piece) for piece in s])
                    sender.start()
                    for _ in range(count):
                        truth(f"{size} bytes {what}: each in its place",
                              c.read().body == wanted)
                    same(f"behind {size} bytes {what}", c.read().body,
                         hashlib.sha256(b"").digest())
                    sender.join()
        for line in edge.access(LINES):
            size = line["path"].split("/")[-1]
            same(f"{size}: counted", line["bytes_in"],
                 0 if size == "next" else int(size))

    @staticmethod
    def some_are_held_back(edge):
        """Until it is known which flow they are about."""
        names = b'"flowId":{"id":"%s"}' % FLOW.encode()
        fields = [("Host", "flow.example.com"), ("ManyWhoTenant", TENANT),
                  ("Content-Type", "application/json")]
        with edge.connect() as c:
            for body in (b"{" + names + b',"x":"' + b"y" * 300_000 + b'"}',
                         b'{"x":"' + b"y" * 60_000 + b'",' + names + b"}",
                         b'{"x":"' + b"y" * 20_000 + b'",' + names +
                         b',"z":"' + b"z" * 100_000 + b'"}'):
                for _ in range(2):
                    same("held back", c.ask("POST", "/api/run/1", fields,
                                            body).body,
                         hashlib.sha256(body).digest())

    def one_reads_late(self, edge):
        """More than all sockets hold waits until the engine reads."""
        body = BODY * 5
        with edge.connect() as c:
            sender = threading.Thread(target=c.send, args=(
                head(b"late", len(body)) + body + NEXT,))
            sender.start()
            sender.join(0.3)
            self.read.set()
            truth("late: each byte in its place",
                  c.read().body == hashlib.sha256(body).digest())
            same("behind it", c.read().status, 200)
            sender.join()

    def some_leave(self, edge, origin):
        for kind, status in ((b"early", 413), (b"killed", 502)):
            with edge.connect() as c:
                try:
                    c.send(head(kind, len(BODY)) + BODY + NEXT)
                except OSError:
                    pass                # closed upon, as it may be
                try:
                    same(f"{kind}: status", c.read().status, status)
                except (OSError, ProtocolError):
                    pass                # the answer went with the reset
        with edge.connect() as c:
            c.send(head(b"left", len(BODY)) + BODY[:1_000_000])
            origin.wait_requests(1)
        wait_for("the engine sees it leave", lambda: "left" in self.got)


@story
def main():
    it = Story()
    origin = Origin("US", it.engine, early=True)
    with Platform(origins={"US": origin}, restrictions=RESTRICTIONS, settings={
            "threads": 1, "engines": {"probe": {"fall": 100}}}) as p:
        us = p["US"]
        it.all_arrive(us)
        it.one_reads_late(us)
        it.some_leave(us, origin)
        it.some_are_held_back(us)
        same("afterwards", us.get("/api/run/1/after").status, 200)
        found = {line["path"].split("/")[-1]: line["termination"]
                 for line in us.access(LINES + 12)}
        same("the engine ended it", found["killed"][0], "S")
        same("the client ended it", found["left"][0], "C")
