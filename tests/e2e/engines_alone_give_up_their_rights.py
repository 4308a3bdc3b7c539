#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""`portolan engine` without a master gives up what one below a master does: it
becomes `user`, whom keys of root's alone are opened for, and runs without
capabilities, with a filter of system calls and the files that it needs.
Whoever cannot become the user is told, and nothing runs."""
import json
import os
import pwd
import secrets
import shutil
import subprocess

from lib import same, story, truth
from lib.addresses import ROOT
from lib.command import PROGRAM
from lib.engine import Engine

from privileges_are_dropped import of_process


def configure(engine, **more):
    file = f"{engine.dir}/portolan.yaml"
    with open(file) as f:
        config = json.load(f)
    config.update(more)
    with open(file, "w") as f:
        json.dump(config, f)


def runs_a_flow(engine):
    same("a flow begins", engine.initialize().status, 200)


def has_given_up(engine, user=None):
    pid = engine.process.pid
    said = [line for line in engine.errors().splitlines()
            if "sandbox: " in line]
    same("the log says it once", len(said), 1)
    sanitized = "not with sanitizers" in said[0]
    same("NoNewPrivs", of_process(pid, "NoNewPrivs"), ["1"])
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        same(kind, int(of_process(pid, kind)[0], 16), 0)
    if not sanitized:
        same("Seccomp", of_process(pid, "Seccomp"), ["2"])
    if user is not None:
        same("users", set(of_process(pid, "Uid")), {str(user.pw_uid)})
        same("groups", of_process(pid, "Groups"), [])
        same("its socket", os.stat(engine.socket).st_uid, user.pw_uid)
        same("its states", os.stat(engine.store).st_uid, user.pw_uid)


def alone():
    with Engine() as engine:
        has_given_up(engine)
        runs_a_flow(engine)
        truth("nothing was refused",
              "refused system call" not in engine.errors())


def as_nobody():
    """Flows and map are for it to read; the key is root's."""
    nobody = pwd.getpwnam("nobody")
    engine = Engine(engines={"keys": ["secret/token.key"]})
    os.chmod(engine.dir, 0o755)
    os.mkdir(f"{engine.dir}/secret", 0o700)
    with open(f"{engine.dir}/secret/token.key", "w") as f:
        f.write(secrets.token_hex(32) + "\n")
    os.chmod(f.name, 0o600)
    configure(engine, user="nobody")
    with engine:
        has_given_up(engine, nobody)
        runs_a_flow(engine)


def refused():
    engine = Engine()
    configure(engine, user="no-such-user-here")
    done = subprocess.run(
        [PROGRAM, "engine", "-c", f"{engine.dir}/portolan.yaml", "--socket",
         engine.socket, "--store", engine.store, "--flows", engine.flows],
        cwd=ROOT, capture_output=True, text=True)
    same("exit code", done.returncode, 1)
    truth(f"told: {done.stderr}", "no-such-user-here" in done.stderr)
    truth("nothing was opened", not os.path.exists(engine.socket))
    shutil.rmtree(engine.dir)


@story
def main():
    alone()
    refused()
    if os.geteuid() == 0:               # only root can become nobody
        as_nobody()
