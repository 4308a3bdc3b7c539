#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An edge that nears its limit of memory first takes nobody new and asks idle
connections to leave, then serves runtime alone, then nothing, and comes back
by itself; the console is heard all the while."""
import os
import random
import threading
import time

from lib import (Failed, Origin, Platform, portolan, same, story, truth,
                 wait_for)
from lib.h2 import h2_of
from lib.story import SCALE

CROWDED, ONLY_RUNTIME, NOTHING = 1, 2, 3
# The middle of where a level is both entered and kept, rising and falling.
SHARES = {CROWDED: 0.875, ONLY_RUNTIME: 0.935, NOTHING: 1.3}
KEPT_S = 1.2                            # two measurements, and more
gate = threading.Event()


def engine(conn, request):
    if request.target.endswith("/held"):
        conn.wait(gate, 170)
    conn.answer(200, b"ok")


def limit_memory(edge, bytes_):
    edge.platform.settings["limits"] = {"memory": int(bytes_)}
    edge.write_config()
    portolan("ctl", "reload", "-c", edge.config_file)


def level(edge):
    return int(edge.metric("portolan_pressure", by="memory"))


def stays(edge, wanted):
    """What is freed once it is reached may be too much for it."""
    end = time.monotonic() + KEPT_S
    while level(edge) == wanted:
        if time.monotonic() > end:
            return True
        time.sleep(0.05)
    return False


def press(edge, wanted):
    """A reload changes what is in use, often to and fro between two values:
    the limit is set by one of those seen of late, until it fits."""
    seen = []
    for _ in range(40):
        seen = seen[-3:] + [edge.metric("process_resident_memory_bytes")]
        limit_memory(edge, random.choice(seen) / SHARES[wanted])
        try:
            wait_for(f"level {wanted}", lambda: level(edge) == wanted, 1.5)
        except Failed:
            continue
        if stays(edge, wanted):
            return
    raise Failed(f"level {wanted} is not reached")


def check_levels(edge, client, idle):
    press(edge, CROWDED)
    for what in ("/", "/api/run/1"):
        same(what, client.get(what).status, 200)
    newcomer = edge.connect()
    newcomer.send(b"GET / HTTP/1.1\r\nHost: flow.example.com\r\n\r\n")
    newcomer.sock.settimeout(0.3)
    try:
        truth("a newcomer waits", newcomer.sock.recv(1) is None)
    except TimeoutError:
        pass
    wait_for("who idles is asked to leave", lambda: edge.metric(
        "portolan_idle_shed_total") > 0)
    idle.must_close("an idle connection")
    same("who does not idle stays", client.get("/").status, 200)
    return newcomer


@story
def main():
    # Of what was freed ASan keeps up to 256 MB, and each reload adds to it: no
    # limit would fit twice.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
        ":quarantine_size_mb=8"
    with Platform(origins={"US": Origin("US", engine)}, settings={
            "timeouts": {"response_head": "10m"}}) as platform:
        edge = platform["US"]
        limit_memory(edge, 0)
        idle, client = edge.connect(), h2_of(edge)
        same("before", idle.ask("GET", "/", [
            ("Host", "flow.example.com")]).status, 200)
        # While one of its requests is under way a connection does not idle,
        # however slow this machine is.
        held = client.ask(client.fields("GET", "/api/run/1/held"))
        time.sleep(1.1)                 # shorter is no idling
        newcomer = check_levels(edge, client, idle)

        press(edge, ONLY_RUNTIME)
        same("runtime", client.get("/api/run/1").status, 200)
        answer = client.get("/")
        same("central", answer.status, 503)
        truth("when to come again", int(answer["retry-after"]) > 0)
        press(edge, NOTHING)
        same("runtime", client.get("/api/run/1").status, 503)
        same("health", edge.admin("/readyz").status, 200)
        truth("the reason", b"[-] no overload" in
              edge.admin("/readyz?verbose").body)
        gate.set()
        same("what had begun before", client.answer(held).status, 200)

        limit_memory(edge, 0)
        newcomer.sock.settimeout(10 * SCALE)
        same("the newcomer's turn", newcomer.read().status, 200)
        same("all is well", edge.get("/").status, 200)
        edge.stop()
        shed = [line for line in edge.access() if "limit" in line]
        same("in the log", {(line["limit"], line["outcome"],
                             line["termination"]) for line in shed},
             {("memory", "overload", "RQ")})
