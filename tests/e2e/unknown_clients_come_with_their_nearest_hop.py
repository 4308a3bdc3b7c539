#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Where trusted hops tell something that is no address, the client is unknown
and nothing left of it counts; the engine is told the hop that said so, in the
client's region or another."""
from lib import Origin, Platform, address_in, same, story

FR = address_in("FR")
JUNK = ["unknown", "_hidden", "garbage", "localhost", f"{FR}.", f"{FR}/8",
        f"for={FR}", f'"{FR}"', "fe80::1%eth0", "2001:218::1:99999", "[]",
        "256.1.1.1", "081.002.069.160", "0x51.2.69.160", "1359103392"]


def told(origin):
    seen = origin.last()
    return [seen[n] for n in ("X-Real-IP", "X-ManyWho-GeoLocation-Country",
                              "X-ManyWho-GeoLocation-Continent")]


@story
def main():
    with Platform(["US", "GB"], origins={"US": Origin("US")}, settings={
            "client_address": {"trusted": ["127.0.0.0/8", "10.0.0.0/8"]}}) as p:
        origin = p.origin("US")
        for edge in p.edges.values():       # GB's asks over the link
            with edge.connect() as c:
                peer = c.sock.getsockname()[0]
            for chain, nearest in [(j, peer) for j in JUNK] + [
                    (f"{FR}, {j}, 10.1.2.3", "10.1.2.3") for j in JUNK]:
                answer = edge.get("/api/run/1/x", [("X-Forwarded-For", chain)])
                same(f"status of {chain}", answer.status, 200)
                same("backend", answer["X-ManyWho-Region-Backend"], "US")
                same(f"of {chain}", told(origin), [nearest, "", ""])
            edge.get("/api/run/1/x", of=f"garbage, {address_in('US')}")
            same("what is known", told(origin), [address_in("US"), "US",
                                                 "NA"])
