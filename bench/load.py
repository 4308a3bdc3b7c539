# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The work that proxies are given, and what a round of it costs them."""
import collections
import os
import random
import re
import resource
import subprocess
import time

import peers
from check import STATE

# over: plain, tls, resumed or h2; flows: so many are asked for (scale.py).
Load = collections.namedtuple("Load", "connections path fields keep_alive "
                              "body over flows",
                              defaults=({}, True, "", "plain", 0))
SCENARIOS = {
    "h1-8": Load(8, STATE),
    "h1-64": Load(64, STATE),
    "h1-512": Load(512, STATE),
    "h1-browser": Load(64, STATE, peers.BROWSER),
    "new-connection": Load(64, STATE, keep_alive=False),
    "body-64k": Load(64, "/api/run/1/64k"),
    "body-1m": Load(16, "/api/run/1/1m"),
    "post-64k": Load(64, STATE, body="x" * 64 * 1024),
    "tls-h1": Load(64, STATE, over="tls"),
    "tls-1m": Load(16, "/api/run/1/1m", over="tls"),
    "tls-new": Load(16, STATE, keep_alive=False, over="tls"),
    "tls-resumed": Load(16, STATE, keep_alive=False, over="resumed"),
    "tls-h2": Load(16, STATE, over="h2"),
}
QUICK = ("h1-64", "new-connection", "body-1m", "tls-h1", "tls-h2")
H2_STREAMS = 8                          # at a time, of each connection
GUID = 36                               # characters
LEAST_ROUNDS = 5                        # where time is short
DISTURBED = 1 / 3                       # of the machine, for others


def request_of(load):
    """What bench/ends fills in: another address with each."""
    length = len(load.body.replace("{flow}", " " * GUID))
    method = "POST" if load.body else "GET"
    lines = [f"{method} {load.path} HTTP/1.1", f"Host: {peers.HOST}",
             "X-Forwarded-For: {address}",
             *(f"{k}: {v}" for k, v in load.fields.items())]
    if not load.keep_alive:
        lines.append("Connection: close")
    if load.body:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join(lines) + "\r\n\r\n" + load.body


