#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Where the pid file should stand and a link to another file does, that file
is not emptied: the service says so and does not start."""
import os

from lib import Platform, portolan, same, story, truth

KEPT = "somebody's own\n"


def refused(edge, what):
    code, _, err = portolan("run", "-c", edge.config_file, expect=None)
    same(f"{what}: code", code, 2)
    truth(f"{what}: {err}", "pid_file" in err and "it is not written" in err)


@story
def main():
    platform = Platform()
    try:
        edge, file = platform["US"], platform.path("a.pid")
        platform.settings["pid_file"] = file
        edge.write_config()
        other = platform.write("other", KEPT)
        for link in os.symlink, os.link:
            link(platform.path("other"), file)
            refused(edge, link.__name__)
            truth("the link stays", os.path.lexists(file))
            os.unlink(file)
            with open(platform.path("other")) as f:
                same("the other file", f.read(), KEPT)
        os.mkfifo(file)
        refused(edge, "a pipe that nobody reads")
        os.unlink(file)
    finally:
        platform.close(quietly=True)
