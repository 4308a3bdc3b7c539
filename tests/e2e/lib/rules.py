# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Rules of HTTP/1.1 as rows of tables: the section, what is about, the bytes
that are sent, and what must come of them.

A row that is served has a second request behind it, which must be found where
it begins; a row that is refused has one that nobody may find.
"""
import sys

from .client import Client
from .http import ProtocolError
from .story import Failed, same

HOST = b"Host: flow.example.com"
NEXT = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n\r\n"


def lines(*those):
    return b"".join(line + b"\r\n" for line in those) + b"\r\n"


def get(*fields, start=b"GET / HTTP/1.1", host=HOST, body=b""):
    """A request; host: None for none."""
    return lines(start, *[host] * (host is not None), *fields) + body


def post(*fields, body=b"", start=b"POST / HTTP/1.1"):
    return get(*fields, start=start, body=body)


def chunks(body, *fields):
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


class Turn:
    """One row on its way: the client's connection, and what the origin got."""

    def __init__(self, edge, origin, sent):
        self.origin, self.before = origin, len(origin.requests)
        self.client = Client(edge.plain)
        self.client.send(sent)

    def arrived(self):
        return self.origin.requests[self.before:]

    def starts(self):
        return [r.start for r in self.arrived()]

    def close(self):
        self.client.close()


def own_fields(answer):
    """What every answer carries (RFC 9110 6.6.1)."""
    same("frontend", answer.all("X-ManyWho-Region-Frontend"), ["US"])
    same("dates", len(answer.all("Date")), 1)


def refused(status=400, arrives=(), method="GET"):
    """Answered and closed, and nothing of it goes on."""
    def look(turn):
        answer = turn.client.read(method)
        same("status", answer.status, status)
        same("Connection", answer["Connection"], "close")
        own_fields(answer)
        turn.client.must_close()
        same("arrived", turn.starts(), list(arrives))
    look.next = NEXT
    return look


def answered(status, *fields, method="GET"):
    """By the edge itself; the connection goes on."""
    def look(turn):
        answer = turn.client.read(method)
        same("status", answer.status, status)
        own_fields(answer)
        for name, value in fields:
            same(name, answer.all(name), [value])
        same("status behind it", turn.client.read().status, 200)
        same("arrived", turn.starts(), ["GET /next HTTP/1.1"])
    look.next = NEXT
    return look


def check_message(message, start, body, fields, trailers):
    """fields: of a value, a list of values, or None: not there."""
    if start is not None:
        same("start", message.start, start)
    if body is not None:
        same("body", message.body, body)
    same("trailers", message.trailers, trailers)
    for name, value in fields.items():
        same(name, message.all(name), value if isinstance(value, list) else
             [] if value is None else [value])


def passes(start=None, body=b"", fields=(), trailers=(), status=200,
           method="GET", closes=False):
    """It arrives like this, once, and so does what follows it, unless the
    connection is to close."""
    def look(turn):
        answer = turn.client.read(method)
        same("status", answer.status, status)
        own_fields(answer)
        if closes:
            same("Connection", answer["Connection"], "close")
            turn.client.must_close()
        else:
            same("status behind it", turn.client.read().status, 200)
        arrived = turn.arrived()
        same("requests", len(arrived), 1 if closes else 2)
        check_message(arrived[0], start, body, dict(fields), list(trailers))
        if not closes:
            same("behind it", arrived[1].start, "GET /next HTTP/1.1")
    look.next = NEXT
    return look


class Table:
    """Runs rows, goes on after those that fail, and says which they were."""

    def __init__(self):
        self.wrong, self.count = [], 0

    def tell(self, section, what, run):
        self.count += 1
        try:
            run()
        except (Failed, ProtocolError, OSError) as e:
            self.wrong.append(f"{section}: {what}: {e}")

    def requests(self, edge, origin, rows):
        def run(sent, look):
            turn = Turn(edge, origin, sent + getattr(look, "next", b""))
            try:
                look(turn)
            finally:
                turn.close()
        for section, what, sent, look in rows:
            self.tell(section, what, lambda s=sent, k=look: run(s, k))

    def end(self):
        print(f"{self.count - len(self.wrong)} of {self.count} rules",
              file=sys.stderr)
        if self.wrong:
            raise Failed("\n".join(self.wrong))
