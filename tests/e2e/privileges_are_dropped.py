#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Started by root with `user: nobody`, everything but the master runs as
nobody, can gain nothing back, owns its sockets, and yet a reload may add a
port that is root's to give.  Without root, naming another user is refused."""
import os
import pwd
import re
import shutil
import signal
import socket

from lib import Client, Platform, portolan, same, story, truth, wait_for
from lib.addresses import HOST, ROOT


def low_port():
    """A privileged one that nobody listens on at this story's address."""
    for port in range(700, 1000):
        with socket.socket() as s:
            try:
                s.bind((HOST, port))
                return port
            except OSError:
                continue
    raise OSError("no low port is free")


def of_process(pid, name):
    with open(f"/proc/{pid}/status") as f:
        return re.search(rf"(?m)^{name}:[ \t]*(.*)$", f.read()).group(1).split()


def ask(at):
    with Client(at) as c:
        return c.ask("GET", "/api/run/1/x",
                     [("Host", "flow.example.com")]).status


@story
def main():
    platform = Platform(embedded=1, flows=os.path.join(ROOT, "conf/flows"),
                        settings={"user": "nobody"})
    edge = platform["US"]
    if os.geteuid() != 0:
        edge.write_config()
        code, _, err = portolan("run", "-c", edge.config_file, expect=None)
        same("refused", code, 2)
        truth("why: " + err, 'only root can become "nobody"' in err)
        return
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    # What the service reads and writes is for it to read and write.
    # The checkout may stand where nobody may look (root's home).
    os.chmod(platform.directory, 0o755)
    platform.database = shutil.copy(platform.database,
                                    platform.path("country.mmdb"))
    platform.flows = shutil.copytree(platform.flows, platform.path("flows"))
    logs = platform.path("logs")
    os.mkdir(logs)
    os.chown(logs, int(nobody), -1)
    edge.access_file = os.path.join(logs, "access.log")
    edge.plain = (HOST, low_port())
    pid_file = platform.path("portolan.pid")
    platform.settings["pid_file"] = pid_file
    with platform:
        master = edge.process.pid
        with open(pid_file) as f:
            same("the pid file", f.read(), f"{master}\n")
        same("the master", of_process(master, "Uid"), ["0"] * 4)
        for role in ("edge", "console", "engine US/0"):
            pid = int(re.findall(rf"{role} is process (\d+)",
                                 edge.errors())[-1])
            same(role, of_process(pid, "Uid"), [nobody] * 4)
            same(f"{role}: groups", of_process(pid, "Groups"), [])
            same(f"{role}: NoNewPrivs", of_process(pid, "NoNewPrivs"), ["1"])
            same(f"{role}: capabilities",
                 int(of_process(pid, "CapEff")[0], 16), 0)
        for name in ("admin.sock", "edge.sock", "engine-US-0.sock"):
            stat = os.stat(os.path.join(edge.run_dir, name))
            same(f"{name}: owner and mode", (str(stat.st_uid),
                 oct(stat.st_mode & 0o777)), (nobody, "0o600"))
        same("the low port", ask(edge.plain) // 100, 4)

        # Whom the access log belongs to is who can begin a new one.
        os.rename(edge.access_file, edge.access_file + ".1")
        edge.signal(signal.SIGUSR1)
        wait_for("a new access log",
                 lambda: os.path.exists(edge.access_file))

        another = (HOST, low_port())
        platform.settings["listeners"] = [
            {"name": "plain", "address": "%s:%d" % edge.plain},
            {"name": "low", "address": "%s:%d" % another}]
        edge.write_config()
        portolan("ctl", "reload", "-c", edge.config_file)
        same("a low port more", ask(another) // 100, 4)

        # A second instance does not start, and takes nothing away.
        code, _, err = portolan("run", "-c", edge.config_file, expect=None)
        same("a second instance", code, 2)
        truth("it says why: " + err, "running already" in err)
        truth("the first one's pid file", os.path.exists(pid_file))
        same("the first one", ask(edge.plain) // 100, 4)
    truth("no pid file is left", not os.path.exists(pid_file))
