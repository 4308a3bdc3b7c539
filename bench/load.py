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

Load = collections.namedtuple("Load", "connections path fields keep_alive "
                              "body tls by", defaults=({}, True, 0, False,
                                                       "wrk"))
SCENARIOS = {
    "h1-8": Load(8, STATE),
    "h1-64": Load(64, STATE),
    "h1-512": Load(512, STATE),
    "h1-browser": Load(64, STATE, peers.BROWSER),
    "new-connection": Load(64, STATE, keep_alive=False),
    "body-64k": Load(64, "/api/run/1/64k"),
    "body-1m": Load(16, "/api/run/1/1m"),
    "post-64k": Load(64, STATE, body=64 * 1024),
    "tls-h1": Load(64, STATE, tls=True),
    "tls-1m": Load(16, "/api/run/1/1m", tls=True),
    "tls-new": Load(16, STATE, keep_alive=False, tls=True),
    "tls-resumed": Load(16, STATE, keep_alive=False, tls=True, by="resumed"),
    "tls-h2": Load(16, STATE, tls=True, by="h2load"),
}
QUICK = ("h1-64", "new-connection", "body-1m", "tls-h1", "tls-h2")
H2_STREAMS = 8                          # at a time, of each connection
LEAST_ROUNDS = 3                        # where time is short
DISTURBED = 1 / 3                       # of the machine, for others


def write_addresses(where, addresses):
    file = os.path.join(where, "addresses")
    if not os.path.exists(file):
        with open(file, "w") as f:
            f.write("\n".join(addresses))
    return file


def lua_of(load, addresses):
    """wrk's script: the next address of the list for each request."""
    rows = ",".join(f'"{a}"' for a in addresses)
    extra = "".join(f"{k}: {v}\\r\\n" for k, v in load.fields.items())
    extra = extra.replace('"', '\\"')
    if not load.keep_alive:
        extra += "Connection: close\\r\\n"
    if load.body:
        extra += f"Content-Length: {load.body}\\r\\n"
    method = "POST" if load.body else "GET"
    return f"""\
local ips = {{{rows}}}
local n, i = #ips, 0
local front = "{method} {load.path} HTTP/1.1\\r\\nHost: {peers.HOST}\\r\\nX-Forwarded-For: "
local back = "\\r\\n{extra}\\r\\n" .. string.rep("x", {load.body})
function request()
  i = i % n + 1
  return front .. ips[i] .. back
end
"""


def lua_of_flows(addresses, flows):
    """Each request begins a state of another of the restricted flows, but for
    the last, which nobody here may use (responder.c)."""
    rows = ",".join(f'"{a}"' for a in addresses)
    return f"""\
local ips = {{{rows}}}
local n, i = #ips, 0
local front = "POST /api/run/1 HTTP/1.1\\r\\nHost: {peers.HOST}\\r\\nX-Forwarded-For: "
local form = "\\r\\nContent-Type: application/json\\r\\nContent-Length: 56\\r\\n" ..
    "ManyWhoTenant: %08x-7e4a-4000-8000-%012x\\r\\n\\r\\n" ..
    "{{\\"flowId\\":{{\\"id\\":\\"%08x-f10e-4000-8000-%012x\\"}}}}"
function request()
  local flow = math.random(0, {flows} - 2)
  local tenant = flow % 1000
  i = i % n + 1
  return front .. ips[i] .. string.format(form, tenant, tenant, flow, flow)
end
"""


