#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A client (a /32, or a /64) and a tenant get as many requests as they may,
over however many connections, and 429 with the time to wait for more; others
are not held up, and a dry run refuses nobody."""
import json

from lib import Platform, portolan, same, story, truth

SLOW = 0.01                             # requests a second: none in this story
TENANTS = [f"{n}0000000-0000-0000-0000-000000000000" for n in "12"]


def come(edge, of, times, tenant=None):
    """The statuses of so many requests, each on its own connection."""
    fields = [("ManyWhoTenant", tenant)] if tenant else []
    return [edge.get("/api/run/1/x", fields, of=of).status
            for _ in range(times)]


def clients(edge):
    same("a client", come(edge, "203.0.113.1", 5), [200] * 3 + [429] * 2)
    same("its neighbour", come(edge, "203.0.113.2", 4), [200] * 3 + [429])
    same("a /64", come(edge, "2001:db8::1", 2) + come(edge, "2001:db8::2", 2),
         [200] * 3 + [429])
    same("the next /64", come(edge, "2001:db8:0:1::1", 1), [200])
    same("IPv4 within IPv6", come(edge, "::ffff:203.0.113.1", 1), [429])
    same("without an address", come(edge, "junk", 4), [200] * 3 + [429])
    same("whoever is exempt", come(edge, "192.0.2.7", 6), [200] * 6)


def answer_says_when(edge):
    answer = edge.get("/api/run/1/x", of="203.0.113.1")
    truth("when: " + answer["Retry-After"],
          90 <= int(answer["Retry-After"]) <= 100)
    same("frontend", answer.all("X-ManyWho-Region-Frontend"), ["US"])
    truth("a string for players", isinstance(json.loads(answer.body), str))
    problem = json.loads(edge.get("/", [("Accept", "application/problem+json")],
                                  of="203.0.113.1").body)
    same("type", problem["type"], "urn:portolan:problem:rate-limited")
    with edge.connect() as c:
        # A body that nobody will read does not cost the connection.
        for _ in range(2):
            same("status", c.ask("POST", "/api/run/1", [
                ("Host", "flow.example.com"),
                ("X-Forwarded-For", "203.0.113.1")], b"x" * 100).status, 429)


def tenants(edge):
    first, second = TENANTS
    same("a tenant", [come(edge, f"198.51.100.{n}", 1, first)[0]
                      for n in range(6)], [200] * 4 + [429] * 2)
    same("however it is spelt", come(edge, "198.51.100.9", 1,
                                     first.replace("-", "").upper()), [429])
    same("another", come(edge, "198.51.100.8", 1, second), [200])


def dry_run(platform, edge):
    for limit in edge.platform.settings["rate_limits"].values():
        if isinstance(limit, dict):
            limit["dry_run"] = True
    edge.write_config()
    portolan("ctl", "reload", "-c", edge.config_file)
    before = edge.metric("portolan_limited_total", limit="client-rate",
                         result="dry-run")
    same("a client", come(edge, "203.0.113.1", 4), [200] * 4)
    same("counted", edge.metric("portolan_limited_total", result="dry-run",
                                limit="client-rate"), before + 4)


@story
def main():
    limits = {"client": {"rate": SLOW, "burst": 3},
              "tenant": {"rate": SLOW, "burst": 4}, "exempt": "192.0.2.0/24"}
    with Platform(settings={"rate_limits": limits}) as platform:
        edge = platform["US"]
        clients(edge)
        answer_says_when(edge)
        tenants(edge)
        same("refused clients", edge.metric(
            "portolan_limited_total", limit="client-rate", result="refused"),
            2 + 1 + 1 + 1 + 1 + 4)
        same("refused tenants", edge.metric(
            "portolan_limited_total", limit="tenant-rate", result="refused"), 3)
        dry_run(platform, edge)
        edge.stop()
        lines = [line for line in edge.access() if "limit" in line]
        same("in the log", {(line["limit"], line["status"], line["outcome"])
                            for line in lines},
             {("client-rate", 429, "rate-limited"),
              ("tenant-rate", 429, "rate-limited"),
              ("dry-run:client-rate", 200, "forward")})
