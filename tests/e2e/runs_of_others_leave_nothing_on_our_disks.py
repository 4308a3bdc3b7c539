#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A tenant whose states are at its own store runs a flow through the edge, with
everything logged that can be: what was typed stands in no file of ours while
that goes on, nor when each process has been made to dump its core, nor after.
The same search finds what a tenant typed whose states are kept here, and a core
of somebody else, so not to find means something."""
import json
import os
import resource
import signal
import subprocess
import sys

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.engine import (AGE_INPUT, FLOW, NAME_INPUT, NEXT, TENANT, TOO_YOUNG,
                        invoke_body, know_the_key, workers)
from lib.receiver import Receiver

OURS = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"   # keeps its states here
MARK, KEPT = "Heart-of-Gold-5d1c", "Magrathea-8e02"
ADMIN = "/api/admin/1"


def ask(edge, method, path, body=None, tenant=TENANT, key=None):
    answer = edge.ask(method, path, [
        ("ManyWhoTenant", tenant), ("Content-Type", "application/json"),
        *([] if key is None else [("x-boomi-flow-api-key", key)])],
        None if body is None else json.dumps(body).encode())
    return answer.status, json.loads(answer.body)


def good(*args, **more):
    status, answer = ask(*args, **more)
    same(f"{args[1]} {args[2]}: {answer}", status, 200)
    return answer


def play(edge, name, tenant=TENANT):
    last = good(edge, "POST", "/api/run/1", {
        "flowId": {"id": FLOW, "versionId": None}, "inputs": None},
        tenant=tenant)
    path = f"/api/run/1/state/{last['stateId']}"
    last = good(edge, "POST", path, invoke_body(last), tenant=tenant)
    for kind in ("SYNC", "FORWARD"):
        last = good(edge, "POST", path, invoke_body(
            last, kind, outcome=NEXT if kind == "FORWARD" else None,
            inputs={NAME_INPUT: name, AGE_INPUT: "9"}), tenant=tenant)
    same("stands at", last["currentMapElementId"], TOO_YOUNG)
    good(edge, "GET", path, tenant=tenant)
    # What cannot be read is not quoted in a log, either.
    ask(edge, "POST", path, [name], tenant=tenant)
    ask(edge, "POST", "/api/run/1", {"flowId": {"id": name}}, tenant=tenant)
    return last["stateId"]


def keep_there(edge, key, receiver):
    store = good(edge, "POST", f"{ADMIN}/stores", {
        "name": "theirs", "endpoint": receiver.endpoint}, key=key)
    receiver.keys(store)
    good(edge, "POST", f"{ADMIN}/tenant", {"externalStorageSettings": {
        "enableStates": True, "enableReplication": False,
        "globalStoreId": store["id"]}}, key=key)


def files_with(directory, marker):
    found = []
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as f:
                    if os.path.isfile(path) and marker.encode() in f.read():
                        found.append(name)
            except OSError:
                continue                # a socket, or gone
    return found


def nothing(platform, when):
    same(f"files with it, {when}", files_with(platform.directory, MARK), [])


def someone_elses_core():
    """Whether a core would be found here, where our processes stand: the
    system may have told the kernel to put them elsewhere."""
    subprocess.run([sys.executable, "-c", "import os, sys; w = "
                    "''.join(sys.argv[1:]); os.abort()", "Vogon-", "31aa"],
                   stderr=subprocess.DEVNULL, check=False)
    found = files_with(os.getcwd(), "Vogon-31aa")
    for name in found:
        os.remove(name)
    return bool(found)


def dump(edge, name):
    pid = edge.process_id(name)
    os.kill(pid, signal.SIGABRT)
    wait_for(f"another {name}", lambda: edge.process_id(name) != pid)


@story
def main():
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    with Receiver("postgresql") as receiver:
        platform = Platform(
            embedded=2, flows=os.path.join(ROOT, "conf/flows"), settings={
                "engines": {"external_plain_http": receiver.address[0]},
                "log": {"audit": "audit.log"}})
        os.chdir(platform.directory)
        print("a core would be found:", someone_elses_core())
        with platform as p:
            edge = p["US"]
            key = portolan("apikey", "create", "-c", edge.config_file,
                           "--tenant", TENANT)[0].strip()
            know_the_key(edge, key)
            keep_there(edge, key, receiver)
            for worker in workers(edge):
                wait_for("a worker knows the store", lambda w=worker:
                         "externalStorageSettings" in w.ask(
                             "GET", f"{ADMIN}/tenant", fields=[
                                 ("x-boomi-flow-api-key", key)]).json)
            for _ in range(3):
                state = play(edge, MARK)
                truth("it is there", MARK in receiver.rows[state]["content"])
            play(edge, KEPT, OURS)
            truth("what is kept here is found", any(
                name.startswith("state.sqlite")
                for name in files_with(p.directory, KEPT)))
            nothing(p, "while it runs")
            for name in ("engine US/0", "engine US/1", "edge", "console"):
                dump(edge, name)
            wait_for("it serves again", edge.ready, 20)
            nothing(p, "when each has fallen")
            same("ends", edge.stop(), 0)
            nothing(p, "after")
