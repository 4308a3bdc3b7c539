#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""As many requests as an engine, a region or a tenant may have at a time are
under way; some more wait their turn, with their bodies; whoever finds the
queue full, or waits too long, is told so at once and nobody else is."""
import threading

from lib import Origin, Platform, portolan, same, story, truth, wait_for

HOST = ("Host", "flow.example.com")
TENANTS = [f"{n}0000000-0000-0000-0000-000000000000" for n in "12"]
OFF = {"tenant": 0, "region": 0, "engine": 0, "queue": 128, "wait": "20s"}


class Gate:
    """An origin's script: answers are held back until it opens."""

    def __init__(self):
        self.event = threading.Event()

    def __call__(self, conn, request):
        conn.wait(self.event)
        conn.answer(200, request.body)


def limit(edge, **limits):
    edge.platform.settings["concurrency"] = {**OFF, **limits}
    edge.write_config()
    portolan("ctl", "reload", "-c", edge.config_file)


def send(edge, body=b"", tenant=None):
    client = edge.connect()
    fields = [b"ManyWhoTenant: " + tenant.encode()] if tenant else []
    client.send(b"\r\n".join([
        b"POST /api/run/1/x HTTP/1.1", b"Host: flow.example.com",
        b"Content-Length: %d" % len(body), *fields, b"", body]))
    return client


def waiting(edge):
    return edge.metric("portolan_queued_requests")


def begin(edge, origin, **how):
    """One that reaches the origin."""
    count = len(origin.requests)
    client = send(edge, **how)
    origin.wait_requests(count + 1)
    return client


def queue(edge, **how):
    """One that waits for a place."""
    before = waiting(edge)
    client = send(edge, **how)
    wait_for("it waits", lambda: waiting(edge) == before + 1)
    return client


def refused(client, what):
    answer = client.read()
    same(what, answer.status, 503)
    same("frontend", answer.all("X-ManyWho-Region-Frontend"), ["US"])
    truth("when to come again", int(answer["Retry-After"]) > 0)
    client.close()


def served(clients):
    for client, body in clients:
        answer = client.read()
        same("status", answer.status, 200)
        same("its body came through", answer.body, body)
        client.close()


def an_engine(edge, origin, gate):
    limit(edge, engine=2, queue=2)
    clients = [(begin(edge, origin), b"") for _ in range(2)]
    body = b"0123456789" * 30000        # more than is kept of a body
    clients.append((queue(edge, body=body), body))
    clients.append((queue(edge, body=b"short"), b"short"))
    refused(send(edge), "with the queue full")
    same("at the origin", len(origin.requests), 2)
    gate.event.set()
    served(clients)
    same("nobody waits", waiting(edge), 0)
    gate.event.clear()


def whoever_leaves(edge, origin, gate):
    limit(edge, engine=1, queue=1)
    first = begin(edge, origin)
    queue(edge).reset()
    wait_for("its place in the queue is free", lambda: waiting(edge) == 0)
    second = queue(edge)
    first.reset()                       # and so is a place at the engine
    wait_for("the next one's turn", lambda: waiting(edge) == 0)
    gate.event.set()
    served([(second, b"")])
    gate.event.clear()


def too_long(edge, origin, gate):
    limit(edge, region=1, wait="200ms")
    first = begin(edge, origin)
    refused(send(edge), "after waiting")
    gate.event.set()
    served([(first, b"")])
    gate.event.clear()


def a_tenant(edge, origin, gate):
    limit(edge, tenant=1, queue=1)
    one, other = TENANTS
    clients = [(begin(edge, origin, tenant=one), b""),
               (begin(edge, origin, tenant=other), b""),
               (begin(edge, origin), b""),
               (queue(edge, tenant=one.upper()), b"")]
    refused(send(edge, tenant=one), "one too many of a tenant")
    gate.event.set()
    served(clients)
    gate.event.clear()


@story
def main():
    gate = Gate()
    with Platform(origins={"US": Origin("US", gate)}) as platform:
        edge, origin = platform["US"], platform.origin("US")
        for part in (an_engine, whoever_leaves, too_long, a_tenant):
            origin.requests.clear()
            part(edge, origin, gate)
        wait_for("all places are free",
                 lambda: edge.metric("portolan_active_requests") == 0)
        edge.stop()
        lines = edge.access()
        same("refused", {(line["limit"], line["status"], line["outcome"],
                          line["termination"]) for line in lines
                         if "limit" in line},
             {(f"{what}-requests", 503, "overload", "RQ")
              for what in ("engine", "region", "tenant")})
        truth("some waited", sum("queue_us" in line and line["status"] == 200
                                 for line in lines) == 4)
