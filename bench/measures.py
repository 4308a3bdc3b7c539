# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What is measured of all peers in one run, each part as rows of history.py:
memory, CPU time, latency, system calls, instructions."""
import contextlib
import os
import re
import socket
import statistics
import subprocess
import sys

import load
import peers
from check import STATE
from history import rows_of

IDLE_CONNECTIONS = 8000                 # two descriptors are short of 20,000
IDLE_TLS = 4000                         # Python's ends are larger than ours
LATENCY_SECONDS = 1
LATENCY_ROUNDS = 9                      # a pause of the machine spoils one
COUNTED_ROUNDS = 7                      # how many events a wait finds varies


def locating(proxies):
    return [p for p in proxies if p.locates and not p.is_anchor]


# --- memory ---------------------------------------------------------------------

def resident(proxies):
    """With the whole database, before the first client."""
    found = {p.name: [p.pss_kib() / 1024] for p in locating(proxies)}
    print("\nmemory with the database (proportional set size), MiB")
    for name, (mib,) in found.items():
        print(f"  {name:<9} {mib:8.1f}", flush=True)
    return rows_of("resident", "MiB", found)


def idle_client(proxy, tls):
    sock = socket.create_connection(
        ("127.0.0.1", proxy.tls_port if tls else proxy.port))
    if not tls:
        return sock
    return peers.insecure().wrap_socket(sock, server_hostname=peers.HOST)


def memory_of_idle(proxy, address, tls, count):
    """Bytes that a kept connection costs the proxy, one request made on it.
    To be asked of a fresh process: one that has had many connections uses
    the memory of those again, and seems to need none."""
    request = (f"GET {STATE} HTTP/1.1\r\nHost: {peers.HOST}\r\n"
               f"X-Forwarded-For: {address}\r\n\r\n").encode()
    before, held = proxy.pss_kib(), []
    try:
        for _ in range(count):
            s = idle_client(proxy, tls)
            held.append(s)
            s.sendall(request)
            if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                peers.fail(f"{proxy.name} refuses an idle connection")
        return (proxy.pss_kib() - before) / len(held)
    finally:
        for s in held:
            s.close()


def idle(proxies, sample, tls):
    count = IDLE_TLS if tls else IDLE_CONNECTIONS
    print(f"\nidle: KiB for each of {count} kept connections"
          f"{' of TLS' if tls else ''}")
    found = {}
    for p in locating(proxies):
        found[p.name] = [memory_of_idle(p, sample.addresses[0], tls, count)]
        print(f"  {p.name:<9} {found[p.name][0]:8.2f}", flush=True)
    return rows_of("idle-tls" if tls else "idle", "KiB", found)


# --- CPU time ---------------------------------------------------------------------

def cpu(name, proxies, loader):
    here = [p for p in proxies if load.takes_part(p, name)]
    return tell(name, loader.compare(here, loader.options.rounds,
                                     load.SCENARIOS[name]))


def tell(name, rounds):
    print(f"\n{name}: CPU microseconds a request, median [least .. most]; "
          "requests a second; share of its core; ratio to nginx within a round")
    us = {who: [r["us"] for r in results] for who, results in rounds.items()
          if who != "direct"}           # has no CPU time to tell
    rates = {who: [r["rate"] for r in results]
             for who, results in rounds.items()}
    rows = rows_of(name, "us", us, rates)
    for row in rows:
        busy = float(row["value"]) * float(row["rate"]) / 1e6
        print(f"  {row['peer']:<9} {float(row['value']):8.2f} "
              f"[{row['least']} .. {row['most']}]  {row['rate']:>8}/s  "
              f"{busy:5.0%}   {row['ratio_to_nginx']}", flush=True)
    if "direct" in rates:
        print(f"  {'direct':<9} {statistics.median(rates['direct']):33.0f}/s")
    return rows


# --- latency ------------------------------------------------------------------------

def pace(proxy, rate, seconds, connections, loader):
    """rate 0: a closed loop."""
    done = subprocess.run(
        ["taskset", "-c", peers.LOAD_CORE,
         os.path.join(peers.OUT, "bench/paced"), str(proxy.port),
         str(int(rate)), str(seconds), str(connections), peers.HOST, STATE,
         loader.addresses], capture_output=True, text=True)
    if done.returncode != 0:
        peers.fail(f"paced against {proxy.name}: {done.stderr}")
    words = done.stdout.split()
    found = {k: float(v) for k, v in zip(words[::2], words[1::2])}
    if found["failed"]:
        peers.fail(f"{proxy.name} answers wrongly: {done.stdout}")
    return found


@contextlib.contextmanager
def undisturbed(pids):
    """They run whenever they can, and so does who is started meanwhile: what
    a request waits for is then the proxy, not whatever else the machine does.
    Without the right to it they wait like all."""
    tasks = [0] + [int(t) for pid in pids for t in
                   os.listdir(f"/proc/{pid}/task")]
    try:
        for task in tasks:
            os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("\nno right to real-time scheduling: latency is the machine's, "
              "too")
    try:
        yield
    finally:
        for task in tasks:
            os.sched_setscheduler(task, os.SCHED_OTHER, os.sched_param(0))


def latency(proxies, slowest, loader, connections):
    """At half of what the slowest can do, from the time each was due."""
    found = {p.name: [] for p in proxies}
    rounds = 3 if loader.options.quick else LATENCY_ROUNDS
    with undisturbed(loader.upstreams + [pid for p in proxies
                                         for pid in p.pids()]):
        for _ in range(rounds):
            for p in proxies:
                found[p.name].append(pace(p, slowest / 2, LATENCY_SECONDS,
                                          connections, loader))
    print(f"\nlatency at {slowest / 2:.0f} requests a second on {connections} "
          "connections, microseconds, median of rounds")
    for who, rows in found.items():
        print(f"  {who:<9} " + "  ".join(
            f"{k} {statistics.median(r[k] for r in rows):7.0f}"
            for k in ("p50", "p90", "p99", "p999", "max")), flush=True)
    return rows_of(f"p99-{connections}", "us", {
        who: [r["p99"] for r in rows] for who, rows in found.items()})


# --- exact counts -------------------------------------------------------------------

def system_calls_of(proxy, connections, loader):
    """By the kernel's own trace point, which slows nobody down; of the process
    that serves, since the others' timers are no request's.  What perf runs
    gives the order and waits for the outcome."""
    ends = loader.ends.process
    order = " ".join(map(str, loader.words(
        proxy, load.Load(connections, STATE), loader.options.seconds)))
    pipes = ends.stdin.fileno(), ends.stdout.fileno()
    done = subprocess.run(
        ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p",
         str(proxy.worker()), "--", "sh", "-c",
         'echo "$1" >&"$2"; read -r line <&"$3"; echo "$line"', "sh", order,
         *map(str, pipes)], capture_output=True, text=True, pass_fds=pipes)
    calls = re.search(r"^(\d+),,raw_syscalls", done.stderr, re.M)
    good = re.search(r"good (\d+)", done.stdout)
    if calls is None or good is None:
        return None
    return int(calls.group(1)) / int(good.group(1))


def system_calls(proxies, loader):
    """The forwarder's, too: four, and a wait for as many events as there are
    when it looks, which is for load and machine to say."""
    rows, here = [], [p for p in proxies if load.takes_part(p, "h1-64")
                      and p.name != "direct"]
    rounds = 1 if loader.options.quick else COUNTED_ROUNDS
    print("\nsystem calls a request, median of rounds")
    for connections in (64, 1):
        found = {p.name: [] for p in here}
        for p in here * rounds:
            found[p.name].append(system_calls_of(p, connections, loader))
        if any(None in v for v in found.values()):
            print("  cannot be counted: perf may not see the kernel's trace "
                  "points here (it needs root)")
            return []
        print(f"  {connections:2} connections: " + ", ".join(
            f"{name} {statistics.median(values):.2f}"
            for name, values in found.items()), flush=True)
        rows += rows_of(f"syscalls-{connections}", "calls", found)
    return rows


def instructions():
    """In user space, by callgrind (bench/profile)."""
    done = subprocess.run(
        [sys.executable, os.path.join(peers.HERE, "profile"), "--total"],
        capture_output=True, text=True)
    match = re.search(r"(\d+) instructions a request", done.stdout)
    if match is None:
        peers.fail(f"profile: {done.stdout}{done.stderr}")
    print(f"\ninstructions a request in user space: {match.group(1)}",
          flush=True)
    return rows_of("instructions", "instructions",
                   {"portolan": [int(match.group(1))]})
