#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Who comes to the link's listener without a certificate of an edge is not
heard at all, or told that he is in the wrong place; nothing reaches an engine,
and the edges go on talking to each other."""
import os
import ssl

from lib import Client, Platform, ProtocolError, same, story, truth, wait_for
from lib.platform import make_certificate, openssl

TOLD = [("Host", "flow.example.com"), ("X-Portolan-Client", "192.0.2.1"),
        ("X-Portolan-Frontend", "US"), ("X-Portolan-Decision", "GB 1"),
        ("X-Portolan-Request", "abc"), ("X-Portolan-Place", "located FR EU"),
        ("X-Portolan-Flow", "not-needed -"), ("X-Portolan-Tenant", "-"),
        ("X-Portolan-Restrictions", "-")]


def wrap(client, directory, name, version=ssl.TLSVersion.TLSv1_3):
    """TLS with that certificate (None: without); its own is not checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    if name is not None:
        context.load_cert_chain(os.path.join(directory, f"{name}.pem"),
                                os.path.join(directory, f"{name}.key"))
    client.sock = context.wrap_socket(client.sock)
    client.reader.sock = client.sock


def heard(edge, directory, name, fields):
    """The status that the link's listener answers; None: it does not."""
    with Client(edge.link) as client:
        try:
            wrap(client, directory, name)
            return client.ask("GET", "/api/run/1/state/x", fields).status
        except (OSError, ProtocolError):
            return None


def make_expired(directory):
    make_certificate(directory, "expired", "URI:portolan:region:US", "ca")
    openssl(directory, "x509", "-req", "-in", "expired.csr", "-CA", "ca.pem",
            "-CAkey", "ca.key", "-CAcreateserial", "-days", "-1",
            "-extfile", "expired.ext", "-out", "expired.pem")


@story
def main():
    with Platform(["US", "GB"]) as p:
        us, gb, tls = p["US"], p["GB"], p.path("tls")
        make_certificate(tls, "other-ca", None, None)
        make_certificate(tls, "foreign", "URI:portolan:region:US", "other-ca")
        make_certificate(tls, "two", "URI:portolan:region:US,"
                         "URI:portolan:region:GB", "ca")
        make_certificate(tls, "nowhere", "URI:portolan:region:ZZ", "ca")
        make_certificate(tls, "itself", "URI:portolan:region:GB", "ca")
        make_certificate(tls, "lower", "URI:portolan:region:us", "ca")
        make_certificate(tls, "long", "URI:portolan:region:" + "U" * 300, "ca")
        make_expired(tls)
        same("an edge", heard(gb, tls, "US", TOLD), 200)
        before = len(p.origin("GB").requests)

        for name in (None, "foreign", "expired"):
            same(f"certificate {name}", heard(gb, tls, name, TOLD), None)
        for name in ("two", "nowhere", "itself", "lower", "long"):
            same(f"certificate {name}", heard(gb, tls, name, TOLD), 421)
        for noise in (b"GET / HTTP/1.1\r\nHost: flow.example.com\r\n\r\n",
                      b"\x16\x03\x01\x40\x00" + b"\x01" * 100, bytes(2000)):
            with Client(gb.link) as client:
                client.send(noise)
                client.finish_sending()
                truth("no HTTP", b"HTTP" not in client.reader.rest())
        gb.says("listener link: no TLS with 127.0.0.1: "
                "certificate has expired")
        wait_for("all are counted", lambda: gb.metric(
            "portolan_tls_handshakes_failed_total") >= 6)
        # One good request does not open the door for the next.
        with Client(gb.link) as client:
            wrap(client, tls, "US")
            same("first", client.ask("GET", "/api/run/1/state/x",
                                     TOLD).status, 200)
            same("second", client.ask("GET", "/api/run/1/state/x",
                                      TOLD[:1]).status, 421)
            same("of a client's own", client.ask(
                "GET", "/api/run/1/state/x", TOLD[:1] + [
                    ("X-Forwarded-For", "192.0.2.1")]).status, 421)
        same("what arrived", len(p.origin("GB").requests), before + 1)

        # Nothing that a client says makes it an edge.
        answer = us.get("/api/run/1/state/x", TOLD[1:], of="GB")
        same("a client is a client", answer.status, 200)
        seen = p.origin("GB").last()
        truth(f"its words are left out: {seen.fields}",
              not any("portolan-" in name.lower() or "192.0.2.1" in value
                      for name, value in seen.fields))
        same("its country is the one that it is in",
             seen["X-ManyWho-GeoLocation-Country"], "GB")
        wait_for("both links", lambda: us.metric("portolan_upstream_up") == 2
                 and gb.metric("portolan_upstream_up") == 2)
