#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whatever is answered, and by whom, says once which edge the client reached;
only what an engine executed names a backend.  Errors of ours can be read by
the platform's clients."""
import json

from lib import Origin, Platform, same, story, truth

SYNTAX = [
    (b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /x HTTP/1.1\r\n\r\n", 400),
    (b"GET /x HTTP/3.0\r\nHost: flow.example.com\r\n\r\n", 505),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /x HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    (b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n", 400),
]


def missing(conn, request):
    conn.answer(404, b'"no such flow"', reason="Not Found")


def check(what, answer, status, backend):
    same(f"{what}: status", answer.status, status)
    same(f"{what}: frontend", answer.all("X-ManyWho-Region-Frontend"), ["US"])
    same(f"{what}: backend", answer.all("X-ManyWho-Region-Backend"),
         backend and [backend] or [])


def ours(what, answer, kind):
    same(f"{what}: type", answer["Content-Type"], kind)
    truth(f"{what}: Proxy-Status", "error=" in answer["Proxy-Status"])
    if kind == "application/json":
        truth(f"{what}: a JSON string",
              isinstance(json.loads(answer.body), str))
    if kind == "application/problem+json":
        problem = json.loads(answer.body)
        same(f"{what}: instance", problem["instance"], answer["X-Request-Id"])
        truth(f"{what}: type", problem["type"].startswith("urn:portolan:"))


@story
def main():
    with Platform(origins={"US": Origin("US", missing)}) as p:
        us = p["US"]
        check("engine", us.get("/api/run/1/x"), 404, "US")
        check("main", us.get("/"), 404, "US")

        answer = us.get("/api/run/1/a%2fb")
        check("path", answer, 400, None)
        ours("path", answer, "application/json")
        answer = us.get("/x", host="elsewhere.example.com")
        check("host", answer, 421, None)
        ours("host", answer, "application/problem+json")
        answer = us.get("/x", [("Accept", "text/html")], host="elsewhere")
        ours("page", answer, "text/html; charset=utf-8")
        answer = us.get("/api/run/1/x", [("Accept",
                        "application/problem+json")], host="elsewhere")
        ours("problem", answer, "application/problem+json")
        answer = us.ask("TRACE", "/")
        check("method", answer, 405, None)
        truth("Allow", "POST" in answer["Allow"])

        # A player can read a string only, however early its call is refused.
        for raw, status in SYNTAX:
            for path, kind in ((b" /", "application/problem+json"),
                               (b" /api/run/1/", "application/json")):
                asked = raw.replace(b" /", path, 1)
                with us.connect() as c:
                    c.send(asked)
                    answer = c.read()
                    check(asked[:40], answer, status, None)
                    ours(asked[:40], answer, kind)
                    c.must_close(asked[:40])

        # The engine must read what we add to the most that a client may send.
        many = [(f"X-{n}", "x" * 300) for n in range(98)]
        check("99 fields", us.get("/api/run/1/x", many), 404, "US")
        many.append(("X-98", "x"))
        check("100 fields", us.get("/api/run/1/x", many), 404, "US")
        many.append(("X-99", "x"))
        answer = us.get("/api/run/1/x", many)
        check("101 fields", answer, 431, None)
        ours("101 fields", answer, "application/json")

        p.origin("US").close()
        answer = us.get("/api/run/1/x")
        truth("gone", answer.status in (502, 503))
        check("gone", answer, answer.status, None)
        ours("gone", answer, "application/json")
