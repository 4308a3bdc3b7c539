#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An answer that the engine cuts ends in a reset and never looks whole; one
that a client leaves frees the engine; and when the edge stops, what has begun
is finished, and GOAWAY says what was."""
import json
import signal
import threading

from lib import Origin, Platform, same, story, truth, wait_for
from lib.h2 import INTERNAL_ERROR, NO_ERROR, h2_of, rst

HEAD = b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: US\r\n"
gate = threading.Event()
gone = []


def engine(conn, request):
    what = request.target.rsplit("/", 1)[1]
    if what == "chunked":
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        conn.close()
    elif what == "length":
        conn.send(HEAD + b"Content-Length: 10\r\n\r\nhello")
        conn.close()
    elif what == "halves":
        conn.send(HEAD + b"Content-Length: 10\r\n\r\nhello")
        conn.wait(gate)
        conn.send(b"world")
    elif what == "endless":
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        gone.append(conn.receive())
        conn.close()
    elif what == "silent":
        gone.append(conn.receive())
        conn.close()
    else:
        conn.answer(200, b"fine")


def cuts(us, p):
    with h2_of(us) as h:
        for what in ("chunked", "length"):
            a = h.answer(h.ask(h.fields("GET", f"/api/run/1/{what}")))
            same(what, (a.status, a.body, a.ended, a.reset),
                 (200, b"hello", False, INTERNAL_ERROR))
        same("the connection goes on", h.get().body, b"fine")
        for count, what in enumerate(("endless", "silent"), 1):
            stream = h.ask(h.fields("GET", f"/api/run/1/{what}"))
            if what == "endless":
                h.until("a piece", lambda s=stream: s in h.streams and
                        h.streams[s].body)
            else:
                wait_for("the request to arrive", lambda: p.origin(
                    "US").last().target.endswith("silent"))
            h.send(rst(stream))
            wait_for("the engine to hear of it", lambda n=count:
                     len(gone) == n)
        same("and after", h.get().body, b"fine")


def limits_change(us, p):
    with h2_of(us) as h:
        h.until("settings", lambda: h.settings)
        same("streams", h.settings[3], 128)
        text = us.config_file
        with open(text) as f:
            config = json.load(f)
        config["limits"] = {"h2_streams": 7, "h2_window": "32KiB"}
        before = us.metric("portolan_config_generation")
        with open(text, "w") as f:
            json.dump(config, f)
        us.signal(signal.SIGHUP)
        wait_for("a reload", lambda: us.metric(
            "portolan_config_generation") > before)
        same("meanwhile", h.get().body, b"fine")
        h.ping()
        same("new limits", (h.settings[3], h.settings[4]), (7, 32768))
        truth("no end", h.goaway is None)


def stops(us, p):
    with h2_of(us) as h, h2_of(us) as idle:
        idle.get()
        stream = h.ask(h.fields("GET", "/api/run/1/halves"))
        h.until("a half", lambda: stream in h.streams and
                h.streams[stream].body)
        us.signal(signal.SIGTERM)
        idle.rest()
        same("nothing is lost", (idle.goaway.error, idle.goaway.last_stream),
             (NO_ERROR, 1))
        h.until("the announcement", lambda: h.goaway)
        h.until("the last stream's number", lambda:
                h.goaway.last_stream == stream)
        late = h.ask(h.fields())
        gate.set()
        a = h.answer(stream)
        same("what had begun", (a.body, a.ended), (b"helloworld", True))
        h.rest()
        same("no error", h.goaway.error, NO_ERROR)
        truth("what came too late is not begun", late not in h.streams)
        same("exit", us.stop(), 0)


@story
def main():
    with Platform(origins={"US": Origin("US", engine)}) as p:
        us = p["US"]
        cuts(us, p)
        limits_change(us, p)
        stops(us, p)
        lines = us.access(1)
        same("ends", {line["path"].rsplit("/", 1)[1]: line["termination"]
                      for line in lines if "1/" in line["path"]},
             {"chunked": "SD", "length": "SD", "endless": "CD",
              "silent": "CH", "halves": "--"})
