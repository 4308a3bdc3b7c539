#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""systemd's protocol: sockets that were opened for us are used, READY=1 comes
when they are served, RELOADING=1 and READY=1 around a reload, MAINPID= when a
new binary takes over, STOPPING=1 at the end."""
import os
import signal
import socket
import subprocess

from lib import Platform, same, story, truth, wait_for
from lib.command import PROGRAM
from lib.successor import adopt_orphans


class Manager:
    """The receiving end of $NOTIFY_SOCKET."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.sock.settimeout(0.05)
        self.path, self.heard = path, []

    def hears(self, word):
        try:
            while True:
                self.heard.append(self.sock.recv(4096).decode())
        except TimeoutError:
            pass
        return any(word in text for text in self.heard)

    def wait(self, word):
        wait_for(f"{word}; heard {self.heard}", lambda: self.hears(word))
        self.heard = []


@story
def main():
    adopt_orphans()
    platform = Platform()
    edge = platform["US"]
    manager = Manager(platform.path("notify"))
    listener = socket.create_server(("127.0.0.1", 0))
    edge.plain = listener.getsockname()
    edge.write_config()

    def hand_over():
        # In the child, before exec: descriptor 3 and its name.
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1",
                          LISTEN_FDNAMES="plain",
                          NOTIFY_SOCKET=manager.path)
        os.execv(PROGRAM, [PROGRAM, "run", "-c", edge.config_file])

    with open(edge.error_file, "ab") as err:
        edge.process = subprocess.Popen(
            ["true"], stdout=err, stderr=err, preexec_fn=hand_over,
            close_fds=False)
    try:
        manager.wait("READY=1")
        edge.wait_ready()
        same("served on the handed socket",
             edge.get("/api/run/1/x").status, 200)
        edge.signal(signal.SIGHUP)
        manager.wait("READY=1\nSTATUS=Serving; reloaded")
        edge.signal(signal.SIGUSR2)
        # By the one whom the manager knows; then by the one that it names.
        wait_for("an upgrade", lambda: manager.hears(
            "READY=1\nSTATUS=Serving; upgraded"))
        edge.succeeded()
        truth(f"first {manager.heard}", manager.heard[0].startswith(
            f"MAINPID={edge.process.pid}\n"))
        manager.heard = []
        edge.former_ends()
        same("served by another process",
             edge.get("/api/run/1/x").status, 200)
        edge.signal(signal.SIGTERM)
        manager.wait("STOPPING=1")
        same("exit code", edge.process.wait(15), 0)
        edge.process = None
    finally:
        platform.close(quietly=True)