class Loader:
    """Drives rounds, and sets those aside in which others used the machine,
    as long as there is time to spare for it."""

    def __init__(self, sample, where, upstream_pid, options):
        self.sample, self.where, self.options = sample, where, options
        self.upstreams = [upstream_pid]
        self.spare, self.late = options.spare, options.late
        self.set_aside = self.disturbed = self.cut = 0

    # --- commands: what to run, what says how many were good and bad

    def wrk(self, proxy, name, load, seconds, threads=1, lua=None):
        url = f"https://127.0.0.1:{proxy.tls_port}/" if load.tls else \
            f"http://127.0.0.1:{proxy.port}/"
        script = os.path.join(self.where, f"{name}.lua")
        if not os.path.exists(script):
            with open(script, "w") as f:
                f.write(lua or lua_of(load, self.sample.addresses))
        return (["wrk", f"-t{threads}", f"-c{load.connections}",
                 f"-d{seconds}s", "-s", script, url],
                r"(\d+) requests in", r"Non-2xx or 3xx responses: (\d+)")

    def h2load(self, proxy, _name, load, seconds):
        """Its fields are the same for all requests: an address a round."""
        return (["h2load", "-t1", f"-c{load.connections}", f"-m{H2_STREAMS}",
                 f"-D{seconds}", "-H", f":authority: {peers.HOST}", "-H",
                 f"x-forwarded-for: {random.choice(self.sample.addresses)}",
                 f"https://127.0.0.1:{proxy.tls_port}{STATE}"],
                r"status codes: (\d+) 2xx", r" (\d+) failed")

    def resumed(self, proxy, _name, load, seconds):
        """Each answer is checked; only a client's first may not be resumed."""
        return ([os.path.join(peers.OUT, "bench/resumed"),
                 str(proxy.tls_port), str(seconds), str(load.connections),
                 peers.HOST, STATE, peers.REGION,
                 write_addresses(self.where, self.sample.addresses)],
                r"resumed (\d+)", r"bad (\d+)")

    # --- one round of one proxy

    def drive(self, proxy, name, seconds, load=None, cores=peers.LOAD_CORE,
              **more):
        """CPU microseconds a request, requests a second, and whether others
        used too much of the machine meanwhile."""
        load = load or SCENARIOS[name]
        command, good, wrong = getattr(self, load.by)(proxy, name, load,
                                                      seconds, **more)
        before, others = proxy.cpu_seconds(), self.others_seconds(proxy)
        start = time.monotonic()
        done = subprocess.run(["taskset", "-c", cores, *command],
                              capture_output=True, text=True)
        took = time.monotonic() - start
        spent = proxy.cpu_seconds() - before
        others = self.others_seconds(proxy) - others
        count = counted(done, good, proxy)
        bad = re.search(wrong, done.stdout)
        full = re.search(r"full (\d+)", done.stdout)
        if full and int(full.group(1)) > load.connections:
            peers.fail(f"{proxy.name} does not resume: {done.stdout}")
        return {"us": spent / count * 1e6, "rate": count / took,
                "bad": int(bad.group(1)) if bad else 0,
                "disturbed": others > DISTURBED * took * os.cpu_count()}

    def others_seconds(self, proxy):
        """Of everybody but the proxy, its upstream and the load."""
        load = resource.getrusage(resource.RUSAGE_CHILDREN)
        return machine_seconds() - proxy.cpu_seconds() - sum(
            map(peers.cpu_seconds_of, self.upstreams)) - load.ru_utime - \
            load.ru_stime

    # --- rounds of all

    def rounds(self, drives, count):
        """drives: name -> a round of it.  Interleaved; name -> results."""
        found = {name: [] for name in drives}
        done = next(iter(found.values()))
        while len(done) < count:
            if len(done) >= LEAST_ROUNDS and time.monotonic() > self.late:
                self.cut += 1
                break
            start = time.monotonic()
            results = {name: drive() for name, drive in drives.items()}
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

    def compare(self, name, proxies, rounds, load=None, **more):
        """Warm first: connections, caches."""
        for p in proxies:
            self.drive(p, name, 1, load, **more)
        return self.rounds({p.name: lambda p=p: self.drive(
            p, name, self.options.seconds, load, **more) for p in proxies},
            rounds)


def disqualified(name, results):
    bad = sum(r["bad"] for r in results)
    if bad:
        print(f"  {name}: {bad} WRONG ANSWERS: disqualified")
    return bad > 0


def counted(done, pattern, proxy):
    match = re.search(pattern, done.stdout)
    if match is None or int(match.group(1)) == 0:
        peers.fail(f"{done.args[3]} against {proxy.name}: "
                   f"{done.stdout}{done.stderr}")
    return int(match.group(1))


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
    return proxy.locates or SCENARIOS[name].by == "h2load"
