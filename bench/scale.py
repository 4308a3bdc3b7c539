# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Portolan compared with itself: with much to look up and with little, with
two threads and with one, while it reloads and while it does not; and the
decision of the place alone."""
import contextlib
import os
import random
import re
import shutil
import statistics
import subprocess
import threading
import time

import load
import peers
from check import LOCAL, STATE, Sample
from history import rows_of
from measures import pace, tell, undisturbed

FLOWS = (10, 1_000_000)
ENTRIES = (10, 10_000)
# Each begins a state of another of the restricted flows, but for the last,
# which nobody here may use (lib/upstream.h).
FLOW_LOAD = load.Load(64, "/api/run/1", {
    "Content-Type": "application/json", "ManyWhoTenant": "{tenant}"},
    body='{"flowId":{"id":"{flow}"}}')
RELOAD_SECONDS = 8
MORE_ROUNDS = 8                         # where five hundredths are to be seen


@contextlib.contextmanager
def portolan(job, name, **more):
    proxy = peers.start_portolan(job, name, **more)
    try:
        yield proxy
    finally:
        proxy.stop()


def compare(name, large, small, loader, **more):
    """The small one is the peer that the large one is held against."""
    rounds = loader.compare([small, large],
                            loader.options.rounds + MORE_ROUNDS, **more)
    return tell(name, {"portolan" if who == large.name else who: results
                       for who, results in rounds.items()})


# --- restricted flows ---------------------------------------------------------------

@contextlib.contextmanager
def ends(loader, core=peers.LOAD_CORE, flows=()):
    """One more; its upstream may tell its edges of so many flows."""
    with load.Ends(core, flows) as e:
        loader.upstreams.append(e.pid)
        try:
            yield e
        finally:
            loader.upstreams.remove(e.pid)


def begin(proxy, ip, flow):
    def guid(number, kind):
        return f"{number:08x}-{kind}-4000-8000-{number:012x}"
    return peers.ask(
        proxy.port, ip, "/api/run/1",
        f'{{"flowId":{{"id":"{guid(flow, "f10e")}"}}}}'.encode(), fields=[
            ("ManyWhoTenant", guid(flow % 1000, "7e4a")),
            ("Content-Type", "application/json")])


def await_flows(proxy, ip, flows):
    """The last may not be used from here: who refuses it knows them all.  The
    copy of them on disk is written besides."""
    copy = os.path.join(proxy.dir, "run/restrictions.copy")
    end = time.monotonic() + 60
    while begin(proxy, ip, flows - 1).status != 403 or \
            not os.path.exists(copy):
        if time.monotonic() > end:
            peers.fail(f"{proxy.name} has not heard of {flows} flows:\n" +
                       peers.read(os.path.join(proxy.dir, "log"))[-2000:])
        time.sleep(0.1)
    answer = begin(proxy, ip, flows // 2).regions
    if answer != LOCAL:
        peers.fail(f"{proxy.name} answers {answer} for a restricted flow")


def flows(job, loader):
    with contextlib.ExitStack() as stack:
        found = []
        for count in FLOWS:
            own = stack.enter_context(ends(loader, flows=(count,)))
            name = f"flows-{count}"
            proxy = stack.enter_context(portolan(
                job._replace(upstream=own.port), name, size=peers.Size(
                    policy="""\
policy:
  source: engines
  max_staleness: 1d
