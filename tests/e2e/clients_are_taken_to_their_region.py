#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Runtime requests go to the client's region and all others to the main one,
whichever edge they enter by; every response says where it came in and where
it was executed, once each."""
import json

from lib import Platform, address_in, same, story

TELLING = [
    # of, path, backend
    ("GB", "/api/run/1/state/x", "GB"),
    ("FR", "/api/run/1/state/x", "GB"),         # by the continent
    ("NZ", "/api/file/1", "AU"),
    ("BR", "/api/social/1/stream/s", "US"),
    ("IN", "/api/service/1/data", "GB"),        # by the country
    ("GB", "/api/draw/1/flow", "US"),           # build time: the main region
    ("GB", "/api/running", "US"),               # not below /api/run
    ("GB", "/API/RUN/1/state/x", "GB"),         # ASCII case does not count
    ("GB", "/api/draw/../run/1", "GB"),         # normalised first
    ("192.168.1.1", "/api/run/1/state/x", "US"),    # private: the default
    ("2001:db8::1", "/api/run/1/state/x", "US"),
    ("::ffff:" + address_in("GB"), "/api/run/1/state/x", "GB"),
    ("64:ff9b::" + address_in("NZ"), "/api/run/1/state/x", "AU"),   # NAT64
    (address_in("GB", 6), "/api/run/1/state/x", "GB"),
]


def ask(platform, entry, of, path, backend):
    answer = platform[entry].get(path, of=of)
    what = f"{path} of {of} by {entry}"
    same(f"status of {what}", answer.status, 200)
    frontend = answer.all("X-ManyWho-Region-Frontend")
    same(f"frontend of {what}", frontend, [entry])
    got = answer.all("X-ManyWho-Region-Backend")
    executed = json.loads(answer.body)["region"]
    same(f"backend of {what}", got, [executed])
    same(f"region of {what}", executed, backend)


@story
def main():
    with Platform(regions=["US", "GB", "AU"]) as platform:
        for entry in platform.edges:
            for of, path, backend in TELLING:
                ask(platform, entry, of, path, backend)
        # A regional host means its region, whoever asks for whatever.
        answer = platform["US"].get("/api/draw/1", of="NZ",
                                    host="gb.flow.example.com")
        same("regional host", answer["X-ManyWho-Region-Backend"], "GB")
        # A host that nobody serves is no host of ours.
        same("unknown host", platform["US"].get(
            "/api/run/1", host="flow.example.org").status, 421)
