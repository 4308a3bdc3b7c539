#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The console's address may speak TLS and demand a certificate of whoever
asks.  A reload shows a new certificate of its own, and keeps the old one if
the new cannot be read; ctl goes on by the UNIX socket.  Another file waits
for a restart."""
import os
import shutil
import socket

from lib import Client, Platform, portolan, same, story, truth, wait_for
from lib.handshake import certificate_der, refused, tls_client
from lib.http import Reader
from lib.platform import make_certificate


def asked(us, chain):
    with Client(us.console) as c:
        c.sock = tls_client(chain=chain).wrap_socket(c.sock)
        c.reader = Reader(c.sock)
        answer = c.ask("GET", "/readyz", [("Host", "console")])
        return answer, c.sock.getpeercert(binary_form=True)


def admin_by_tls(us, chain):
    def admin(target, method="GET", body=None):
        with Client(us.console) as c:
            c.sock = tls_client(chain=chain).wrap_socket(c.sock)
            c.reader = Reader(c.sock)
            return c.ask(method, target, [("Host", "console"),
                                          ("Connection", "close")], body)
    return admin


@story
def main():
    p = Platform(tls=True)
    us, tls = p["US"], p.path("tls")
    for name in ("console", "operator", "next"):
        make_certificate(tls, name, f"DNS:{name}.example", "site-ca")
    make_certificate(tls, "other-ca", None, None)
    make_certificate(tls, "stranger", "DNS:operator.example", "other-ca")
    p.settings = {"console": {"tls": {
        "certificate": "tls/console.pem", "key": "tls/console.key",
        "client_ca": "tls/site-ca.pem"}}}
    operator = os.path.join(tls, "operator")
    us.admin = admin_by_tls(us, operator)
    with p:
        answer, shown = asked(us, operator)
        same("with a certificate", answer.status, 200)
        old = certificate_der(tls, "console")
        same("what it shows", shown, old)
        same("without", refused(us.console, None, tls_client()), True)
        same("with a stranger's", refused(us.console, None, tls_client(
            chain=os.path.join(tls, "stranger"))), True)
        with socket.create_connection(us.console, 20) as s:
            s.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
            truth("in clear", not s.recv(100).startswith(b"HTTP/"))
        portolan("ctl", "status", "-c", us.config_file)
        truth("its end", 'listener="console",name="console.example"' in
              us.admin("/metrics").body.decode())

        for end in ("pem", "key"):
            shutil.copy(os.path.join(tls, f"next.{end}"),
                        os.path.join(tls, f"console.{end}"))
        portolan("ctl", "reload", "-c", us.config_file)
        new = certificate_der(tls, "next")
        wait_for("the new one", lambda: asked(us, operator)[1] == new)
        shutil.copy(os.path.join(tls, "operator.key"),
                    os.path.join(tls, "console.key"))
        out, err = portolan("ctl", "reload", "-c", us.config_file, expect=1)
        truth("a wrong key is told: " + out + err,
              "console.tls.key: " in out + err)
        same("the new one stays", asked(us, operator)[1], new)

        shutil.copy(os.path.join(tls, "next.key"),
                    os.path.join(tls, "console.key"))
        p.settings["console"]["tls"]["certificate"] = "tls/next.pem"
        us.write_config()
        out, err = portolan("ctl", "reload", "-c", us.config_file)
        truth("other files wait: " + out + err,
              "warning: console.tls: " in out + err and
              "stays until a restart" in out + err)
