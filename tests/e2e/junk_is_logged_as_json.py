#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whatever bytes come, each request is one line of JSON in the access log, no
line of the error log is theirs to begin, and the metrics count every refusal
under its rule."""
import json
import random
import re

from lib import Origin, Platform, same, story, truth, wait_for

HOST = b"Host: flow.example.com\r\n"
JUNK = [bytes(range(1, 32)), bytes(range(127, 256)), b'"}\n{"status":200,"x":"',
        b"\\u0000\\", b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
        b"\xc0\xaf", b"\x1b[31m", b"<script>", b"${jndi:ldap://x}", b"%s%n%d",
        b"\x7f", b"'\"\\\b", "\u202e\u2028".encode(), b"\0", b"x" * 7000]
# One request for each of these rules, whose names are told to operators.
RULES = {
    "bad-method": b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "bad-target": b"GET /\x80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bad-version": b"GET / HTTQ/1.1\r\n" + HOST + b"\r\n",
    "other-version": b"GET / HTTP/3.0\r\n" + HOST + b"\r\n",
    "obs-fold": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "missing-host": b"GET / HTTP/1.1\r\n\r\n",
    "several-hosts": b"GET / HTTP/1.1\r\n" + HOST * 2 + b"\r\n",
    "length-and-chunked": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1"
    b"\r\nTransfer-Encoding: chunked\r\n\r\n",
    "unknown-coding": b"POST / HTTP/1.1\r\n" + HOST +
    b"Transfer-Encoding: br, chunked\r\n\r\n",
    "too-many-fields": b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 101 +
    b"\r\n",
    "line-too-long": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 9000 +
    b"\r\n\r\n",
    "bad-chunk": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked"
    b"\r\n\r\nxyz\r\n",
}


def requests(junk):
    """Junk in every place that a line tells of."""
    yield b"GET /" + junk + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    yield b"GET /?" + junk + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    yield junk + b" / HTTP/1.1\r\n" + HOST + b"\r\n"
    yield b"GET / HTTP/1.1\r\nHost: " + junk + b"\r\n\r\n"
    for name in (b"X-Forwarded-For", b"User-Agent", b"ManyWhoTenant",
                 b"X-Request-Id", b"traceparent", b"Origin"):
        yield (b"GET /api/run/1/x HTTP/1.1\r\n" + HOST + name + b": " + junk +
               b"\r\n\r\n")
    escaped = b"".join(b"%%%02X" % c for c in junk[:500] if c not in b"\0/\\")
    yield (b"GET /" + escaped + b"?" + escaped + b" HTTP/1.1\r\n" + HOST +
           b"\r\n")


def strict(line):
    """The object that this line holds, as the strictest reader would have it."""
    truth(f"{line[:200]!r} is plain ASCII",
          all(0x20 <= c < 0x7f for c in line))
    truth(f"{len(line)} bytes in a line", len(line) < 4096)

    def unique(pairs):
        same("keys", len({k for k, _ in pairs}), len(pairs))
        return dict(pairs)
    return json.loads(line, object_pairs_hook=unique)


@story
def main():
    def answers(conn, request):
        conn.answer(200, b"ok", [("X", "y")])

    with Platform(origins={"US": Origin("US", answers)},
                  settings={"log": {"query": "true"}}) as p:
        us = p["US"]
        count = 0
        everything = [r for junk in JUNK for r in requests(junk)]
        everything += [bytes(random.choices(range(256), k=60)) + b"\r\n\r\n"
                       for _ in range(200)]
        everything += [r for r in RULES.values() for _ in range(2)]
        for request in everything:
            with us.connect() as client:
                client.send(request)
                client.finish_sending()
                count += len(re.findall(rb"HTTP/1\.1 [2-5]\d\d ",
                                        client.reader.rest()))

        def lines():
            with open(us.access_file, "rb") as f:
                found = f.read().split(b"\n")
            return found if len(found) > count else None

        found = wait_for(f"{count} lines", lines)
        same("the last line is whole", found.pop(), b"")
        same("a line a request", len(found), count)
        for line in found:
            truth("a status", strict(line)["status"] >= 200)
        for line in us.errors().splitlines():
            truth(f"{line!r} is ours", re.match(
                r"\d{4}-\d\d-\d\dT[0-9:.]+Z (error|warning|info|debug) |"
                r"[/\w.:-]+\.yaml", line) and line.isprintable())

        for rule in RULES:
            truth(f"{rule} is counted", us.metric(
                "portolan_http_rejects_total", rule=rule) >= 2)
        for line in us.admin("/metrics").body.decode("ascii").splitlines():
            truth(f"metric {line!r}", line.startswith("#") or re.fullmatch(
                r'[a-z0-9_]+(\{([a-z0-9_]+="[^"\\\n]*",?)*\})? [0-9.e+-]+', line))
        print(f"{count} lines")
