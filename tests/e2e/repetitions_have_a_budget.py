#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Requests that an engine breaks off are sent to another one while that is
within the budget: a share of what is under way, and a few in any case; what is
beyond gets the failure's own answer."""
from lib import Origin, Platform, portolan, same, story, truth

REQUESTS = 60


def breaks_off(conn, request):
    conn.reset()


def statuses(edge, **limits):
    edge.platform.settings["limits"] = {"retries": 10, **limits}
    edge.write_config()
    portolan("ctl", "reload", "-c", edge.config_file)
    before = edge.metric("portolan_retries_refused_total")
    found = [edge.get("/api/run/1/x").status for _ in range(REQUESTS)]
    refused = edge.metric("portolan_retries_refused_total") - before
    same("what the budget refused", found.count(502), refused)
    same("all others", found.count(200), REQUESTS - refused)
    return refused


@story
def main():
    with Platform(origins={"US": [Origin("US", breaks_off), Origin("US")]},
                  settings={"engines": {"probe": {"fall": 100},
                                       "outlier": {"failures": 0}}}) as platform:
        edge = platform["US"]
        truth("none without a budget",
              statuses(edge, retry_share="0%", retry_rate=0) > REQUESTS / 8)
        # One at a time is under way: each may be a repetition.
        same("all within it", statuses(edge, retry_share="100%"), 0)
        retried = edge.metric("portolan_retries_total", why="broken")
        refused = statuses(edge, retry_share="0%", retry_rate=1)
        truth("some in any case: ten at once, then one a second", refused > 0 and
              edge.metric("portolan_retries_total", why="broken") >=
              retried + 10)
