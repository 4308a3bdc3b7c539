#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A reload opens the listeners that are new, closes those that are gone (the
kernel refuses at once, nobody waits in a queue), keeps the connections of
those that stay; a port that another process has leaves everything as it was;
and a crashed edge comes back with the listeners of the last reload."""
import os
import signal

from lib import Client, Platform, portolan, same, story, truth, wait_for
from lib.addresses import HOST, free_port, listener
from lib.client import head_bytes

from crashed_processes_come_back import process_of


def status_at(address):
    with Client(address) as c:
        return c.ask("GET", "/api/run/1/x",
                     [("Host", "flow.example.com")]).status


def refuses(address):
    try:
        with Client(address) as c:
            c.must_close()
    except ConnectionRefusedError:
        return True
    except OSError:                     # it was just about to be closed
        return False
    return False


def reload(edge, listeners, expect=0):
    edge.platform.settings = {"listeners": [
        {"name": name, "address": "%s:%d" % at} for name, at in listeners]}
    edge.write_config()
    return portolan("ctl", "reload", "-c", edge.config_file, expect=expect)


@story
def main():
    with Platform() as platform:
        edge = platform["US"]
        old, more = edge.plain, (HOST, free_port())
        with Client(old) as kept:
            same("before", kept.ask("GET", "/api/run/1/x", [
                ("Host", "flow.example.com")]).status, 200)

            reload(edge, [("plain", old), ("more", more)])
            same("the old one", status_at(old), 200)
            same("the new one", status_at(more), 200)

            reload(edge, [("other-name", more)])
            wait_for("the old one refuses", lambda: refuses(old))
            same("the one with another name", status_at(more), 200)
            # Begun before it was closed, so it is served to its end.
            kept.send(head_bytes("GET", "/api/run/1/y",
                                 [("Host", "flow.example.com")], None))
            same("the kept connection", kept.read().status, 200)

        with listener() as theirs:
            out, err = reload(edge, [("other-name", more), ("taken",
                              theirs.getsockname())], expect=1)
            truth("a taken port is named: " + out + err,
                  "listener taken:" in out + err and
                  "another process listens there" in out + err and
                  edge.config_file + ":" in out + err)
            same("nothing has changed", status_at(more), 200)

        reload(edge, [("other-name", more), ("plain", old)])
        before = process_of(edge, "edge")
        os.kill(before, signal.SIGKILL)
        wait_for("another edge", lambda: process_of(edge, "edge") != before)
        edge.wait_ready()
        for _ in range(8):              # whichever thread has it
            same("after a crash", (status_at(old), status_at(more)),
                 (200, 200))

        # What a reload cannot change is said, and the rest is done.
        edge.platform.settings["threads"] = 1
        edge.write_config()
        out, _ = portolan("ctl", "reload", "-c", edge.config_file)
        truth("threads wait for a restart: " + out,
              "threads: 2 stays until a restart; 1 is not in use yet" in out)
