#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine with `proxy: v2` hears of each client in a PROXY header before the
request.  No connection serves two clients, or two requests; probes say that
they are nobody's."""
import socket

from lib import Platform, same, story, truth
from lib.http import Closed, ProtocolError
from lib.origin import Origin
from lib.platform import GLOBAL_HOST

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


class Told(Origin):
    """Reads a header of version 2 before everything else."""

    def __init__(self, region):
        self.told = []                  # None of a probe, else the client
        super().__init__(region)

    @property
    def url(self):
        return {"url": super().url, "proxy": "v2"}

    def _serve(self, conn):
        try:
            head = conn.reader.exactly(16)
            rest = conn.reader.exactly(int.from_bytes(head[14:], "big"))
        except (OSError, Closed, ProtocolError):
            conn.close()
            return
        if head[:12] != SIGNATURE or head[12] not in (0x20, 0x21):
            self.errors.append(f"no PROXY header: {head}")
        elif head[12] == 0x20:
            self.told.append(None)
        else:
            size = {0x11: 4, 0x21: 16}[head[13]]
            family = socket.AF_INET if size == 4 else socket.AF_INET6
            self.told.append((
                socket.inet_ntop(family, rest[:size]),
                socket.inet_ntop(family, rest[size:2 * size]),
                int.from_bytes(rest[2 * size:2 * size + 2], "big"),
                int.from_bytes(rest[2 * size + 2:2 * size + 4], "big")))
        super()._serve(conn)

    def clients(self):
        return [t for t in list(self.told) if t is not None]


@story
def main():
    with Told("US") as engine, Platform(origins={"US": engine}) as p:
        us = p["US"]
        truth("probes", None in engine.told)
        with us.connect() as c:
            here = c.sock.getsockname()
            for _ in range(3):
                same("status", c.ask("GET", "/api/run/1/x",
                                     [("Host", GLOBAL_HOST)]).status, 200)
            same("forwarded", c.ask("GET", "/api/run/1/x", [
                ("Host", GLOBAL_HOST),
                ("X-Forwarded-For", "2001:db8::7")]).status, 200)
        first = (here[0], us.plain[0], here[1], us.plain[1])
        same("each on its own connection", engine.clients()[:3], [first] * 3)
        far = engine.clients()[3]
        same("whom a proxy told of", (far[0], far[2]), ("2001:db8::7", 0))
        same("a body", us.post("/api/run/1/x", b"x" * 100000).status, 200)
        same("as many as requests", len(engine.clients()), 5)
        same("all well", engine.errors, [])
