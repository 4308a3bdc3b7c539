#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Preflights of the configured origins are answered by the edge; their
scripts may read answers and region headers, refusals included.  What other
origins may do is the engine's affair."""
from lib import Origin, Platform, same, story, truth

KNOWN, OTHER = "https://build.example.com", "https://other.example.com"
ASKED = [("Access-Control-Request-Method", "POST"),
         ("Access-Control-Request-Headers", "content-type,manywhotenant")]


def script(conn, request):
    conn.answer(200, b"engine", [("Access-Control-Allow-Origin", "*"),
                                 ("Vary", "Accept")])


@story
def main():
    with Platform(origins={"US": Origin("US", script)},
                  settings={"cors": {"origins": [KNOWN]}}) as p:
        us, engine = p["US"], p.origin("US")

        def preflight(origin):
            return us.ask("OPTIONS", "/api/run/1",
                          [("Origin", origin), *ASKED])

        answer = preflight(KNOWN)
        same("status", answer.status, 204)
        same("origin", answer["Access-Control-Allow-Origin"], KNOWN)
        truth("POST", "POST" in answer["Access-Control-Allow-Methods"])
        same("fields", answer["Access-Control-Allow-Headers"],
             "content-type,manywhotenant")
        same("frontend", answer["X-ManyWho-Region-Frontend"], "US")
        same("no engine", answer["X-ManyWho-Region-Backend"], None)
        same("the engine was not asked", engine.requests, [])

        answer = preflight(OTHER)
        same("another origin", answer.body, b"engine")
        same("its engine's word", answer["Access-Control-Allow-Origin"], "*")

        answer = us.get("/api/run/1/x", [("Origin", KNOWN)])
        same("allowed", answer["Access-Control-Allow-Origin"], KNOWN)
        truth("exposed", "X-ManyWho-Region-Backend" in
              answer["Access-Control-Expose-Headers"])
        same("vary", answer.all("Vary"), ["Accept", "Origin"])
        answer = us.get("/api/run/1/x%2f", [("Origin", KNOWN)])
        same("refused", answer.status, 400)
        same("and readable", answer["Access-Control-Allow-Origin"], KNOWN)
