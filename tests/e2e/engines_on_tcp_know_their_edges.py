#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine on TCP speaks TLS alone and serves who shows a certificate of its
region: the edge, whose map names it by https://.  Without one, with a
stranger's, with another region's, and in clear, nothing is had of it.  HUP
reads its certificate anew, and keeps the old one if the new is bad."""
import json
import os
import shutil
import signal
import socket
import ssl

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import HOST, free_port
from lib.engine import FLOW, TENANT, Engine
from lib.handshake import certificate_der, tls_client
from lib.http import ProtocolError, Reader
from lib.platform import make_certificate, region_map_text


class RemoteEngine(Engine):
    """Its socket is an address; chain: what is shown to it."""

    def __init__(self, at, tls):
        super().__init__("US")
        self.at, self.chain = at, os.path.join(tls, "US")
        file = f"{self.dir}/portolan.yaml"
        with open(file) as f:
            config = json.load(f)
        config["link"] = {"certificate": f"{tls}/worker.pem",
                          "key": f"{tls}/worker.key", "ca": f"{tls}/ca.pem"}
        with open(file, "w") as f:
            json.dump(config, f)

    def listens(self):
        return ["--listen", "%s:%d" % self.at]

    def connect(self):
        sock = socket.create_connection(self.at, 20)
        return tls_client(chain=self.chain).wrap_socket(sock)

    def status(self, chain=None):
        """What it answers; None: nothing at all."""
        usual = self.chain
        self.chain = chain or usual
        try:
            return self.ask("GET", "/healthz").status
        except (OSError, ProtocolError):
            return None
        finally:
            self.chain = usual

    def shown(self):
        with self.connect() as sock:
            return sock.getpeercert(binary_form=True)


def without_certificate(engine):
    try:
        with tls_client().wrap_socket(socket.create_connection(
                engine.at, 20)) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            return sock.recv(100)
    except (ssl.SSLError, ConnectionError):
        return b""


def in_clear(engine):
    with socket.create_connection(engine.at, 20) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            return sock.recv(100)
        except ConnectionError:
            return b""


def begin(edge):
    return edge.ask("POST", "/api/run/1", [
        ("ManyWhoTenant", TENANT), ("Content-Type", "application/json")],
        json.dumps({"flowId": {"id": FLOW}}).encode())


@story
def main():
    at = (HOST, free_port())
    p = Platform(map_text=region_map_text(
        ["US"], {"US": ["https://%s:%d" % at]}))
    us, tls = p["US"], p.path("tls")
    for authority in ("ca", "other-ca"):
        make_certificate(tls, authority, None, None)
    for name, region, ca in (("US", "US", "ca"), ("worker", "US", "ca"),
                             ("next", "US", "ca"), ("GB", "GB", "ca"),
                             ("stranger", "US", "other-ca")):
        make_certificate(tls, name, f"URI:portolan:region:{region}", ca)
    p.settings = {"link": {"certificate": "tls/US.pem", "key": "tls/US.key",
                           "ca": "tls/ca.pem"}}
    us.write_config()
    with RemoteEngine(at, tls) as engine, p:
        answer = begin(us)
        same(f"by the edge: {answer.body!r}", answer.status, 200)
        truth("a state", json.loads(answer.body)["stateId"])
        same("another region's certificate",
             engine.status(os.path.join(tls, "GB")), 403)
        same("a stranger's", engine.status(os.path.join(tls, "stranger")),
             None)
        same("none", without_certificate(engine), b"")
        truth("in clear", not in_clear(engine).startswith(b"HTTP/1.1 200"))

        same("its own", engine.shown(), certificate_der(tls, "worker"))
        _, _, err = portolan("engine", "--listen", "http://127.0.0.1:0",
                             "-c", f"{engine.dir}/portolan.yaml",
                             "--flows", engine.flows,
                             "--store", f"{engine.dir}/other", expect=None)
        truth("no scheme: " + err, "write 10.0.0.1:8443 or" in err)
        for name in ("next", "GB"):
            for end in ("pem", "key"):
                shutil.copy(os.path.join(tls, f"{name}.{end}"),
                            os.path.join(tls, f"worker.{end}"))
            engine.process.send_signal(signal.SIGHUP)
            if name == "next":
                wait_for("the next", lambda: engine.shown() ==
                         certificate_der(tls, "next"))
            else:
                wait_for("it says why", lambda:
                         "does not name this region" in engine.errors())
        same("the bad one is not shown", engine.shown(),
             certificate_der(tls, "next"))
        same("the edge goes on", begin(us).status, 200)
    _, _, err = portolan("engine", "--listen", "127.0.0.1:0", "--socket",
                         "/nowhere", expect=None)
    truth("one place: " + err, "--socket, --listen and --fd" in err)
