#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The region's PostgreSQL server is slow, full, away, of another version, or
somebody changed its schema: what needs it is answered 503 with Retry-After, in
time; readyz and the engine's log say what it is; and all
goes on by itself when that is over."""
import json
import os
import signal
import subprocess

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import AGE_INPUT, NAME_INPUT, NEXT, WELCOME, invoke_body
from lib.mesh import ask, begin
from lib.postgres import BIN, Postgres, unprivileged

FULL = """create function flow.full() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file' using errcode = '53100';
    end $$;
    create trigger full_ before insert or update on flow.state_us for each row
    execute function flow.full();
    create trigger full_ before insert on flow.scratch for each row
    execute function flow.full()"""


def invoked(edge, path, page):
    return ask(edge, "US", "POST", path, invoke_body(page, inputs={
        NAME_INPUT: "Zaphod", AGE_INPUT: "36"}, outcome=NEXT))


def refused(edge, path, page):
    answer = invoked(edge, path, page)
    same(f"refused: {answer.body}", answer.status, 503)
    truth("Retry-After", answer["Retry-After"] is not None)


def told(edge, words, code):
    """By readyz, which answers with that code, and by the log."""
    def says():
        answer = edge.admin("/readyz?verbose")
        return answer.status == code and any(
            line.startswith("[-] store of ") and words in line
            for line in answer.body.decode().splitlines())

    wait_for(f"readyz says: {words}", says, 30)
    wait_for(f"the engine says: {words}", lambda: any(
        "error engine" in line and words in line
        for line in edge.errors().splitlines()), 30)


def well_again(edge):
    wait_for("readyz is content", lambda: "[+] stores of this region's engines"
             in edge.admin("/readyz?verbose").body.decode(), 30)
    edge.wait_ready(30)


def slow(server, edge, *_):
    """Somebody has the table to himself.  What was asked may be done after all
    when the server gets to it: so it is a run by itself, and the same request
    again is answered, once done or not."""
    path, page = begin(edge, "US")
    holder = subprocess.Popen(
        [f"{BIN}/psql", "-X", "-q", "-d", server.conninfo("flow", "postgres"),
         "-c", "begin; lock table flow.state_us in exclusive mode; "
         "select pg_sleep(300)"], cwd=server.dir, preexec_fn=unprivileged,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for("it is locked", lambda: server.ask(
        "flow", "select count(*) from pg_locks where mode = 'ExclusiveLock' "
        "and locktype = 'relation' and granted "
        "and relation = 'flow.state_us'::regclass") == "1", 20)
    refused(edge, path, page)
    server.ask("flow", "select pg_terminate_backend(pid) from pg_locks where "
               "mode = 'ExclusiveLock' and locktype = 'relation' and "
               "relation = 'flow.state_us'::regclass")
    holder.wait()
    well_again(edge)
    same("again", invoked(edge, path, page).status, 200)


def full(server, edge, path, page):
    server.ask("flow", FULL)
    refused(edge, path, page)
    told(edge, "its disk is full", 503)
    server.ask("flow", "set client_min_messages = error; "
               "drop function flow.full() cascade")
    well_again(edge)


def away(server, edge, path, page):
    server.end(signal.SIGQUIT)
    refused(edge, path, page)
    told(edge, ".s.PGSQL", 503)
    server.start()
    well_again(edge)


def outdated(server, edge):
    """As after a restore of long ago."""
    version = server.ask("flow", "select version from flow.schema_version")
    server.ask("flow", "update flow.schema_version set version = 1")
    told(edge, "its schema is version 1", 503)
    server.ask("flow", f"update flow.schema_version set version = {version}")
    well_again(edge)


def changed(server, edge):
    """Serves all the same.  Engines look at the shape now and then, and when
    they connect."""
    for change, also in (("add column extra int", True),
                         ("drop column extra", False)):
        server.ask("flow", f"alter table flow.meta {change}")
        server.ask("flow", "select pg_terminate_backend(pid) from "
                   "pg_stat_activity where usename = 'flow_engine'")
        if also:
            told(edge, "column extra", 200)
    well_again(edge)


@story
def main():
    with Postgres(["flow"]) as server:
        platform = Platform(embedded=1, flows=os.path.join(ROOT, "conf/flows"),
                            settings={"store": {"postgres": server.conninfo(
                                "flow")}})
        edge = platform["US"]
        edge.write_config()
        portolan("store", "init", "-c", edge.config_file, "--admin",
                 server.conninfo("flow", "postgres"))
        with platform:
            path, page = begin(edge, "US")
            for trouble in (slow, full, away):
                trouble(server, edge, path, page)
            outdated(server, edge)
            changed(server, edge)
            answer = invoked(edge, path, page)
            same("it goes on from where it was", json.loads(answer.body)[
                "currentMapElementId"], WELCOME)
