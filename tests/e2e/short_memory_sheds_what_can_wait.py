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

from lib import Failed, Platform, portolan, same, story, truth, wait_for

HOST = [("Host", "flow.example.com")]
CROWDED, ONLY_RUNTIME, NOTHING = 1, 2, 3
# The middle of where a level is both entered and kept, rising and falling.
SHARES = {CROWDED: 0.875, ONLY_RUNTIME: 0.935, NOTHING: 1.3}


def limit_memory(edge, bytes_):
    edge.platform.settings["limits"] = {"memory": int(bytes_)}
    edge.write_config()
    portolan("ctl", "reload", "-c", edge.config_file)


def level(edge):
    return int(edge.metric("portolan_pressure", by="memory"))


def press(edge, wanted):
    """A reload changes what is in use, often to and fro between two values:
    the limit is set by one of those seen of late, until it fits."""
    seen = []
    for _ in range(40):
        seen = seen[-3:] + [edge.metric("process_resident_memory_bytes")]
        limit_memory(edge, random.choice(seen) / SHARES[wanted])
        try:
            wait_for(f"level {wanted}", lambda: level(edge) == wanted, 1.5)
            return
        except Failed:
            continue
    raise Failed(f"level {wanted} is not reached")


def asks(client, target):
    return client.ask("GET", target, HOST)


def check_levels(edge, client, idle):
    stay_and(client, edge, CROWDED)
    for what in ("/", "/api/run/1"):
        same(what, asks(client, what).status, 200)
    newcomer = edge.connect()
    newcomer.send(b"GET / HTTP/1.1\r\nHost: flow.example.com\r\n\r\n")
    newcomer.sock.settimeout(0.3)
    try:
        truth("a newcomer waits", newcomer.sock.recv(1) is None)
    except TimeoutError:
        pass
    wait_for("who idles is asked to leave", lambda: (
        asks(client, "/").status == 200 and edge.metric(
            "portolan_idle_shed_total") > 0))
    idle.must_close("an idle connection")
    return newcomer


def stay_and(client, edge, wanted):
    """Keeps its connection from idling while the level is reached."""
    reached = threading.Event()

    def ask_on():
        while not reached.wait(0.1):
            asks(client, "/api/run/1")
    thread = threading.Thread(target=ask_on)
    thread.start()
    try:
        press(edge, wanted)
    finally:
        reached.set()
        thread.join()


@story
def main():
    # Of what was freed ASan keeps up to 256 MB, and each reload adds to it: no
    # limit would fit twice.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
        ":quarantine_size_mb=8"
    with Platform() as platform:
        edge = platform["US"]
        limit_memory(edge, 0)
        idle, client = edge.connect(), edge.connect()
        same("before", asks(idle, "/").status, 200)
        same("before", asks(client, "/").status, 200)
        time.sleep(1.1)                 # shorter is no idling
        newcomer = check_levels(edge, client, idle)

        stay_and(client, edge, ONLY_RUNTIME)
        same("runtime", asks(client, "/api/run/1").status, 200)
        answer = asks(client, "/")
        same("central", answer.status, 503)
        truth("when to come again", int(answer["Retry-After"]) > 0)
        stay_and(client, edge, NOTHING)
        same("runtime", asks(client, "/api/run/1").status, 503)
        same("health", edge.admin("/readyz").status, 200)
        truth("the reason", b"[-] no overload" in
              edge.admin("/readyz?verbose").body)

        limit_memory(edge, 0)
        newcomer.sock.settimeout(10)
        same("the newcomer's turn", newcomer.read().status, 200)
        same("all is well", edge.get("/").status, 200)
        edge.stop()
        shed = [line for line in edge.access() if "limit" in line]
        same("in the log", {(line["limit"], line["outcome"],
                             line["termination"]) for line in shed},
             {("memory", "overload", "RQ")})
