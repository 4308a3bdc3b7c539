#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What `portolan explain` says of a request is what happens to it: random
requests are sent through an edge and explained from its own files."""
import json
import random

from lib import Origin, Platform, address_in, portolan, same, story, truth

TENANTS = [f"1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a0{n}" for n in (1, 2, 3)]
FLOWS = [f"5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c0{n}" for n in (1, 2, 3)]
RESTRICTIONS = {"tenants": {
    TENANTS[0]: {"flows": {
        FLOWS[0]: {"restrictions": {
            "execution": {"enabled": True, "countries": ["GB"]}}},
        FLOWS[1]: {"restrictions": {
            "access": {"enabled": True, "unions": ["EU"],
                       "countries": ["GB"]},
            "execution": {"enabled": True, "continents": ["OC", "NA"]}}}}},
    TENANTS[1]: {"restrictions": {"flowRestrictions": {
        "execution": {"enabled": True, "continents": ["EU"]}}}},
}}
HOSTS = ["flow.example.com"] * 4 + ["gb.flow.example.com",
                                    "au.flow.example.com", "x.example.com"]
PATHS = ["/api/run/1"] * 4 + [
    "/api/run/1/state", "/api/run/1/social/stream/x", "/api/run/1/flow",
    "/api/service/1/data", "/api/draw/1/flow", "/api/run;a/1",
    "/api/./run/1", "/api/run%2f1", "/API/RUN/1"]
STATUS = {"forward": 200, "misdirected": 421, "bad-path": 400,
          "access-denied": 403, "execution-denied": 403,
          "flow-not-found": 413, "region-unavailable": 503,
          "residency-unavailable": 503}
POSTED = ("/api/run/1", "/api/./run/1", "/API/RUN/1", "/api/run/1/state",
          "/api/service/1/data", "/api/run;a/1", "/api/run%2f1")


def random_client():
    if random.random() < 0.2:
        return random.choice(["10.1.2.3", "2001:db8::1", "198.51.100.7"])
    return address_in(random.choice(["GB", "FR", "NZ", "US", "IN", "SZ", "BR"]),
                      random.choice([4, 6]))


def random_request():
    return {"host": random.choice(HOSTS), "path": random.choice(PATHS),
            "tenant": random.choice(TENANTS + [None]),
            "flow": random.choice(FLOWS + [None]),
            "xff": ", ".join(random_client()
                             for _ in range(random.randrange(1, 4)))}


def send(edge, r):
    fields = [("X-Forwarded-For", r["xff"])]
    if r["tenant"]:
        fields.append(("ManyWhoTenant", r["tenant"]))
    if r["path"] not in POSTED:
        return edge.get(r["path"], fields, host=r["host"])
    body = {"inputs": [{"contentValue": "é"}]}
    if r["flow"]:
        body["flowId"] = {"id": r["flow"], "versionId": None}
        body["id"] = r["flow"]
    fields.append(("Content-Type", "application/json"))
    return edge.post(r["path"], json.dumps(body).encode(), fields,
                     host=r["host"])


def explain(edge, r, down):
    args = ["explain", "-c", edge.config_file, "--json", "--peer", "127.0.0.1",
            "--xff", r["xff"], "--path", r["path"], "--host", r["host"]]
    for option in ("tenant", "flow"):
        # What the wire does not say, nobody may tell explain.
        if r[option] and (option == "tenant" or r["path"] in POSTED):
            args += [f"--{option}", r[option]]
    if down:
        args += ["--down", down]
    code, out, _ = portolan(*args, expect=None)
    told = json.loads(out)
    same("exit code", code, 0 if told.get("outcome") == "forward" else 1)
    return told


def compare(edge, r, down=None):
    answer, told = send(edge, r), explain(edge, r, down)
    expected = STATUS[told["outcome"]] if "outcome" in told else 400
    same(f"status of {r}, explained as {told}", answer.status, expected)
    if expected == 200:
        same(f"backend of {r}", answer["X-ManyWho-Region-Backend"],
             told["region"])
    return told.get("outcome", "refused")


@story
def main():
    origins = {r: Origin(r) for r in ("US", "GB", "AU")}
    with Platform(regions=["US", "GB", "AU"], origins=origins,
                  restrictions=RESTRICTIONS) as platform:
        edge = platform["US"]
        seen = {compare(edge, random_request()) for _ in range(150)}
        # Chance alone would leave this out once in twenty runs.
        seen.add(compare(edge, {
            "host": "flow.example.com", "path": "/api/run/1",
            "tenant": TENANTS[0], "flow": FLOWS[1],
            "xff": address_in("SZ")}))
        truth(f"a bit of everything: {seen}",
              {"forward", "misdirected", "access-denied"} <= seen)

        # The words for people.
        out, _ = portolan("explain", "-c", edge.config_file, "--ip",
                          address_in("FR"), "--tenant", TENANTS[1])
        for words in ("place       located, FR (France), EU (Europe)",
                      "regions.yaml:", "execution   tenant " + TENANTS[1]
                      + ": continent EU", "outcome     forward to GB"):
            truth(f"{words!r} in {out}", words in out)
        out, _ = portolan("explain", "-c", edge.config_file, "--ip",
                          address_in("FR"), "--tenant", TENANTS[1],
                          "--down", "GB", expect=1)
        truth(out, "outcome     residency-unavailable" in out)

        # And what it does not understand.
        for args, words in (
                ((), "who asks?"),
                (("--ip", "nobody"), "'nobody' is no address"),
                (("--ip", "1.2.3.4", "--down", "XX"), "no region 'XX'"),
                (("--ip", "1.2.3.4", "--peer", "127.0.0.1", "--xff", "1.1.1.1"),
                 "says already who asks"),
                (("--ip", "1.2.3.4", "--host", "a\r\nX: y"), "control")):
            _, err = portolan("explain", "-c", edge.config_file, *args,
                              expect=2)
            truth(f"{words} in {err}", words in err)
