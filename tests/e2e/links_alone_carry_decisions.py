#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The inner headers are believed on a link from an edge that shows its
certificate, and there only if this edge agrees; elsewhere they are dropped."""
import os
import ssl

from lib import Client, Platform, same, story, truth, wait_for
from lib.platform import make_certificate

TOLD = [("X-Portolan-Client", "192.0.2.1"), ("X-Portolan-Frontend", "US"),
        ("X-Portolan-Decision", "GB 1"), ("X-Portolan-Request", "abc"),
        ("X-Portolan-Place", "located FR EU"),
        ("X-Portolan-Flow", "not-needed -"),
        ("X-Portolan-Tenant", "-"), ("X-Portolan-Restrictions", "-")]
HOST = ("Host", "flow.example.com")


def tell(**changes):
    return [HOST] + [(n, changes.get(n.split("-")[2].lower(), v))
                     for n, v in TOLD]


class Peer(Client):
    """An edge's connection to the link listener of another."""

    def __init__(self, p, region, to):
        super().__init__(to.link)
        tls = p.path("tls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(os.path.join(tls, "ca.pem"))
        context.load_cert_chain(os.path.join(tls, f"{region}.pem"),
                                os.path.join(tls, f"{region}.key"))
        self.sock = context.wrap_socket(self.sock)
        self.reader.sock = self.sock


@story
def main():
    with Platform(["US", "GB"]) as p:
        us, gb = p["US"], p["GB"]
        wait_for("links", lambda: us.metric("portolan_upstream_up") == 2 and
                 gb.metric("portolan_upstream_up") == 2)

        us.get("/api/run/1/x", TOLD, of="FR")
        seen = p.origin("GB").wait_requests(1)[-1] \
            if p.origin("GB").requests else p.origin("US").last()
        truth("dropped from clients", not any(
            n.lower().startswith("x-portolan") for n, _ in seen.fields))

        with Peer(p, "US", gb) as peer:
            def ask(path="/api/run/1/state/x", **changes):
                return peer.ask("GET", path, tell(**changes))

            answer = ask()
            same("agreed", answer.status, 200)
            same("backend", answer["X-ManyWho-Region-Backend"], "GB")
            same("frontend", answer.all("X-ManyWho-Region-Frontend"), ["US"])
            got = p.origin("GB").requests[-1]
            same("the place is the one told",
                 got["X-ManyWho-GeoLocation-Country"], "FR")
            same("the id is the one told", got["X-Request-Id"], "abc")
            for what, changes in [
                    ("frontend", {"frontend": "GB"}),
                    ("decision", {"decision": "US 1"}),
                    ("place", {"place": "located XX EU"}),
                    ("flow", {"flow": "nothing"}),
                    ("client", {"client": "localhost"}),
                    ("a central path", {"path": "/api/draw/1/flow"})]:
                answer = ask(**changes)
                same(f"disagreement about {what}", answer.status, 421)
                same("no engine", answer["X-ManyWho-Region-Backend"], None)
            same("all are counted", gb.metric(
                "portolan_link_disagreements_total"), 6)
            answer = peer.ask("GET", "/api/run/1/x", [HOST])
            same("nothing told", answer.status, 421)
            answer = peer.ask("GET", "/api/run/1/x", tell() + [
                ("Via", "1.1 portolan-gb")])
            same("been here before", answer.status, 502)

        make_certificate(p.path("tls"), "nobody", "DNS:edge.example", "ca")
        with Peer(p, "nobody", gb) as peer:
            same("no region in the certificate",
                 peer.ask("GET", "/api/run/1/state/x", tell()).status, 421)
