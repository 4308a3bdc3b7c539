#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A log that nobody reads costs lines, which are counted, and no request.
When somebody reads again, what waited comes as whole lines."""
import json
import os
import tempfile

from lib import Platform, same, story, truth, wait_for

REQUESTS, AT_ONCE = 4000, 200
REQUEST = b"GET /%d HTTP/1.1\r\nHost: elsewhere.example.com\r\n\r\n"


def ask_many(us):
    with us.connect() as c:
        for first in range(0, REQUESTS, AT_ONCE):
            c.send(b"".join(REQUEST % n
                            for n in range(first, first + AT_ONCE)))
            for _ in range(AT_ONCE):
                same("answered", c.read().status, 421)


@story
def main():
    with tempfile.TemporaryDirectory() as d:
        os.mkfifo(f"{d}/log")
        with Platform(settings={"threads": 1, "log": {"access": f"{d}/log"},
                                "limits": {"requests_per_connection": 0}}
                      ) as p:
            us = p["US"]
            ask_many(us)

            def lost():
                return int(us.metric("portolan_access_log_dropped_total"))
            wait_for("lines are lost", lost)
            reader = os.open(f"{d}/log", os.O_RDONLY | os.O_NONBLOCK)
            text = b""

            def all_there():
                nonlocal text
                try:
                    text += os.read(reader, 1 << 20)
                except BlockingIOError:
                    pass
                return text.count(b"\n") + lost() >= REQUESTS
            wait_for("the others come", all_there)
            paths = [json.loads(line)["path"] for line in text.splitlines()]
            same("each once, in order", paths,
                 [f"/{n}" for n in range(len(paths))])
            same("none is missing", len(paths) + lost(), REQUESTS)
            truth("enough of them", len(paths) > 1000)
            os.close(reader)
