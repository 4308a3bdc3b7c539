#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A flow that was free is restricted to one region, while a state of it is kept
by the server of another: its row says where it may be held, what a region may
not hold it does not get from the other's server, and with the next step of the
run the state moves to where it may be, and is gone where it must not."""
import json
import os

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import (AGE_INPUT, FLOW, NAME_INPUT, NEXT, TENANT,
                        invoke_body)
from lib.postgres import Postgres, Tap

GB, US = 1, 2                           # by the region map's order
MARK = "Slartibartfast"


def ask(edge, method, path, body=None, **more):
    answer = edge.ask(method, path, [
        ("ManyWhoTenant", TENANT), ("Content-Type", "application/json")],
        None if body is None else json.dumps(body).encode(), **more)
    return answer.status, json.loads(answer.body)


def good(edge, *args, **more):
    status, answer = ask(edge, *args, **more)
    same(f"{args[1]}: {answer}", status, 200)
    return answer


def restrict(platform, country):
    platform.write("restrictions.yaml", json.dumps({
        "version": 1, "tenants": {TENANT: {"flows": {FLOW: {"restrictions": {
            "execution": {"enabled": True, "countries": [country]}}}}}}}))
    for region in platform.regions:
        platform[region].reload()


def row(server, state):
    return server.ask("flow", "select allowed, version from flow.state_gb "
                      f"where id = '{state}'")


@story
def main():
    with Postgres(["flow"]) as us, Postgres(["flow"]) as gb:
        tap = Tap(gb)
        servers = {"US": us, "GB": gb}
        platform = Platform(
            regions=["GB", "US"], embedded=1,
            flows=os.path.join(ROOT, "conf/flows"), settings_of={
                "US": {"store": {"postgres": us.conninfo("flow"), "peers": {
                    "GB": tap.conninfo("flow", "flow_engine")}}},
                "GB": {"store": {"postgres": gb.conninfo("flow")}}})
        for region, server in servers.items():
            platform[region].write_config()
            portolan("store", "init", "-c", platform[region].config_file,
                     "--admin", server.conninfo("flow", "postgres"))
        portolan("store", "region", "add", "GB", "-c",
                 platform["US"].config_file, "--admin",
                 us.conninfo("flow", "postgres"), "--from",
                 gb.conninfo("flow", "repl_us"))
        with platform:
            began = good(platform["GB"], "POST", "/api/run/1", {
                "flowId": {"id": FLOW, "versionId": None}}, of="GB")
            state = began["stateId"]
            path = f"/api/run/1/state/{state}"
            page = good(platform["GB"], "POST", path, invoke_body(began),
                        of="GB")
            typed = invoke_body(page, "SYNC", inputs={
                NAME_INPUT: MARK, AGE_INPUT: "36"})
            page = good(platform["GB"], "POST", path, typed, of="GB")
            idle = good(platform["GB"], "POST", "/api/run/1", {
                "flowId": {"id": FLOW, "versionId": None}},
                        of="GB")["stateId"]
            same("free", row(gb, state), "-1|3")
            wait_for("a copy in US", lambda: us.ask(
                "flow", "select count(*) from flow.state") == "2", 20)

            restrict(platform, "GB")
            wait_for("GB alone", lambda: row(gb, state) == f"{GB}|3", 20)
            wait_for("the copy in US is gone", lambda: us.ask(
                "flow", "select count(*) from flow.state") == "0", 20)
            status, _ = ask(platform["US"], "GET", path,
                            host="us.flow.example.com")
            truth(f"not in US: {status}", status in (403, 421))
            same("nothing of it was sent there", MARK.encode() in tap.sent,
                 False)

            restrict(platform, "US")
            # US may come for it at any time from now on.
            wait_for("US alone", lambda: row(gb, state) in (f"{US}|3", ""),
                     20)
            # GB's own host: nothing is done there any more.
            status, _ = ask(platform["GB"], "POST", path,
                            invoke_body(page, outcome=NEXT),
                            host="gb.flow.example.com")
            truth(f"not in GB: {status}", status in (403, 421, 503))
            truth("nothing was written there", row(gb, state) in (
                f"{US}|3", ""))
            good(platform["GB"], "POST", path, invoke_body(
                page, outcome=NEXT), of="GB")
            same("it is in US", us.ask(
                "flow", "select home, allowed, epoch from flow.state "
                f"where home = 'US' and id = '{state}'"), f"US|{US}|2")
            wait_for("and no more in GB", lambda: row(gb, state) == "", 20)
            platform["GB"].says("may be held by US")
            # One that nobody asks for comes by itself.
            wait_for("the idle one is in US", lambda: us.ask(
                "flow", "select allowed from flow.state where home = 'US' "
                f"and id = '{idle}'") == str(US), 30)
            wait_for("and no more in GB", lambda: row(gb, idle) == "", 20)
