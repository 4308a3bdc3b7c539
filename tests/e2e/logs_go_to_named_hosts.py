#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Syslog over UDP and TCP, and the collector of spans, may be named instead of
numbered: names are looked up in the background, and one that is not found
holds up neither requests nor the lines of others."""
import json
import socket

from lib import Platform, same, story, truth, wait_for
from lib.story import SCALE

NAME = "localhost"


def first_choice():
    """The address that the system has for the name."""
    family, _, _, _, address = socket.getaddrinfo(
        NAME, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)[0]
    return family, address[0]


def bound(kind):
    family, address = first_choice()
    s = socket.socket(family, kind)
    s.settimeout(30 * SCALE)
    s.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        s.listen(5)
    return s


def received(sock, mark):
    """What comes on a connection until the mark is in it."""
    found = b""
    while mark not in found:
        more = sock.recv(65536)
        truth(f"more than {found!r}", more)
        found += more
    return found.decode()


@story
def main():
    with bound(socket.SOCK_DGRAM) as udp, bound(socket.SOCK_STREAM) as tcp, \
            bound(socket.SOCK_STREAM) as collector:
        port = {s: s.getsockname()[1] for s in (udp, tcp, collector)}
        p = Platform(settings={
            "trace": {"endpoint": f"http://{NAME}:{port[collector]}",
                      "sample": "100%"}})
        us = p["US"]
        p.settings["log"] = {"access": [
            us.access_file, f"syslog:udp:{NAME}:{port[udp]}",
            f"syslog:tcp:{NAME}:{port[tcp]}",
            "syslog:tcp:no-such-host.invalid:514"]}
        with p:
            same("status", us.get("/api/run/1/named", of="FR").status, 200)
            line = us.access()[0]
            told = udp.recv(65536).decode()
            same("by UDP", json.loads(told[told.index("{"):]), line)
            with tcp.accept()[0] as lines:
                lines.settimeout(30 * SCALE)
                told = received(lines, b"named")
                truth(f"by TCP: {told}", " portolan " in told)
            with collector.accept()[0] as spans:
                spans.settimeout(30 * SCALE)
                told = received(spans, b"]}]}")
                truth(f"its name: {told}",
                      f"Host: {NAME}:{port[collector]}\r\n" in told)
                spans.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                              b"{}")
                wait_for("delivered", lambda: us.metric(
                    "portolan_trace_spans_total", result="delivered") > 0)
            same("nothing is lost",
                 us.metric("portolan_access_log_dropped_total"), 0)
