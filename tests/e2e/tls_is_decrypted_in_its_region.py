#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A region may keep decryption to itself: whoever reaches another region's
edge and asks TLS for one of its hosts is passed on undecrypted, however the
ClientHello is cut, and is known there by his own address.  What comes for
such a host in clear, or under another name, is refused; so is what is no
ClientHello.  A pass is logged and counted; without the region it ends."""
import json
import socket
import ssl

from lib import Client, Platform, portolan, same, story, truth, wait_for
from lib.addresses import HOST, free_port
from lib.client import head_bytes
from lib.handshake import (Shaken, certificate_der, listener, refused,
                           tls_client)
from lib.platform import GLOBAL_HOST, make_certificate

GB = f"gb.{GLOBAL_HOST}"


class Wire:
    """Both ends of TLS without a socket, so that bytes go as we like."""

    def __init__(self, name):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = tls_client().wrap_bio(self.incoming, self.outgoing,
                                         server_hostname=name)

    def shake(self, sock, pieces):
        while True:
            try:
                self.tls.do_handshake()
                sock.sendall(self.outgoing.read())
                return
            except ssl.SSLWantReadError:
                for piece in pieces(self.outgoing.read()):
                    sock.sendall(piece)
                self.incoming.write(sock.recv(65536))

    def ask(self, sock, request):
        self.tls.write(request)
        sock.sendall(self.outgoing.read())
        while True:
            try:
                return self.tls.read()
            except ssl.SSLWantReadError:
                self.incoming.write(sock.recv(65536))


def in_records(data):
    """The first record as many, each in packets of its own."""
    if data[:1] != b"\x16":
        return [data]
    length = int.from_bytes(data[3:5], "big")
    body, rest = data[5:5 + length], data[5 + length:]
    found = []
    for at in range(0, len(body), 50):
        part = body[at:at + 50]
        found += [b"\x16\x03", b"\x01" + len(part).to_bytes(2, "big") + part]
    return found + [rest]


def dripped(data):
    return [data[i:i + 1] for i in range(min(len(data), 400))] + [data[400:]]


def cut_hellos(us):
    for pieces in (lambda data: [data], in_records, dripped):
        with socket.create_connection(us.tls, 20) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = Wire(GB)
            wire.shake(sock, pieces)
            answer = wire.ask(sock, head_bytes("GET", "/api/run/1/x",
                                               [("Host", GB)], None))
            same("however it is cut", answer.split(b"\r\n")[0],
                 b"HTTP/1.1 200 OK")


def no_hellos(us):
    with Client(us.tls) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        same("told of TLS", client.read().status, 400)
        client.must_close()
    for junk, end in ((b"SSH-2.0-OpenSSH_9.6\r\n", False),
                      (b"\x16\x03\x01\x00\x00", False),
                      (b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", False),
                      (b"\x16\x03\x01\x02\x00\x01\x00", True)):
        with socket.create_connection(us.tls, 20) as sock:
            sock.sendall(junk)
            if end:
                sock.shutdown(socket.SHUT_WR)
            try:
                same("no word", sock.recv(100), b"")
            except ConnectionResetError:
                pass                    # it was not read
    wait_for("they are counted", lambda: us.metric(
        "portolan_tls_hello_refused_total") == 4)


def configure(p, us, gb):
    make_certificate(p.path("tls"), "gb", f"DNS:{GB}", "site-ca")
    taken = (HOST, free_port())
    p.settings_of["US"] = {"link": {"peers": {"GB": {
        "addresses": ["%s:%d" % gb.link], "terminate": "in-region",
        "tls_port": taken[1]}}}}
    p.settings_of["GB"] = {
        "client_address": {"trusted": ["192.0.2.0/24"]},
        "listeners": [
            {"name": "plain", "address": "%s:%d" % gb.plain},
            {**listener("passed", taken, ("gb",)), "proxy": {"from": ["127.0.0.1"]}},
            {"name": "link", "kind": "link", "address": "%s:%d" % gb.link}]}


def passed_lines(edge):
    with open(edge.access_file) as f:
        lines = [json.loads(line) for line in f]
    return [x for x in lines if x.get("outcome") == "passed"]


@story
def main():
    p = Platform(regions=("US", "GB"), tls=True)
    us, gb = p["US"], p["GB"]
    configure(p, us, gb)
    with p:
        tls = p.path("tls")
        same("our own name", Shaken(us.tls, GLOBAL_HOST).certificate,
             certificate_der(tls, "site"))
        there = Shaken(us.tls, GB, source="127.8.8.8")
        same("the region's certificate", there.certificate,
             certificate_der(tls, "gb"))
        same("served there", there.status, 200)
        same("by its own edge",
             there.answer.all("x-manywho-region-frontend"), ["GB"])
        line = gb.access(1)[-1]
        same("known by its address", (line["peer"], line["relay"]),
             ("127.8.8.8", "127.0.0.1"))
        cut_hellos(us)
        no_hellos(us)

        same("in clear", us.get("/api/run/1/x", host=GB).status, 421)
        same("under another name",
             Shaken(us.tls, GLOBAL_HOST, host=GB).status, 421)
        wait_for("passes are logged", lambda: len(passed_lines(us)) >= 4)
        line, = [x for x in passed_lines(us) if x["peer"] == "127.8.8.8"]
        same("the line", (line["host"], line["backend"], line["frontend"],
                          line["engine"].startswith("GB ")),
             (GB, "GB", "US", True))
        truth("bytes", line["bytes_in"] > 200 and
              line["bytes_out"] > 500)
        wait_for("counted", lambda: us.metric(
            "portolan_tls_passed_total") >= 4)

        portolan("check", "--full", "-c", us.config_file)

        gb.stop()
        same("nobody to pass to", refused(us.tls, GB, tls_client()), True)
        same("counted", us.metric("portolan_tls_pass_failed_total"), 1)
        same("the others go on", Shaken(us.tls, GLOBAL_HOST).status, 200)
