#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A request is sent again if no byte of it was accepted, or if doing it twice
does what doing it once does; a POST that may have been read never is."""
from lib import Origin, Platform, same, story, wait_for


def breaks(conn, request):
    conn.reset()


@story
def main():
    bad, good = Origin("US", breaks), Origin("US")
    with Platform(origins={"US": [bad, good]}, settings={
            "engines": {"outlier": {"failures": 0}}}) as p:
        us = p["US"]
        wait_for("both are up",
                 lambda: us.metric("portolan_upstream_up") == 2)

        asked = []

        def ask_until_bad(method, body):
            """Until the bad one got such a request; the answer to it."""
            def one():
                before = len(bad.requests)
                asked.append(method)
                answer = us.ask(method, "/api/run/1/x", body=body)
                return answer if len(bad.requests) > before else None
            return wait_for(f"{method} meets the bad engine", one, 20)

        def healthy():
            wait_for("the bad one is up again",
                     lambda: us.metric("portolan_upstream_up") == 2)

        same("GET", ask_until_bad("GET", None).status, 200)
        healthy()
        same("PUT", ask_until_bad("PUT", b"x" * 1000).status, 200)
        healthy()
        same("POST", ask_until_bad("POST", b'{"once": true}').status, 502)
        same("each POST arrived once",
             [r.method for r in good.requests + bad.requests].count("POST"),
             asked.count("POST"))
        same("empty POST", (healthy(), ask_until_bad("POST", b""))[1].status,
             502)
        same("a large PUT cannot be sent again",
             (healthy(), ask_until_bad("PUT", b"x" * 100000))[1].status, 502)

        # Nobody listens: nothing was accepted, so even a POST may go on.
        healthy()
        bad.close()
        for n in range(20):
            same(f"POST {n}", us.post("/api/run/1/x", b"{}").status, 200)