class Ends:
    """An upstream on a port of its own, and the clients who drive a proxy:
    one thread (ends.c)."""

    def __init__(self, core=peers.LOAD_CORE, flows=(), before=()):
        self.port = peers.free_port()
        self.process = subprocess.Popen(
            [*before, "taskset", "-c", core, os.path.join(peers.OUT, "bench/ends"),
             str(self.port), peers.REGION, *map(str, flows)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @property
    def pid(self):
        return self.process.pid

    def order(self, words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def outcome(self):
        words = self.process.stdout.readline().split()
        if not words:
            peers.fail("bench/ends has ended")
        return {k: float(v) for k, v in zip(words[::2], words[1::2])}

    def stop(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Loader:
    """Drives rounds, and sets those aside in which others used the machine,
    as long as there is time to spare for it."""

    def __init__(self, sample, where, ends, options):
        self.sample, self.where, self.options = sample, where, options
        self.ends, self.upstreams = ends, [ends.pid]
        self.addresses = self.write("addresses", "\n".join(sample.addresses))
        self.requests = {}
        self.spare, self.late = options.spare, options.late
        self.set_aside = self.disturbed = self.cut = 0

    def request(self, load):
        """Its file, written once: who has its order reads it at once."""
        text = request_of(load)
        if text not in self.requests:
            self.requests[text] = self.write(
                f"request-{len(self.requests)}", text)
        return self.requests[text]

    def write(self, name, text):
        file = os.path.join(self.where, name)
        with open(file, "w", newline="") as f:
            f.write(text)
        return file

    # --- one round of one proxy

    def words(self, proxy, load, seconds, addresses=None, among=1):
        """The order for one of so many that share the work (ends.c)."""
        return (proxy.port if load.over == "plain" else proxy.tls_port,
                load.connections // among, seconds, load.over, load.flows,
                peers.REGION if proxy.locates and not proxy.is_anchor else "-",
                addresses or self.addresses,
                self.request(load))

    def ends_run(self, proxy, load, seconds, ends=None, addresses=None):
        ends = ends or [self.ends]
        for e in ends:
            e.order(self.words(proxy, load, seconds, addresses, len(ends)))
        found = [e.outcome() for e in ends]
        return {"good": sum(f["good"] for f in found),
                "bad": sum(f["bad"] for f in found),
                "full": sum(f["full"] for f in found),
                "seconds": max(f["seconds"] for f in found)}

    def h2load(self, proxy, load, seconds):
        """Its fields are the same for all requests: an address a round."""
        start = time.monotonic()
        done = subprocess.run(
            ["taskset", "-c", peers.LOAD_CORE, "h2load", "-t1",
             f"-c{load.connections}", f"-m{H2_STREAMS}", f"-D{seconds * 1000:.0f}ms", "-H",
             f":authority: {peers.HOST}", "-H",
             f"x-forwarded-for: {random.choice(self.sample.addresses)}",
             f"https://127.0.0.1:{proxy.tls_port}{load.path}"],
            capture_output=True, text=True)
        good, bad = (re.search(p, done.stdout) for p in (
            r"status codes: (\d+) 2xx", r" (\d+) failed"))
        if good is None or bad is None:
            peers.fail(f"h2load against {proxy.name}: "
                       f"{done.stdout}{done.stderr}")
        return {"good": int(good.group(1)), "bad": int(bad.group(1)),
                "full": 0, "seconds": time.monotonic() - start}

    def drive(self, proxy, load, seconds, **more):
        """CPU microseconds a request, requests a second, and whether others
        used too much of the machine meanwhile."""
        run = self.h2load if load.over == "h2" else self.ends_run
        before, others = proxy.cpu_seconds(), self.others_seconds(proxy)
        start = time.monotonic()
        done = run(proxy, load, seconds, **more)
        took = time.monotonic() - start
        spent = proxy.cpu_seconds() - before
        others = self.others_seconds(proxy) - others
        if done["good"] == 0:
            peers.fail(f"{proxy.name} answers nothing right: {done}")
        if load.over == "resumed" and done["full"] > load.connections:
            peers.fail(f"{proxy.name} does not resume: {done}")
        return {"us": spent / done["good"] * 1e6,
                "rate": done["good"] / done["seconds"], "bad": done["bad"],
                "disturbed": others > DISTURBED * took * os.cpu_count()}

    def others_seconds(self, proxy):
        """Of everybody but the proxy, its upstream and the load."""
        load = resource.getrusage(resource.RUSAGE_CHILDREN)
        return machine_seconds() - proxy.cpu_seconds() - sum(
            map(peers.cpu_seconds_of, self.upstreams)) - load.ru_utime - \
            load.ru_stime

    # --- rounds of all

    def rounds(self, drives, count):
        """drives: name -> a round of it.  Interleaved, every second round the
        other way, since a machine gets faster or slower meanwhile; name ->
        results."""
        found = {name: [] for name in drives}
        done = next(iter(found.values()))
        while len(done) < count:
            if len(done) >= LEAST_ROUNDS and time.monotonic() > self.late:
                self.cut += 1
                break
            start = time.monotonic()
            there_and_back = list(drives)[::1 if len(done) % 2 == 0 else -1]
            results = {name: drives[name]() for name in there_and_back}
            if any(r["disturbed"] for r in results.values()):
                took = time.monotonic() - start
                if self.spare >= took:
                    self.spare -= took
                    self.set_aside += 1
                    continue
                self.disturbed += 1
            for name, result in results.items():
                found[name].append(result)
        return {name: results for name, results in found.items()
                if not disqualified(name, results)}

    def compare(self, proxies, rounds, load, **more):
        """Warm first: connections, caches."""
        for p in proxies:
            self.drive(p, load, self.options.seconds, **more)
        return self.rounds({p.name: lambda p=p: self.drive(
            p, load, self.options.seconds, **more) for p in proxies}, rounds)


def disqualified(name, results):
    bad = sum(r["bad"] for r in results)
    if bad:
        print(f"  {name}: {bad} WRONG ANSWERS: disqualified")
    return bad > 0


def machine_seconds():
    """All work of all cores, and what other guests took of them."""
    with open("/proc/stat") as f:
        user, nice, system, _idle, _wait, irq, softirq, steal = (
            int(n) for n in f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / \
        os.sysconf("SC_CLK_TCK")


def takes_part(proxy, name):
    """The anchors say something of small requests on kept connections; no
    proxy at all is told once.  h2o, which does not locate, is the bar for
    HTTP/2 alone."""
    if proxy.name == "direct":
        return name == "h1-64"
    if proxy.is_anchor:
        return name.startswith("h1-")
    return proxy.locates or SCENARIOS[name].over == "h2"
