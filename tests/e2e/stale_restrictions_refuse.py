#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An edge that cannot know whether its restrictions are current refuses
runtime requests once policy.max_staleness has passed, and nothing else."""
import json
import os

from lib import Platform, same, story, wait_for


@story
def main():
    with Platform(settings={"policy": {"max_staleness": "2s"}}) as p:
        us = p["US"]
        same("current", us.get("/api/run/1/x").status, 200)
        os.rename(p.path("restrictions.yaml"), p.path("gone.yaml"))
        wait_for("the edge fails closed",
                 lambda: us.get("/api/run/1/x").status == 503, 20)
        answer = us.get("/api/run/1/x", [("Accept",
                                          "application/problem+json")])
        same("type", json.loads(answer.body)["type"],
             "urn:portolan:problem:restrictions-stale")
        same("frontend", answer["X-ManyWho-Region-Frontend"], "US")
        same("build time goes on", us.get("/api/draw/1/flow").status, 200)
        same("not ready", us.admin("/readyz").status, 503)
        os.rename(p.path("gone.yaml"), p.path("restrictions.yaml"))
        wait_for("it is current again",
                 lambda: us.get("/api/run/1/x").status == 200, 20)
