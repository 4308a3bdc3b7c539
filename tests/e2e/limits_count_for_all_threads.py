#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""limits.connections is that of the process, however the kernel deals clients
to its threads, and so is limits.held_bytes, for bodies that are held back to
find their flow: what is too much of them gets 503, and what leaves makes
room."""
from lib import Platform, same, story, truth, wait_for

REQUEST = b"GET /api/run/1/x HTTP/1.1\r\nHost: flow.example.com\r\n\r\n"
TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c10"
RESTRICTIONS = {"tenants": {TENANT: {"flows": {FLOW: {"restrictions": {
    "execution": {"enabled": True, "countries": ["US"]}}}}}}}
CONNECTIONS, THREADS, KIB = 9, 4, 1024


def held(edge):
    return edge.metric("portolan_held_body_bytes")


def begin(edge, size):
    """The front of a body in which the flow has not been found yet."""
    client = edge.connect()
    client.send(b"POST /api/run/1 HTTP/1.1\r\nHost: flow.example.com\r\n"
                b"Content-Type: application/json\r\nManyWhoTenant: %s\r\n"
                b"Content-Length: 100000\r\n\r\n{" % TENANT.encode() +
                b" " * (size - 1))
    return client


def bodies(edge):
    first = begin(edge, 40 * KIB)
    wait_for("it is held back", lambda: held(edge) == 40 * KIB)
    second = begin(edge, 40 * KIB)
    answer = second.read()
    same("one too many", answer.status, 503)
    truth("when to come again", int(answer["Retry-After"]) > 0)
    second.close()
    first.reset()
    wait_for("it makes room", lambda: held(edge) == 0)
    third = begin(edge, 40 * KIB)
    wait_for("the next is held back", lambda: held(edge) == 40 * KIB)
    end = b'"flowId":{"id":"%s"}}' % FLOW.encode() + b" " * 8 * KIB
    third.send(end)
    wait_for("it is found", lambda: edge.metric(
        "portolan_decisions_total", reason="default") > 0)
    third.send(b" " * (100000 - 40 * KIB - len(end)))
    same("and is served", third.read().status, 200)
    third.close()


def connections(edge):
    wait_for("nobody is left",
             lambda: edge.metric("portolan_connections", side="client",
                                 state="open") == 0)
    most = 0

    def now():
        return edge.metric("portolan_connections", side="client",
                           state="open")

    def counted(question):
        """However long it takes to be asked: those who idle may have left, and
        others come in their place.  The threads are asked one after the
        other, so that one may tell of who left, and the next of who came."""
        nonlocal most
        most = max(most, min(now(), now()))
        return question()
    crowd = [edge.connect() for _ in range(2 * CONNECTIONS)]
    wait_for("the listeners pause", lambda: counted(
        lambda: edge.metric("portolan_accept_pauses_total") > 0))
    # They ask for nothing, so that others may; and so on.
    wait_for("all had their turn", lambda: counted(lambda: edge.metric(
        "portolan_connections_accepted_total") >= edge.before + len(crowd)))
    # Each thread finds out with a connection that it has accepted.
    truth(f"no more than there may be: {most}",
          0 < most < CONNECTIONS + THREADS)
    for client in crowd:
        client.close()
    same("and it serves", edge.get("/").status, 200)


@story
def main():
    with Platform(restrictions=RESTRICTIONS, settings={
            "threads": THREADS, "limits": {
                "connections": CONNECTIONS, "held_bytes": "64KiB"}}) as p:
        edge = p["US"]
        bodies(edge)
        wait_for("it is counted", lambda: edge.metric(
            "portolan_connections_accepted_total") >= 3)
        edge.before = edge.metric("portolan_connections_accepted_total")
        connections(edge)
        same("in the log", {line["limit"] for line in edge.access()
                            if "limit" in line}, {"held-bytes"})
