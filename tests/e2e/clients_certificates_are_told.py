#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A certificate that a client showed and that was verified stands in the
access log and, where the listener says so, reaches the engine as Client-Cert
(RFC 9440), over another region's edge as well, over HTTP/1.1 sessions that are
taken up again, too.  What clients say of certificates never passes."""
import base64
import hashlib
import json
import os

from lib import Client, Origin, Platform, same, story
from lib.addresses import free_port
from lib.handshake import certificate_der, listener, tls_client
from lib.http import Reader
from lib.platform import GLOBAL_HOST, make_certificate

FORGED = [("Client-Cert", ":Rm9yZ2Vk:"), ("client-cert-chain", ":Rm9yZ2Vk:"),
          ("Client_Cert", ":Rm9yZ2Vk:")]


def tell(conn, request):
    conn.answer(200, json.dumps(request.fields).encode())


class Asker:
    def __init__(self, us, tls):
        self.us, self.tls, self.session = us, tls, None

    def ask(self, at, who, of, resume=False):
        """What the engine sees of certificates, and the access line's."""
        before = len(self.us.access(0))
        context = tls_client(chain=who and os.path.join(self.tls, who))
        if resume:
            context = self.context
        with Client(at) as c:
            c.sock = context.wrap_socket(
                c.sock, server_hostname=GLOBAL_HOST,
                session=self.session if resume else None)
            c.reader = Reader(c.sock)
            answer = c.ask("GET", "/api/run/1/x", [
                ("Host", GLOBAL_HOST), ("X-Forwarded-For", of),
                *(FORGED if not resume else [])])
            same("status", answer.status, 200)
            if resume:
                same("taken up again", c.sock.session_reused, True)
            self.context, self.session = context, c.sock.session
        seen = [(n.lower(), v) for n, v in json.loads(answer.body)
                if n.lower().replace("_", "-").startswith("client-cert")]
        line = self.us.access(before + 1)[-1]
        return seen, {k: v for k, v in line.items()
                      if k.startswith("certificate")}


@story
def main():
    p = Platform(regions=("US", "GB"), tls=True, origins={
        r: Origin(r, tell) for r in ("US", "GB")})
    us, tls = p["US"], p.path("tls")
    make_certificate(tls, "alice", "DNS:Alice.example,email:a@b.example",
                     "site-ca")
    asking = dict(client_ca="tls/site-ca.pem", client_certificate="optional")
    quiet = (us.tls[0], free_port(us.tls[0]))
    p.settings_of = {"US": {"listeners": [
        {"name": "plain", "address": "%s:%d" % us.plain},
        {"name": "link", "kind": "link", "address": "%s:%d" % us.link},
        listener("tls", us.tls, ("site",), pass_certificate=True, **asking),
        listener("quiet", quiet, ("site",), **asking)]}}
    der = certificate_der(tls, "alice")
    told = [("client-cert", ":" + base64.b64encode(der).decode() + ":")]
    logged = {"certificate": hashlib.sha256(der).hexdigest(),
              "certificate_subject": "CN=alice",
              "certificate_names": "DNS:alice.example, EMAIL:a@b.example"}
    with p:
        a = Asker(us, tls)
        same("of nobody", a.ask(us.tls, None, "8.8.8.8"), ([], {}))
        for of in ("8.8.8.8", "81.2.69.160"):       # US; GB, over the link
            same(f"of alice from {of}", a.ask(us.tls, "alice", of),
                 (told, logged))
        same("in her next session",
             a.ask(us.tls, "alice", "8.8.8.8", resume=True), (told, logged))
        same("where it is not passed on", a.ask(quiet, "alice", "8.8.8.8"),
             ([], logged))
        same("in clear", [n for n, _ in json.loads(us.get(
            "/api/run/1/x", FORGED, of="FR").body)
            if n.lower().startswith("client")], [])