""")))
            await_flows(proxy, loader.sample.addresses[0], count)
            found.append((proxy, own))
        return compare_flows(*found, loader)


def compare_flows(few, many, loader):
    """Of the million ten are asked for again and again, or any."""
    rounds = {}
    for name, (proxy, own), asked in (("flows-10", few, FLOWS[0]),
                                      ("same", many, FLOWS[0]),
                                      ("any", many, FLOWS[1])):
        rounds[name] = lambda proxy=proxy, own=own, asked=asked: loader.drive(
            proxy, FLOW_LOAD._replace(flows=asked), loader.options.seconds,
            ends=[own])
    for drive in rounds.values():       # warm
        drive()
    rounds = loader.rounds(rounds, loader.options.rounds + MORE_ROUNDS)
    print(f"\nmemory with {FLOWS[0]} and {FLOWS[1]} flows: " + " and ".join(
        f"{p.pss_kib() / 1024:.0f}" for p, _ in (few, many)) + " MiB")
    return [row for which in ("same", "any") for row in tell(
        f"flows-{which}", {"flows-10": rounds["flows-10"],
                           "portolan": rounds[which]})]


# --- entries of the map -------------------------------------------------------------

def entries_of(job, count):
    """Networks of the database that are the region's own anyway: the map says
    the same of them in so many lines more."""
    nets = [n for n, cc in job.networks
            if ":" not in n and job.regions.get(cc) == peers.REGION]
    return random.Random(20260101).sample(nets, count)


def entries(job, loader):
    """Asked for are addresses in those networks."""
    large = entries_of(job, ENTRIES[1])
    chosen = set(large)
    inside = [(n, cc) for n, cc in job.networks if n in chosen]
    drawn = Sample.draw(random.Random(1), inside, 20000)
    addresses = loader.write("entries", "\n".join(ip for ip, _ in drawn))
    with portolan(job, "entries-10", size=peers.Size(
            networks=large[:ENTRIES[0]])) as few, \
            portolan(job, "entries-10000", size=peers.Size(
                networks=large)) as many:
        return compare("entries", many, few, loader,
                       load=load.Load(64, STATE), addresses=addresses)


# --- threads -----------------------------------------------------------------------

def threads(job, loader):
    """The rate, where there are cores for it; else what a request costs, which
    is what keeps the rate from doubling."""
    two = peers.Size(threads=2)
    if os.cpu_count() >= 4:
        return threads_rate(job, loader, two)
    print("\nthreads: the rate of two needs four cores, since load and "
          "upstream need one each; what is told is the cost of a request "
          "with two threads on one core, and with each on one of its own, "
          "load and upstream on both")
    with portolan(job, "threads-1") as one, \
            portolan(job, "threads-2", size=two) as both:
        rows = compare("threads-cost", both, one, loader,
                       load=load.Load(64, STATE))
    return rows + threads_apart(job, loader, two)


def threads_apart(job, loader, two):
    """What two cores that work at the same time take from each other."""
    with ends(loader, "0,1") as a, ends(loader, "0,1") as b:
        job = job._replace(upstream=a.port)
        with portolan(job, "one-core", cores="0") as one, \
                portolan(job, "two-cores", size=two, cores="0,1") as both:
            return compare("threads-apart", both, one, loader, ends=[a, b],
                           load=load.Load(64, STATE))


def threads_rate(job, loader, two):
    """An upstream of its own, and clients on all cores that are left."""
    with contextlib.ExitStack() as stack:
        job = job._replace(upstream=stack.enter_context(
            ends(loader, "2")).port)
        clients = [stack.enter_context(ends(loader, str(core)))
                   for core in range(3, min(os.cpu_count(), 7))]
        one = stack.enter_context(portolan(job, "threads-1", cores="0"))
        both = stack.enter_context(portolan(job, "threads-2", size=two,
                                            cores="0,1"))
        rounds = loader.compare([one, both], loader.options.rounds,
                                load.Load(128, STATE), ends=clients)
    names = {"threads-2": "portolan", "threads-1": "threads-1"}
    rates = {names[who]: [r["rate"] for r in results]
             for who, results in rounds.items()}
    print("\nthreads: requests a second with two, and with one: " + ", ".join(
        f"{statistics.median(v):.0f}" for v in rates.values()))
    return rows_of("threads", "1/s", rates)


# --- the decision of the place ---------------------------------------------------------

def geo(job):
    done = subprocess.run(
        ["taskset", "-c", peers.PROXY_CORE,
         os.path.join(peers.OUT, "bench/geo"), job.database],
        capture_output=True, text=True)
    print(f"\n{done.stdout.rstrip()}", flush=True)
    rows = []
    for what, name in (("IPv4, all of 2^32", "geo"),
                       ("IPv4, in networks", "geo-inside")):
        match = re.search(re.escape(what) + r".*median +([\d.]+) ns +p99 +"
                          r"([\d.]+) ns", done.stdout)
        if match is None:
            peers.fail(f"geo: {done.stdout}{done.stderr}")
        for kind, value in zip(("median", "p99"), match.groups()):
            rows += rows_of(f"{name}-{kind}", "ns",
                            {"portolan": [float(value)]})
    return rows


# --- reloads -----------------------------------------------------------------------------

class Reloads(threading.Thread):
    """One after the other, each of a map and a database that are new files."""

    def __init__(self, proxy, database):
        super().__init__()
        self.proxy, self.database = proxy, database
        self.ending, self.count, self.trouble = threading.Event(), 0, None

    def run(self):
        while not self.ending.wait(0.1):
            renew(self.database)
            renew(os.path.join(self.proxy.dir, "regions.yaml"))
            done = subprocess.run(
                ["taskset", "-c", peers.LOAD_CORE, peers.PORTOLAN, "ctl",
                 "reload", "-c",
                 os.path.join(self.proxy.dir, "portolan.yaml")],
                capture_output=True, text=True)
            if done.returncode != 0:
                self.trouble = done.stdout + done.stderr
                return
            self.count += 1


def renew(file):
    """The same bytes as another file: it has to be read again."""
    shutil.copyfile(file, file + ".new")
    os.rename(file + ".new", file)


def full_rate(proxy, loader):
    """A closed loop on 64 connections: as fast as it can.  Load and upstream
    stand for other machines and do not wait for who writes the files and asks
    for the reloads; the proxy is left to the scheduler."""
    with undisturbed(loader.upstreams):
        return pace(proxy, 0, RELOAD_SECONDS, 64, loader)


def reload(job, loader):
    database = os.path.join(job.where, "reloaded.mmdb")
    shutil.copyfile(job.database, database)
    usual, during = [], []
    with portolan(job._replace(database=database), "reloaded",
                  size=peers.Size(networks=entries_of(job, ENTRIES[1]))) as p:
        for _ in range(3):
            usual.append(full_rate(p, loader))
            reloads = Reloads(p, database)
            reloads.start()
            during.append(full_rate(p, loader))
            reloads.ending.set()
            reloads.join()
            if reloads.trouble or reloads.count == 0:
                peers.fail(f"reload: {reloads.trouble}")
            during[-1]["reloads"] = reloads.count
    print(f"\nreloads of a map of {ENTRIES[1]} entries and the whole database "
          "at full rate, latency in microseconds, median of three times")
    for what, rows in (("usual", usual), ("reloads", during)):
        print(f"  {what:<9} " + "  ".join(
            f"{k} {statistics.median(r[k] for r in rows):7.0f}"
            for k in ("count", "p50", "p99", "p999", "max")), flush=True)
    print("  reloads in each: " + ", ".join(
        f"{r['reloads']}" for r in during))
    longest = [r["max"] for r in during]
    return [row for scenario, own, peer, other in (
        ("reload-p99", [r["p99"] for r in during], "usual",
         [r["p99"] for r in usual]),
        ("reload-longest", longest, "usual-p99", [r["p99"] for r in usual]),
        ("reload-stall", longest, "usual-longest",
         [r["max"] for r in usual]))
        for row in rows_of(scenario, "us", {"portolan": own, peer: other})]


# --- growth ---------------------------------------------------------------------------

CYCLE = (("h1-64", 3), ("new-connection", 2), ("tls-h1", 2), ("tls-h2", 2),
         ("body-64k", 1))              # seconds


def growth(job, loader):
    """Whether it grows: work of all kinds at full rate, the memory and the
    cost of h1-64 after each cycle, the last minute against the first."""
    cycle = sum(seconds for _, seconds in CYCLE)
    count = max(loader.options.minutes * 60 // cycle, 2)
    minute = min(60 // cycle, count // 2)
    cost, memory = [], []
    print("\ngrowth: CPU microseconds of h1-64, MiB", flush=True)
    with portolan(job, "growing") as p:
        for at in range(-1, count):     # the first is warm-up
            rounds = {name: loader.drive(p, load.SCENARIOS[name], seconds)
                      for name, seconds in CYCLE}
            wrong = [n for n, r in rounds.items() if load.disqualified(n, [r])]
            if wrong:
                peers.fail(f"wrong answers in {wrong}")
            if at >= 0:
                cost.append(rounds["h1-64"]["us"])
                memory.append(p.pss_kib() / 1024)
                print(f"  {at * cycle:4} s {cost[-1]:8.2f} {memory[-1]:8.1f}",
                      flush=True)
    return [row for name, unit, values in (("growth-cost", "us", cost),
                                           ("growth-memory", "MiB", memory))
            for row in rows_of(name, unit, {
                "portolan": values[-minute:],
                "first-minute": values[:minute]})]
