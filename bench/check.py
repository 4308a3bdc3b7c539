# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whether a peer does the job, before it is timed: one wrong answer and it is
not.  What is looked at: the region of local and of foreign addresses, that
central paths go to the main region, both headers, the place as the upstream
is told it, bodies, TLS and HTTP/2."""
import ipaddress
import os
import random
import re
import subprocess

import peers

STATE = "/api/run/1/state"
LOCAL = (200, [peers.REGION], [peers.REGION])
COUNTRY, CONTINENT = (f"X-ManyWho-GeoLocation-{what}".lower()
                      for what in ("Country", "Continent"))


class Sample:
    """Random addresses: of the edge's own region, so that all peers forward
    to the same upstream, and of the others, each with its country."""

    def __init__(self, networks, regions, count):
        self.regions = regions
        pick = random.Random(20260101)
        nets = [row for row in networks
                if ":" not in row[0] and row[1] in regions]
        self.local = self.draw(pick, [
            n for n in nets if regions[n[1]] == peers.REGION], count)
        self.foreign = self.draw(pick, [
            n for n in nets if regions[n[1]] != peers.REGION], 400)
        self.addresses = [ip for ip, _ in self.local]

    @staticmethod
    def draw(pick, nets, count):
        found = []
        weights = [1 << 32 - int(net.split("/")[1]) for net, _ in nets]
        for text, cc in pick.choices(nets, weights, k=count * 2):
            net = ipaddress.ip_network(text)
            ip = net[pick.randrange(net.num_addresses)]
            if ip.is_global:
                found.append((str(ip), cc))
        return found[:count]


def wrong(proxy, what, got, right):
    peers.fail(f"{proxy.name}: {what}: {got!r} instead of {right!r}: "
               "disqualified")


def expect(proxy, what, got, right):
    if got != right:
        wrong(proxy, what, got, right)


def check(proxy, sample):
    """The whole job over plain HTTP/1.1."""
    if proxy.is_anchor:
        return
    for ip, _ in sample.local[:400]:
        expect(proxy, ip, peers.ask(proxy.port, ip).regions, LOCAL)
    for path in ("/api/draw/1/flow", "/", "/api/running", "/api/service/1"):
        for ip, _ in sample.foreign[:5]:
            expect(proxy, f"{path} for {ip}",
                   peers.ask(proxy.port, ip, path).regions, LOCAL)
    check_bodies(proxy, sample.addresses[0], False)
    if proxy.locates:
        check_foreign(proxy, sample)
        check_place(proxy, sample)
    if proxy.tls_port:
        check_tls(proxy, sample)


def check_bodies(proxy, ip, tls):
    port = proxy.tls_port if tls else proxy.port
    for name, size in (("64k", 1 << 16), ("1m", 1 << 20)):
        answer = peers.ask(port, ip, f"/api/run/1/{name}", tls=tls)
        expect(proxy, name, (answer.regions, answer.body == b"x" * size),
               (LOCAL, True))
    expect(proxy, "post", peers.ask(port, ip, body=b"x" * 65536,
                                    tls=tls).regions, LOCAL)


def check_foreign(proxy, sample):
    """The other regions have one upstream in all peers but Portolan, for
    which they are other edges: its map is asked by its own command."""
    if proxy.name == "portolan":
        check_map(proxy, sample)
        return
    for ip, cc in sample.foreign:
        answer = peers.ask(proxy.port, ip)
        expect(proxy, ip, (answer.status, answer.backend),
               (200, [sample.regions[cc]]))


def check_map(proxy, sample):
    lines = "".join(f'  "{ip}": {{region: {sample.regions[cc]}, '
                    f'country: {cc}}}\n' for ip, cc in sample.foreign)
    file = proxy.write("expectations.yaml", f"version: 1\nexpect:\n{lines}")
    done = subprocess.run(
        [peers.PORTOLAN, "map", "test", "-c",
         os.path.join(proxy.dir, "portolan.yaml"), "--expectations", file],
        capture_output=True, text=True)
    if done.returncode != 0:
        wrong(proxy, "the map", done.stdout[-500:] + done.stderr[-500:], "")


def check_place(proxy, sample):
    """What the upstream reads, whatever a client claims."""
    continents = peers.continents()
    for ip, cc in sample.local[:50]:
        answer = peers.ask(proxy.port, ip, "/api/run/1/echo", fields=[
            (COUNTRY, "SZ"), (CONTINENT, "AF"),
            ("X-ManyWho-Region-Backend", "XX")])
        fields = [line.split(": ", 1) for line in
                  answer.body.decode().split("\r\n")[1:]]
        found = [[v for k, v in fields if k.lower() == name]
                 for name in (COUNTRY, CONTINENT)]
        expect(proxy, f"place of {ip}", found, [[cc], [continents[cc]]])
        if not any(k.lower() == "x-forwarded-for" and
                   v.split(",")[0].strip() == ip for k, v in fields):
            wrong(proxy, "X-Forwarded-For", fields, ip)


def check_tls(proxy, sample):
    for ip in sample.addresses[:20]:
        expect(proxy, f"{ip} over TLS", peers.ask(
            proxy.tls_port, ip, tls=True).regions, LOCAL)
        expect(proxy, f"{ip} over HTTP/2", ask_h2(proxy, ip), LOCAL)
    check_bodies(proxy, sample.addresses[0], True)


def ask_h2(proxy, ip):
    done = subprocess.run(
        ["nghttp", "-v", "-n", "-y", "-H", f":authority: {peers.HOST}", "-H",
         f"x-forwarded-for: {ip}",
         f"https://127.0.0.1:{proxy.tls_port}{STATE}"],
        capture_output=True, text=True)
    found = re.findall(r"recv \(stream_id=\d+\) (\S+): (\S+)", done.stdout)
    status = [v for k, v in found if k == ":status"]
    return (int(status[0]) if len(status) == 1 else None,
            *([v for k, v in found if k == f"x-manywho-region-{end}"]
              for end in ("frontend", "backend")))
