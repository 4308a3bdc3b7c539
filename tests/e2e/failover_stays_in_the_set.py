#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A restricted request goes to the next permitted region when one is down,
and to nobody when all of them are: never to another one."""
import json

from lib import Platform, same, story, wait_for

TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
FREE = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f002"
RESTRICTIONS = {"tenants": {TENANT: {"restrictions": {"flowRestrictions": {
    "execution": {"enabled": True, "countries": ["GB", "AU"]}}}}}}


def ask(p, tenant):
    return p["US"].get("/api/run/1/state/x", [("ManyWhoTenant", tenant)],
                       of="GB")


def goes_to(p, tenant, region):
    """Once the edges have noticed who is down."""
    return wait_for(f"requests go to {region}", lambda: ask(p, tenant)[
        "X-ManyWho-Region-Backend"] == region or None)


@story
def main():
    with Platform(["US", "GB", "AU"], restrictions=RESTRICTIONS) as p:
        goes_to(p, TENANT, "GB")
        goes_to(p, FREE, "GB")

        p.origin("GB").healthy = False
        goes_to(p, TENANT, "AU")
        before = len(p.origin("US").requests)
        goes_to(p, TENANT, "AU")

        p.origin("AU").healthy = False
        wait_for("all permitted regions are down",
                 lambda: ask(p, TENANT).status == 503)
        answer = ask(p, TENANT)
        same("status", answer.status, 503)
        same("backend", answer["X-ManyWho-Region-Backend"], None)
        same("retry", answer["Retry-After"], "5")
        same("a sentence", type(json.loads(answer.body)), str)
        problem = p["US"].get("/api/run/1/state/x", [
            ("ManyWhoTenant", TENANT),
            ("Accept", "application/problem+json")], of="GB")
        same("type", json.loads(problem.body)["type"],
             "urn:portolan:problem:residency-unavailable")
        counted = p["US"].metric("portolan_residency_unavailable_total",
                                 set="GB+AU")
        same("counted by their set", counted >= 3, True)
        same("by no other", p["US"].metric(
            "portolan_residency_unavailable_total"), counted)
        same("the forbidden region saw none of it",
             len(p.origin("US").requests), before)
        goes_to(p, FREE, "US")
        same("assertions", p["US"].metric(
            "portolan_residency_assert_failures_total"), 0)
