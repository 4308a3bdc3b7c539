#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A user that is not there, a directory of logs that nobody has made, a store
and a run_dir that may not be written: `check --full` tells all of it with line
and column, a start tells the first and ends with 2, and nothing is left over."""
import os
import shutil
import subprocess
import tempfile

from lib import portolan, same, story, truth
from lib.addresses import DATA
from lib.command import PROGRAM

CONFIG = """region: US
main_region: US
regions: regions.yaml
run_dir: run
listeners: [{name: plain, address: 127.0.0.1:0}]
hosts: {global: [flow.example.com]}
client_address: {trusted: []}
policy: {restrictions: restrictions.yaml}
engines: {embedded: 1, flows: flows, store: state}
"""
LACKS = """user: nobody-of-that-name
group: nor-a-group
pid_file: pids/portolan.pid
log: {access: logs/access.log, audit: logs/audit.log}
"""


def as_nobody(*args):
    """The command as a user who is not root, where root runs the stories;
    None: nobody else can reach the program."""
    user = {"user": 65534, "group": 65534, "extra_groups": []} \
        if os.geteuid() == 0 else {}
    try:
        return subprocess.run([PROGRAM, *args], capture_output=True,
                              text=True, timeout=60, **user)
    except PermissionError:
        return None


def may_not_be_written(folder, config, name):
    path = os.path.join(folder, name)
    os.mkdir(path)
    os.chmod(path, 0o555)
    done = as_nobody("run", "-c", config)
    if done is not None:
        same("exit code", done.returncode, 2)
        truth(done.stderr, f"{path}: cannot be written: Permission denied; "
              "give it to the user" in done.stderr)
        truth("that alone", "running already" not in done.stderr)
        same("left over", os.listdir(path), [])
    return path


def other_things_have_the_names(folder, config):
    """Files where directories are to be, and the other way round."""
    os.mkdir(os.path.join(folder, "dir"))
    for name in ("run", "state"):
        open(os.path.join(folder, name), "w").close()
    with open(config, "w") as f:
        f.write(CONFIG + "pid_file: dir\nlog: {access: dir}\n"
                "console: {socket: dir}\n")
    out, _ = portolan("check", "--full", "-c", config, expect=1)
    for told in ("4:10: run_dir: {}/run: is no directory; name another",
                 "9:45: engines.store: {}/state: is no directory",
                 "10:11: pid_file: {}/dir: is a directory; name a file",
                 "11:15: log.access: {}/dir: is a directory",
                 "12:19: console.socket: {}/dir: is a directory"):
        truth(f"{told} in {out}", told.format(folder) in out)
    for name in ("run", "state"):
        os.remove(os.path.join(folder, name))
    os.rmdir(os.path.join(folder, "dir"))


@story
def main():
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "portolan.yaml")

        def write(name, text):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        write("restrictions.yaml", "version: 1\ntenants: {}\n")
        shutil.copy(os.path.join(DATA, "region-map-3.yaml"),
                    os.path.join(folder, "regions.yaml"))
        os.mkdir(os.path.join(folder, "flows"))

        write("portolan.yaml", CONFIG)
        out, _ = portolan("check", "--full", "-c", config)
        truth(out, "; no restrictions, " in out)
        write("portolan.yaml", CONFIG + LACKS)
        portolan("check", "-c", config)         # the files alone
        out, _ = portolan("check", "--full", "-c", config, expect=1)
        for told in (
                "10:7: user: there is no user \"nobody-of-that-name\"",
                "11:8: group: there is no group \"nor-a-group\"",
                f"12:11: pid_file: {folder}/pids/portolan.pid: cannot be "
                "written: No such file or directory; make "
                f"{folder}/pids, and let",
                f"13:15: log.access: {folder}/logs/access.log: cannot be",
                f"13:39: log.audit: {folder}/logs/audit.log: cannot be"):
            truth(f"{told} in {out}", f"portolan.yaml:{told}" in out)
        truth(out, out.endswith(": 5 mistakes\n"))
        same("nothing is made", sorted(os.listdir(folder)), [
            "flows", "portolan.yaml", "regions.yaml", "restrictions.yaml"])
        other_things_have_the_names(folder, config)
        _, err = portolan("check", "-c", folder, expect=2)
        truth(err, "Is a directory; name the configuration with -c" in err)

        write("portolan.yaml", CONFIG)
        os.chmod(folder, 0o755)
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)
        os.rmdir(may_not_be_written(folder, config, "run"))
        may_not_be_written(folder, config, "state")
        done = as_nobody("check", "--full", "-c", config)
        if done is not None:
            same("exit code", done.returncode, 1)
            truth(done.stdout, ":9:45: engines.store: " in done.stdout)
