#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A reload moves the console to another address and its admin socket to
another path, as it does with listeners: the answer still comes, the old ones
refuse, a taken port leaves everything as it was, and a crash of the console
changes nothing."""
import os
import signal

from lib import Client, Platform, portolan, same, story, truth, wait_for
from lib.addresses import HOST, free_port, listener

from crashed_processes_come_back import process_of
from listeners_change_in_a_reload import refuses


def health(address):
    with Client(address) as c:
        return c.ask("GET", "/healthz", [("Host", "console")]).status


@story
def main():
    with Platform() as platform:
        edge = platform["US"]
        old = edge.console
        old_admin = os.path.join(edge.run_dir, "admin.sock")
        new_admin = os.path.join(edge.run_dir, "other.sock")

        def reload(port, expect=0):
            edge.console = (HOST, port)
            platform.settings["console"] = {"socket": new_admin}
            edge.write_config()
            out, err = portolan("ctl", "reload", "-s", old_admin
                                if os.path.exists(old_admin) else new_admin,
                                expect=expect)
            return out + err

        with listener() as theirs:
            said = reload(theirs.getsockname()[1], expect=1)
            truth("a taken port is told: " + said, "console.address" in said)
            same("the old console", health(old), 200)
            truth("no other socket", not os.path.exists(new_admin))

        pid = process_of(edge, "console")
        truth("reloaded", "reloaded" in reload(free_port()))
        same("the new console", health(edge.console), 200)
        same("the same process", process_of(edge, "console"), pid)
        wait_for("the old one refuses", lambda: refuses(old))
        wait_for("the old socket is gone",
                 lambda: not os.path.exists(old_admin))
        truth("the new socket", "ready" in portolan(
            "ctl", "ready", "-s", new_admin)[0])

        os.kill(pid, signal.SIGKILL)
        wait_for("another console",
                 lambda: process_of(edge, "console") != pid)
        edge.wait_ready()
        same("after a crash", health(edge.console), 200)
