#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A region's store is copied to a PostgreSQL server while its engines work, by
a command that is killed in the middle and begun again; what changed beside it
is taken when the engines have stopped.  Runs go on there where they stood, by
the tokens that players hold, and keys are known; then all the way back."""
import json
import os
import signal
import subprocess

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.command import PROGRAM
from lib.engine import (AGAIN, AGE_INPUT, FLOW, NAME_INPUT, NEXT, TENANT,
                        TOO_YOUNG, invoke_body)
from lib.postgres import BIN, Postgres, unprivileged

RUNS = 12


class World:
    def __init__(self, platform, server):
        self.platform, self.edge, self.server = platform, platform["US"], server
        self.admin = server.conninfo("flow", "postgres")

    def ask(self, method, path, body=None):
        answer = self.edge.ask(method, path, [
            ("ManyWhoTenant", TENANT), ("Content-Type", "application/json")],
            None if body is None else json.dumps(body).encode(), "US")
        same(f"{method} {path}: {answer.body!r}", answer.status, 200)
        return json.loads(answer.body)

    def begin(self):
        return self.ask("POST", "/api/run/1", {
            "flowId": {"id": FLOW, "versionId": None}})

    def step(self, last, **how):
        return self.ask("POST", f"/api/run/1/state/{last['stateId']}",
                        invoke_body(last, **how))

    def play(self):
        return self.step(self.step(self.begin()), outcome=NEXT, inputs={
            NAME_INPUT: "Arthur", AGE_INPUT: "9"})

    def stands(self, runs):
        """Each run as its player left it."""
        for last in runs:
            now = self.ask("GET", f"/api/run/1/state/{last['stateId']}")
            for what in "stateToken", "currentMapElementId":
                same(what, now[what], last[what])

    def copy_args(self, back=False):
        ends = ["sqlite", f"postgres:{self.admin}"]
        source, target = reversed(ends) if back else ends
        return ["store", "copy", "-c", self.edge.config_file, "--from",
                source, "--to", target, "--json"]

    def copy(self, back=False):
        out, _ = portolan(*self.copy_args(back))
        report = json.loads(out)
        same("hashes", report["from"], report["to"])
        return report

    def keys(self):
        out, _ = portolan("apikey", "list", "-c", self.edge.config_file)
        return [line.split()[0] for line in out.splitlines()]

    def store_is(self, **store):
        self.platform.settings = store
        self.edge.start()
        self.edge.wait_ready()


def killed_in_the_middle(w, runs):
    """It waits for the table that somebody else has locked, while the engines
    are asked; then it is gone."""
    psql = subprocess.Popen(
        [f"{BIN}/psql", "-X", "-q", "-d", w.admin], stdin=subprocess.PIPE,
        cwd=w.server.dir, preexec_fn=unprivileged, text=True)
    psql.stdin.write("begin; lock table flow.state_us in exclusive mode;\n")
    psql.stdin.flush()

    def locks(where):
        return w.server.ask("flow", "select count(*) from pg_locks where "
                            f"relation = 'flow.state_us'::regclass and {where}")

    wait_for("the lock", lambda: locks("mode = 'ExclusiveLock'") == "1")
    copying = subprocess.Popen([PROGRAM, *w.copy_args()],
                               stdout=subprocess.DEVNULL)
    wait_for("a copy that waits", lambda: locks("not granted") == "1")
    w.stands(runs)
    runs[0] = w.step(runs[0], outcome=AGAIN)    # writes go on as well
    copying.send_signal(signal.SIGKILL)
    copying.wait()
    psql.stdin.close()
    psql.wait()
    same("nothing of it is there", w.server.ask(
        "flow", "select count(*) from flow.state"), "0")
    wait_for("the server has seen that", lambda: w.server.ask(
        "flow", "select count(*) from pg_locks where locktype = 'advisory'")
        == "0")


def there(w):
    runs = [w.play() for _ in range(RUNS)]
    same("stand at", runs[0]["currentMapElementId"], TOO_YOUNG)
    out, _ = portolan("apikey", "create", "-c", w.edge.config_file, "--role",
                      "reader", "--tenant", TENANT, "--name", "story")
    key = out.split(".")[0]
    killed_in_the_middle(w, runs)
    report = w.copy()
    same("copied beside the engines", report["states"]["copied"], RUNS)
    runs[1] = w.step(runs[1], outcome=AGAIN)
    runs.append(w.play())
    same("exit code", w.edge.stop(), 0)
    report = w.copy()
    same("with the engines stopped", (
        report["states"]["copied"], report["states"]["same"],
        report["documents"]["copied"]), (2, RUNS - 1, 0))
    w.store_is(store={"postgres": w.server.conninfo("flow")})
    w.stands(runs)
    truth(f"the key is known: {w.keys()}", key in w.keys())
    return runs, key


def and_back(w, runs, key):
    runs[2] = w.step(runs[2], outcome=AGAIN)
    runs.append(w.play())
    same("exit code", w.edge.stop(), 0)
    report = w.copy(back=True)
    same("went back", (report["states"]["copied"], report["states"]["same"]),
         (2, RUNS))
    w.store_is()
    w.stands(runs)
    w.step(runs[3], outcome=AGAIN)
    truth(f"the key is known: {w.keys()}", key in w.keys())


@story
def main():
    with Postgres(["flow"]) as server:
        platform = Platform(regions=["US"], embedded=1,
                            flows=os.path.join(ROOT, "conf/flows"))
        with platform:
            w = World(platform, server)
            portolan("store", "copy", "-c", w.edge.config_file, "--from",
                     "sqlite", "--to", "sqlite:/nowhere", expect=2)
            platform.settings = {"store": {"postgres": w.admin}}
            w.edge.write_config()
            portolan("store", "init", "-c", w.edge.config_file, "--admin",
                     w.admin)
            platform.settings = {}
            w.edge.write_config()
            and_back(w, *there(w))
