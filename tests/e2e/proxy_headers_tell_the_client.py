#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Where load balancers speak the PROXY protocol, the address that they tell is
the client's, before HTTP and before TLS.  They must tell one, nobody else may,
and elsewhere no such header is read."""
import copy
import ipaddress
import signal
import ssl
import struct

from lib import (Client, Platform, address_in, same, story, truth, wait_for)
from lib.addresses import HOST, free_port
from lib.http import Reader

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BALANCER = "127.0.0.1"
STRANGER = "127.0.0.9"
ASK = [("Host", "flow.example.com")]


def v1(source, destination="192.0.2.1"):
    return f"PROXY TCP{4 if ':' not in source else 6} {source} " \
        f"{destination} 1111 443\r\n".encode()


def v2(source, destination, tlvs=b""):
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    block = a.packed + b.packed + struct.pack("!HH", 1111, 443) + tlvs
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11 if a.version == 4 else
                                   0x21, len(block)) + block


LOCAL = SIGNATURE + b"\x20\0\0\0"
ENDPOINT = b"\xea\0\x17\x01vpce-0a1b2c3d4e5f67890"


def over_tls(address, header):
    """The header, and only then the handshake."""
    c = Client(address)
    c.send(header)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    c.sock = context.wrap_socket(c.sock, server_hostname="flow.example.com")
    c.reader = Reader(c.sock)
    return c


class Story:
    def __init__(self, platform):
        self.platform, self.asked = platform, 0

    def ask(self, address, header, fields=(), tls=False, parts=1):
        """What the engine was told of one request behind that header."""
        path = f"/api/run/1/{self.asked}"
        self.asked += 1
        if tls:
            c = over_tls(address, header)
        else:
            c = Client(address)
            for i in range(parts):
                c.send(header[i * len(header) // parts:
                              (i + 1) * len(header) // parts])
        with c:
            same(f"status of {path}", c.ask("GET", path, ASK + list(fields))
                 .status, 200)
        return self.platform.origin("US").wait_requests(self.asked)[-1]


@story
def main():
    proxied, secure, plain = ((HOST, free_port()) for _ in range(3))
    french, british = address_in("FR"), address_in("GB")
    french6 = address_in("FR", 6)
    listeners = [
        {"name": "proxied", "address": "%s:%d" % proxied,
         "proxy": {"from": [BALANCER]}},
        {"name": "secure", "address": "%s:%d" % secure,
         "tls": {"certificate": "tls/site.pem", "key": "tls/site.key"},
         "proxy": {"from": [BALANCER, "10.0.0.0/8"]}},
        {"name": "plain", "address": "%s:%d" % plain},
    ]
    settings = {"listeners": listeners, "timeouts": {"head": "1s"}}
    with Platform(settings=settings, tls=True) as p:
        us, tell = p["US"], Story(p)

        def country(request):
            return request["X-ManyWho-GeoLocation-Country"]

        def told(request):
            return [country(request), request["X-Real-IP"],
                    request["X-Forwarded-Port"], request["X-Forwarded-Proto"]]

        # Both versions, both families, however it is cut, over both.
        same("v1", told(tell.ask(proxied, v1(french))),
             ["FR", french, "443", "http"])
        same("v1 of IPv6", country(tell.ask(proxied, v1(french6, "::1"))),
             "FR")
        same("v2", told(tell.ask(proxied, v2(british, "192.0.2.1"))),
             ["GB", british, "443", "http"])
        same("v2 in pieces", told(tell.ask(proxied, v2(
            french6, "::1", ENDPOINT), parts=7))[:2], ["FR", french6])
        same("before TLS", told(tell.ask(secure, v1(french), tls=True)),
             ["FR", french, "443", "https"])
        same("v2 before TLS", country(tell.ask(secure, v2(
            british, "192.0.2.1", ENDPOINT), tls=True)), "GB")

        # What the client itself says counts only if it is trusted.
        same("a forger", country(tell.ask(proxied, v1(french), [
            ("X-Forwarded-For", british), ("X-Real-IP", british)])), "FR")
        same("a trusted one", country(tell.ask(proxied, v1("127.0.0.5"), [
            ("X-Forwarded-For", british)])), "GB")
        # The balancer's own checks come from itself.
        same("local", told(tell.ask(proxied, LOCAL))[1], BALANCER)
        same("unknown", told(tell.ask(proxied, b"PROXY UNKNOWN\r\n"))[1],
             BALANCER)

        lines = {line["path"]: line for line in us.access(tell.asked)}
        line = lines["/api/run/1/3"]
        for key, value in {"client": french6, "peer": french6,
                           "relay": BALANCER, "client_source": "proxy",
                           "vpc_endpoint": "vpce-0a1b2c3d4e5f67890"}.items():
            same(key, line.get(key), value)
        same("of a forwarder", lines["/api/run/1/7"]["client_source"],
             "forwarded")
        same("of a check", lines["/api/run/1/8"]["client_source"], "peer")
        truth("no relay of a check", "relay" not in lines["/api/run/1/8"])

        # No header, a wrong one, half a one, or from a stranger: no answer.
        request = b"GET / HTTP/1.1\r\nHost: flow.example.com\r\n\r\n"
        refused = [(request, None), (b"PROXY TCP4 a b 1 2\r\n" + request, None),
                   (v2(french, "192.0.2.1")[:20], None),
                   (v1(french) + request, STRANGER), (b"", STRANGER)]
        for number, (data, source) in enumerate(refused):
            for address in proxied, secure:
                with Client(address, source=source) as c:
                    try:
                        c.send(data)
                    except ConnectionError:
                        pass            # cut off already
                    c.must_close(f"refused {number}")
        wait_for("all are counted", lambda: us.metric(
            "portolan_proxy_refused_total") == 2 * len(refused))
        for words in ("the PROXY header is missing",
                      "has no two addresses", "did not come in time",
                      f"from {STRANGER}: it is not in proxy.from"):
            us.says(words)

        # Elsewhere it is no header, and before a second request neither.
        with Client(plain) as c:
            c.send(v1(french) + request)
            same("on a plain listener", c.read().status, 400)
        with Client(proxied) as c:
            c.send(v1(french) + v1(british) + request)
            same("a second one", c.read().status, 400)
        same("none of these went on", len(p.origin("US").wait_requests(
            tell.asked)), tell.asked)

        # New connections follow a reload.
        changed = copy.deepcopy(listeners)
        del changed[0]["proxy"]
        p.settings["listeners"] = changed
        generation = us.metric("portolan_config_generation")
        us.write_config()
        us.signal(signal.SIGHUP)
        wait_for("the reload", lambda: us.metric(
            "portolan_config_generation") > generation)
        same("without it", told(tell.ask(proxied, b""))[1], BALANCER)
