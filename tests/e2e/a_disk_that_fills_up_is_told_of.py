#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The disk of the region's PostgreSQL server is full, as disks are: a save
that has no room is answered 503 with Retry-After; readyz, the log and a metric
say why; all that was answered 200 is there afterwards, and it goes on by itself
when there is room again."""
import json
import os

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import FLOW, invoke_body
from lib.mesh import ask
from lib.postgres import Postgres, SmallDisk
from lib.story import Failed

SIZE = 40 << 20
WORDS = "its disk is full: "
FILLER = """create table public.filler (body text) with
    (autovacuum_enabled = off)"""


def fill(server):
    server.ask("flow", FILLER)
    try:
        server.ask("flow", "insert into public.filler select repeat(md5("
                   f"g::text), 60) from generate_series(1, {SIZE // 1000}) g")
    except Failed as e:
        truth(f"the real thing: {e}", "No space left on device" in str(e))
        return
    raise Failed("there was room for more than the disk has")


def until_refused(edge, kept):
    """Runs begin; what was answered is kept."""
    def refused():
        answer = ask(edge, "US", "POST", "/api/run/1", {
            "flowId": {"id": FLOW, "versionId": None}})
        if answer.status == 200:
            kept.append(json.loads(answer.body))
            return False
        same(f"refused: {answer.body}", answer.status, 503)
        truth("Retry-After", answer["Retry-After"] is not None)
        return True

    wait_for("a save that finds no room", refused, 60)


def told(edge):
    def says():
        answer = edge.admin("/readyz?verbose")
        return answer.status == 503 and any(
            line.startswith("[-] store of ") and WORDS in line
            for line in answer.body.decode().splitlines())

    wait_for("readyz says it", says, 30)
    wait_for("the engine says it", lambda: any(
        "error engine" in line and WORDS in line and "No space left" in line
        for line in edge.errors().splitlines()), 30)
    wait_for("a metric says it", lambda: edge.metric(
        "portolan_store_up") == 0, 30)


def goes_on(edge, last):
    path = f"/api/run/1/state/{last['stateId']}"
    answer = ask(edge, "US", "POST", path, invoke_body(last))
    same(f"{path} goes on: {answer.body}", answer.status, 200)


def run(server):
    edge_settings = {"store": {"postgres": server.conninfo("flow")}}
    platform = Platform(embedded=1, flows=os.path.join(ROOT, "conf/flows"),
                        settings=edge_settings)
    edge, kept = platform["US"], []
    edge.write_config()
    portolan("store", "init", "-c", edge.config_file, "--admin",
             server.conninfo("flow", "postgres"))
    with platform:
        answer = ask(edge, "US", "POST", "/api/run/1", {
            "flowId": {"id": FLOW, "versionId": None}})
        same("one while there is room", answer.status, 200)
        kept.append(json.loads(answer.body))
        fill(server)
        until_refused(edge, kept)
        told(edge)
        server.ask("flow", "drop table public.filler")
        wait_for("it goes on by itself", lambda: edge.metric(
            "portolan_store_up") == 1, 30)
        edge.wait_ready(30)
        for last in kept:
            goes_on(edge, last)


@story
def main():
    server = Postgres([], checkpoint_timeout="1h")
    disk = SmallDisk(os.path.join(server.dir, "small"), SIZE)
    os.mkdir(disk.directory)
    if not disk.is_allowed():
        print("SKIPPED: no disk of a story's own may be mounted here, so none "
              "was filled")
        return
    server.begin = disk.mount
    with server:
        server.ask("postgres", "create tablespace small location "
                   f"'{disk.directory}'")
        server.ask("postgres", "create database flow tablespace small")
        run(server)
