#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What clients and engines say about regions and places never passes; what
the edge says arrives exactly once, at both ends."""
import json

from lib import Origin, Platform, address_in, same, story, truth

FORGED = [
    ("X-ManyWho-Region-Frontend", "GB"),
    ("x-manywho-region-backend", "GB"),
    ("X-ManyWho-GeoLocation-Country", "SZ"),
    ("X-ManyWho-GeoLocation-Continent", "AF"),
    ("X-ManyWho-Region-Explain", "please"),
    ("X-Forwarded-Host", "evil.example.com"),
    ("X-Forwarded-Proto", "gopher"),
    ("X-Portolan-Generation", "7"),
    ("X-Real-IP", "203.0.113.66"),
    ("Connection", "X-Secret"),
    ("X-Secret", "hop by hop"),
    ("X-Kept", "end to end"),
]


def liar(conn, request):
    body = json.dumps(request.fields).encode()
    conn.send(b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Frontend: AU\r\n"
              b"X-ManyWho-Region-Frontend: SG\r\n"
              b"X-ManyWho-Region-Backend: US\r\n"
              b"Connection: X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\n"
              b"Content-Length: %d\r\n\r\n" % len(body) + body)


@story
def main():
    with Platform(origins={"US": Origin("US", liar)}) as platform:
        answer = platform["US"].get("/api/run/1/x", FORGED, of="FR")
        same("frontend", answer.all("X-ManyWho-Region-Frontend"), ["US"])
        same("backend", answer.all("X-ManyWho-Region-Backend"), ["US"])
        same("explain", answer.all("X-ManyWho-Region-Explain"), [])
        same("hop by hop", answer.all("X-Hop"), [])
        same("end to end", answer.all("X-End"), ["1"])

        fields = json.loads(answer.body)
        arrived = {}
        for name, value in fields:
            arrived.setdefault(name.lower(), []).append(value)
        same("country", arrived.get("x-manywho-geolocation-country"), ["FR"])
        same("continent", arrived.get("x-manywho-geolocation-continent"),
             ["EU"])
        same("X-Kept", arrived.get("x-kept"), ["end to end"])
        same("X-Secret", arrived.get("x-secret"), None)
        same("explain", arrived.get("x-manywho-region-explain"), None)
        same("frontend", arrived.get("x-manywho-region-frontend"), None)
        same("host", arrived.get("host"), ["flow.example.com"])
        same("X-Forwarded-Host", arrived.get("x-forwarded-host"),
             ["flow.example.com"])
        same("X-Forwarded-Proto", arrived.get("x-forwarded-proto"), ["http"])
        same("Via", len(arrived.get("via", [])), 1)
        same("X-Request-Id", len(arrived.get("x-request-id", [])), 1)
        same("X-Real-IP", arrived.get("x-real-ip"), [address_in("FR")])
        truth("the chain of addresses",
              arrived["x-forwarded-for"][0].count(",") == 1)

        # Naming ours as hop by hop, to have them taken away, is refused.
        for name in ("X-ManyWho-GeoLocation-Country", "Via", "Host",
                     "Content-Length"):
            same(f"Connection: {name}", platform["US"].get(
                "/api/run/1/x", [("Connection", name)]).status, 400)
        # The way that a client came does not become another one by that.
        answer = platform["US"].get("/api/run/1/x", [
            ("Connection", "X-Forwarded-For, X-Real-IP, X-Forwarded-Proto")],
            of="FR")
        fields = dict(json.loads(answer.body))
        same("named in vain", (fields["X-Real-IP"],
                               fields["X-ManyWho-GeoLocation-Country"]),
             (address_in("FR"), "FR"))
