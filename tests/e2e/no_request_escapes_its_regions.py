#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""While engines break in every way, reloads happen and clients leave, no
request is ever seen by an engine of a region that its restrictions forbid."""
import random
import signal
import threading
import time

from lib import Origin, Platform, ProtocolError, deadline, same, story, truth

REGIONS = ["US", "GB", "AU"]
TENANTS = {                             # tenant: where it may be processed
    "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001": {"GB"},
    "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f002": {"GB", "AU"},
    "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f003": {"AU"},
    "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f004": {"US", "GB", "AU"},
}
RESTRICTIONS = {"tenants": {t: {"restrictions": {"flowRestrictions": {
    "execution": {"enabled": True, "countries": sorted(where)}}}}
    for t, where in TENANTS.items()}}
SECONDS = 8


def moody(conn, request):
    mood = random.random()
    if mood < 0.84:
        conn.answer(200, b"x" * random.choice([0, 10, 100000]))
    elif mood < 0.88:
        conn.reset()
    elif mood < 0.92:
        conn.close()
    elif mood < 0.96:
        conn.answer(421, b'"elsewhere"', reason="Misdirected Request")
    else:
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        conn.close()


def client(p, until, statuses):
    while not until.is_set():
        edge = p[random.choice(REGIONS)]
        tenant = random.choice(list(TENANTS))
        fields = [("ManyWhoTenant", random.choice([
            tenant, tenant.upper(), "{%s}" % tenant, tenant.replace("-", "")]))]
        target = "/api/run/1/state/" + random.choice("abc")
        try:
            if random.random() < 0.1:
                with edge.connect() as c:
                    c.send(f"POST {target} HTTP/1.1\r\nHost: flow.example.com"
                           f"\r\nManyWhoTenant: {tenant}\r\nContent-Length: 9"
                           "\r\n\r\nhal".encode())
                continue
            answer = edge.ask(
                random.choice(["GET", "POST", "PUT"]), target, fields,
                random.choice([None, b"", b"x" * 10, b"x" * 50000]),
                of=random.choice(["GB", "FR", "AU", "US", "IN", "BR"]))
        except (ProtocolError, OSError):
            continue
        statuses.append((answer.status, tenant,
                         answer["X-ManyWho-Region-Backend"]))


def chaos(p, until):
    while not until.wait(0.05):
        origin = p.origin(random.choice(REGIONS))
        origin.healthy = random.random() < 0.9
        if random.random() < 0.05:
            p[random.choice(REGIONS)].signal(signal.SIGHUP)


def tenant_of(request):
    bare = request["ManyWhoTenant"].strip("{}").replace("-", "").lower()
    return next(t for t in TENANTS if t.replace("-", "") == bare)


@story
def main():
    origins = {r: Origin(r, moody) for r in REGIONS}
    with Platform(REGIONS, origins=origins, restrictions=RESTRICTIONS) as p:
        until, statuses = threading.Event(), []
        threads = [threading.Thread(target=client, args=(p, until, statuses))
                   for _ in range(6)]
        threads.append(threading.Thread(target=chaos, args=(p, until)))
        for t in threads:
            t.start()
        end = deadline(SECONDS)
        while time.monotonic() < end and all(
                e.process.poll() is None for e in p.edges.values()):
            time.sleep(0.1)
        until.set()
        for t in threads:
            t.join()
        for region in REGIONS:
            for request in p.origin(region).requests:
                tenant = tenant_of(request)
                truth(f"{tenant} may be in {region}",
                      region in TENANTS[tenant])
            p.origin(region).healthy = True
        for status, tenant, backend in statuses:
            truth(f"{status} {tenant} says {backend}",
                  backend is None or backend in TENANTS[tenant])
        good = sum(1 for status, _, _ in statuses if status == 200)
        print(f"{len(statuses)} answers, {good} good,",
              {r: len(p.origin(r).requests) for r in REGIONS})
        truth("many were served all the same", good > len(statuses) / 5)
        for region in REGIONS:
            same("assertions", p[region].metric(
                "portolan_residency_assert_failures_total"), 0)
