#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""docs/OPERATING.md: its first configuration and its certificates work as they
stand there (but for the ports), and every metric, field of the access log, own
answer and default that it names is the program's, and the other way round."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from lib import Client, portolan, same, story, truth, wait_for
from lib.addresses import ROOT, free_port
from lib.command import PROGRAM, no_sanitizer_report
from lib.http import ProtocolError

LOCAL = "127.0.0.1"
PORTS = [f"18{middle}{last}" for middle in ("08", "44", "94") for last in "12"]


def read(*path):
    with open(os.path.join(ROOT, *path)) as f:
        return f.read()


MANUAL = read("docs/OPERATING.md")


def block(language, beginning):
    """The code block of the manual that begins so."""
    for kind, text in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", MANUAL):
        if kind == language and text.startswith(beginning):
            return text
    raise KeyError(f"no block {beginning!r}")


def first_column(heading):
    """The words in backquotes in the first column of a table."""
    table = MANUAL.split(heading, 1)[1]
    names = []
    for line in re.search(r"(?:\|.*\n)+", table).group().splitlines()[2:]:
        names += [word.split("{")[0] for word in
                  re.findall(r"`([^`]+)`", line.split("|")[1])]
    return [name for name in names if name]


def write_files(folder):
    ports = {p: str(free_port(LOCAL)) for p in PORTS}

    def with_ports(text):
        return re.sub("|".join(PORTS), lambda m: ports[m.group()], text)

    us = block("yaml", "region: US")
    gb = re.sub(r"\bUS\b", "XX", us).replace("GB", "US").replace("XX", "GB")
    gb = gb.replace("main_region: GB", "main_region: US")
    gb = re.sub(r"18(\d\d)([12])",
                lambda m: f"18{m[1]}{3 - int(m[2])}", gb)
    for name, text in (("US", us), ("GB", gb)):
        with open(f"{folder}/{name}.yaml", "w") as f:
            f.write(with_ports(text))
    with open(f"{folder}/regions.yaml", "w") as f:
        f.write(block("yaml", "version: 1\ndefault: US"))
    with open(f"{folder}/restrictions.yaml", "w") as f:
        f.write("version: 1\ntenants: {}\n")
    shutil.copytree(f"{ROOT}/conf/flows", f"{folder}/flows")
    return ports


def run_block(folder, beginning):
    text = block("", beginning)
    done = subprocess.run(["sh", "-e", "-c", text], cwd=folder, text=True,
                          capture_output=True, env={**os.environ, "PATH":
                          f"{folder}/bin:{os.environ['PATH']}"})
    truth(f"{beginning} works: {done.stderr}", done.returncode == 0)


def answers(port, target, *fields):
    with Client((LOCAL, int(port))) as c:
        return c.ask("GET", target, [("Host", "flow.example.com"), *fields])


def is_ready(port):
    try:
        status = json.loads(answers(port, "/status").body)
    except (OSError, ProtocolError, ValueError):
        return False
    return status["ready"] and all(r["up"] for r in status["regions"])


def try_it(folder, ports):
    for region, port in (("US", "18941"), ("GB", "18942")):
        wait_for(f"{region} is ready", lambda p=port: is_ready(ports[p]), 20)
    answer = answers(ports["18081"], "/api/run/1/x",
                     ("X-Forwarded-For", "81.2.69.160"))
    same("the regions", (answer["X-ManyWho-Region-Frontend"],
                         answer["X-ManyWho-Region-Backend"]), ("US", "GB"))
    metrics = answers(ports["18941"], "/metrics").body.decode()
    real = set(re.findall(r"(?m)^# TYPE (\w+)", metrics))
    same("metrics", set(first_column("### Metrics")) ^ real, set())

    def line():
        with open(f"{folder}/access-US.log") as f:
            return f.readline() or None

    fields = set(json.loads(wait_for("an access line", line)))
    told = set(first_column("### The access log"))
    same("fields that the manual does not tell", fields - told, set())
    return told


def compare_with_sources(told):
    source = read("src/edge/access_line.c")
    named = set(re.findall(r'[,{]\\"(\w+)\\":', source))
    same("fields of the access log", told ^ named, set())

    rows = re.findall(r'\[REFUSAL_\w+\] = \{ "([\w-]+)", (\d+)',
                      read("src/edge/answer.c"))
    table = MANUAL.split("Our own answers", 1)[1]
    for name, status in rows:
        if name == "none":
            continue
        truth(f"{name} is {status} in the manual", re.search(
            rf"(?m)^\| [^|]*`{name}`[^|]* \| {status} \|", table))

    example = read("conf/portolan.yaml")
    for section, key, value in re.findall(
            r"(?m)^\| `(limits|timeouts)\.(\w+)` \| (\d+ ?[\w%]*)", MANUAL):
        real = re.search(rf"(?ms)^#{section}:.*?#{key}: (\S+)", example)
        same(f"{section}.{key}", value.replace(" ", "").replace("bytes", ""),
             real.group(1))


@story
def main():
    folder = tempfile.mkdtemp(prefix="pt-manual-")
    running = []
    try:
        os.mkdir(f"{folder}/bin")
        os.symlink(os.path.abspath(PROGRAM), f"{folder}/bin/portolan")
        ports = write_files(folder)
        run_block(folder, "mkdir -p tls")
        run_block(folder, "printf '81.2.69.0/24,GB")
        for region in ("US", "GB"):
            portolan("check", "--full", "-c", f"{region}.yaml", cwd=folder)
        for region in ("US", "GB"):
            log = open(f"{folder}/{region}.err", "wb")
            running.append(subprocess.Popen(
                [PROGRAM, "run", "-c", f"{region}.yaml"], cwd=folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        compare_with_sources(try_it(folder, ports))
        for process in running:
            process.send_signal(signal.SIGTERM)
            same("exit code", process.wait(30), 0)
        for region in ("US", "GB"):
            with open(f"{folder}/{region}.err", errors="replace") as f:
                no_sanitizer_report(f.read(), region)
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)
