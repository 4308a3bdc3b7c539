#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""TERM: a request in flight gets its answer, no new connection is taken, and
the service ends with code 0."""
import signal
import threading

from lib import Origin, Platform, same, story, truth, wait_for


@story
def main():
    arrived, answer = threading.Event(), threading.Event()

    def slow(conn, request):
        arrived.set()
        conn.wait(answer)
        conn.answer(200, b"in the end")

    with Platform(origins={"US": Origin("US", slow)}) as p:
        edge = p["US"]
        with edge.connect() as client:
            client.send(b"GET /api/run/1/x HTTP/1.1\r\n"
                        b"Host: flow.example.com\r\n\r\n")
            truth("the request arrives", arrived.wait(10))
            edge.signal(signal.SIGTERM)

            def refused():
                try:
                    edge.connect().close()
                except OSError:
                    return True
                return False

            wait_for("no new connections", refused)
            answer.set()
            response = client.read()
            same("status", response.status, 200)
            same("body", response.body, b"in the end")
            same("connection", response["Connection"], "close")
        same("exit code", edge.process.wait(15), 0)
