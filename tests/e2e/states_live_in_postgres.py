#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""With a PostgreSQL server in each region, joined by replication that the
product set up: runs go on over edges and engines as before; every region has
every state but the restricted ones, of which the other region's server is not
sent a byte; who asks for more is cut off; a state is worked on where it is at
home; while a server is away its calls are refused and nothing is lost."""
import json
import os
import signal
import time

from lib import Failed, Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import (AGE_INPUT, FLOW, NAME_INPUT, NEXT, TENANT, WELCOME,
                        invoke_body)
from lib.postgres import Postgres, Tap


BOUND_TENANT = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"
RESTRICTIONS = {"tenants": {BOUND_TENANT: {"flows": {FLOW: {"restrictions": {
    "execution": {"enabled": True, "countries": ["GB"]}}}}}}}
MARK, BOUND_MARK = "Zaphod", "Trillian"  # what people type


def prepare(servers, platform):
    for region, server in servers.items():
        platform[region].write_config()
        config = platform[region].config_file
        _, err = portolan("store", "check", "-c", config, expect=1)
        truth(f"says what is missing: {err}", "flow_engine" in err)
        for _ in range(2):              # doing it again does no harm
            portolan("store", "init", "-c", config, "--admin",
                     server.conninfo("flow", "postgres"))
        out, _ = portolan("store", "check", "-c", config)
        same("check", out, f"the store of region {region} is good\n")
        portolan("check", "--full", "-c", config)
    _, err = portolan("store", "init", "-c", platform["US"].config_file,
                      "--admin", servers["GB"].conninfo("flow", "postgres"),
                      expect=1)
    truth(err, "it is the store of region GB, not of US" in err)


def join(servers, taps, platform):
    for here, other in (("US", "GB"), ("GB", "US")):
        portolan("store", "region", "add", other, "-c",
                 platform[here].config_file, "--admin",
                 servers[here].conninfo("flow", "postgres"), "--from",
                 taps[other].conninfo("flow", f"repl_{here.lower()}"))
    wait_for("both have what the other had", lambda: all(
        status(servers, platform, r) for r in servers), 30)


def status(servers, platform, region):
    """What store region status says, once it is good both ways."""
    _, out, _ = portolan("store", "region", "status", "--json", "-c",
                      platform[region].config_file, "--admin",
                      servers[region].conninfo("flow", "postgres"),
                      expect=None)
    pairs = json.loads(out)
    return pairs if len(pairs) == 2 and all(
        p["good"] for p in pairs) else None


def ask(edge, of, method, path, body=None, tenant=TENANT, host=None):
    answer = edge.ask(method, path, [
        ("ManyWhoTenant", tenant), ("Content-Type", "application/json")],
        None if body is None else json.dumps(body).encode(), of,
        **({} if host is None else {"host": host}))
    return answer.status, json.loads(answer.body)


def good(*args, **more):
    status, answer = ask(*args, **more)
    same(f"{args[2]} {args[3]}: {answer}", status, 200)
    return answer


def typed(page, name=MARK):
    return invoke_body(page, outcome=NEXT, inputs={
        NAME_INPUT: name, AGE_INPUT: "36"})


def begin(edge, tenant=TENANT):
    """To the first page of a run of somebody in GB."""
    last = good(edge, "GB", "POST", "/api/run/1", {
        "flowId": {"id": FLOW, "versionId": None}}, tenant=tenant)
    path = f"/api/run/1/state/{last['stateId']}"
    return path, good(edge, "GB", "POST", path, invoke_body(last),
                      tenant=tenant)


def states(server, mark=MARK):
    """The ids, and whether what was typed is in each."""
    rows = server.ask("flow", "select id, "
                      f"position(convert_to('{mark}', 'UTF8') in body) > 0 "
                      "from flow.state order by 1").splitlines()
    return {r.split("|")[0]: r.split("|")[1] == "t" for r in rows}


def id_of(path):
    return path.split("/")[-1]


def each_where_it_may_be(servers, tap, platform):
    free, page = begin(platform["GB"])
    good(platform["GB"], "GB", "POST", free, typed(page))
    bound, page = begin(platform["US"], BOUND_TENANT)
    good(platform["US"], "GB", "POST", bound, typed(page, BOUND_MARK),
         tenant=BOUND_TENANT)
    wait_for("the free one in US, whole", lambda: states(servers["US"]) == {
        id_of(free): True})
    same("GB has both", states(servers["GB"], BOUND_MARK), {
        id_of(free): False, id_of(bound): True})
    for what, path, mark, sent in [("free", free, MARK, True),
                                   ("restricted", bound, BOUND_MARK, False)]:
        key = bytes.fromhex(id_of(path).replace("-", ""))
        same(f"the {what} one's id was sent", key in tap.sent, sent)
        same(f"what was typed in the {what} one was sent",
             mark.encode() in tap.sent, sent)
    return free


def away_and_back(server, platform):
    edge = platform["GB"]
    path, page = begin(edge)
    server.end(signal.SIGQUIT)          # at once
    same("while it is away", ask(edge, "GB", "POST", path, typed(page))[0],
         503)
    server.start()

    def goes_on():
        code, answer = ask(edge, "GB", "POST", path, typed(page))
        return answer if code == 200 else None

    done = wait_for("the run goes on", goes_on, 20)
    same("arrived", done["currentMapElementId"], WELCOME)
    # Where the US' engine took it up meanwhile, its copy comes here later.
    wait_for("that step, once", lambda: server.ask(
        "flow", "select version from flow.state where id = "
        f"'{id_of(path)}' order by epoch desc limit 1") == "3", 20)


def subscribes(servers):
    """False: it was cut off before its slot was made, which waits for all
    transactions that are under way, on a busy machine for seconds."""
    try:
        servers["US"].ask("flow", "create subscription spy connection '" +
                          servers["GB"].conninfo("flow", "repl_us") +
                          "' publication leak with (slot_name = 'spy', "
                          "copy_data = false)")
    except Failed as e:
        truth(f"cut off: {e}", "administrator command" in str(e))
        return False
    return True


def who_asks_for_more_is_cut_off(servers, platform):
    servers["GB"].ask("flow", "create publication leak for table "
                      "flow.state_gb")
    spies = subscribes(servers)
    began = time.monotonic()
    wait_for("its slot is gone, within ten seconds", lambda: servers["GB"].ask(
        "flow", "select count(*) from pg_replication_slots where "
        "slot_name = 'spy'") == "0", 10)
    print(f"cut after {time.monotonic() - began:.1f} s")
    wait_for("it is counted", lambda: platform["GB"].metric(
        "portolan_replication_cut_total") > 0, 20)
    wait_for("somebody hears of it", lambda: "replication cut off" in
             platform["GB"].errors())
    for change in ("alter subscription spy disable",
                   "alter subscription spy set (slot_name = none)",
                   "drop subscription spy") if spies else ():
        servers["US"].ask("flow", change)
    wait_for("the rest goes on", lambda: status(servers, platform, "GB"), 20)


@story
def main():
    with Postgres(["flow"]) as us, Postgres(["flow"]) as gb:
        servers = {"US": us, "GB": gb}
        platform = Platform(
            regions=["US", "GB"], embedded=2, restrictions=RESTRICTIONS,
            flows=os.path.join(ROOT, "conf/flows"), settings_of={
                r: {"store": {"postgres": servers[r].conninfo("flow"),
                              "peers": {o: servers[o].conninfo("flow")}}}
                for r, o in (("US", "GB"), ("GB", "US"))})
        prepare(servers, platform)
        taps = {r: Tap(server) for r, server in servers.items()}
        join(servers, taps, platform)
        with platform:
            free = each_where_it_may_be(servers, taps["GB"], platform)
            # The US' own host: its engines ask for the state where it is.
            joined = good(platform["US"], "GB", "GET", free,
                          host="us.flow.example.com")
            same("stands at", joined["currentMapElementId"], WELCOME)
            who_asks_for_more_is_cut_off(servers, platform)
            away_and_back(gb, platform)
