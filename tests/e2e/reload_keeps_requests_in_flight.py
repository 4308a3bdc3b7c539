#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A request ends under the configuration it began with, whatever is loaded
meanwhile; a configuration with a mistake changes nothing."""
import signal
import threading

from lib import Origin, Platform, same, story, wait_for

TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
FORBIDS = {"tenants": {TENANT: {"restrictions": {"flowRestrictions": {
    "access": {"enabled": True, "countries": ["FR"]}}}}}}


@story
def main():
    go = threading.Event()

    def slow(conn, request):
        if "slow" in request.target:
            conn.wait(go)
        conn.answer(200, b"done")

    with Platform(origins={"US": Origin("US", slow)}) as p:
        us = p["US"]

        def generation():
            return us.metric("portolan_config_generation")

        def ask():
            return us.get("/api/run/1/x", [("ManyWhoTenant", TENANT)],
                          of="GB").status

        with us.connect() as c:
            c.send(b"GET /api/run/1/slow HTTP/1.1\r\nHost: flow.example.com"
                   b"\r\n\r\n")
            p.origin("US").wait_requests(1)
            same("before", ask(), 200)
            first = generation()
            p.write("restrictions.yaml", __import__("json").dumps(
                {"version": 1, **FORBIDS}))
            us.signal(signal.SIGHUP)
            wait_for("another generation", lambda: generation() > first)
            same("after", ask(), 403)
            go.set()
            answer = c.read()
            same("in flight", answer.status, 200)
            same("body", answer.body, b"done")

        second = generation()
        p.write("restrictions.yaml", "version: 1\ntenants: nonsense\n")
        us.signal(signal.SIGHUP)
        wait_for("the failure is seen", lambda: us.metric(
            "portolan_config_last_reload_successful") == 0)
        same("the old one stays", generation(), second)
        same("and its rules", ask(), 403)
        us.says("restrictions.yaml:2")
        lines = us.access(4)
        slow_line = [x for x in lines if "slow" in x["path"]][0]
        same("its generation", slow_line["generation"], first)
