#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Flows name the addresses of services, and engines stand inside: no way of
writing this machine's own address has an engine connect to it, and neither has
a service that redirects there; flows with other schemes are not taken.  The
user is told no more than that it may not be called."""
import socket

from lib import same, story, truth
from lib.engine import Engine, shown
from lib.service import (Service, element, flow, guid, message, step, to,
                         value)

HOSTS = ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "0", "0.0.0.0",
         "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1",
         "%31%32%37.0.0.1", "[::1]", "[::]",
         "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]",
         "[::127.0.0.1]", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021",
         "user@127.0.0.1", "user:pass@127.0.0.1", "8.8.8.8@127.0.0.1",
         "127.0.0.1:{port}#@8.8.8.8", "127.0.0.1:{port}\\@8.8.8.8"]
SCHEMES = ["file:///etc/passwd", "gopher://127.0.0.1:{port}/_x",
           "ftp://127.0.0.1:{port}/x", "dict://127.0.0.1:{port}/x",
           "unix:/run/x", "//127.0.0.1:{port}", "127.0.0.1:{port}"]


def uris(port):
    for host in HOSTS:
        host = host if "{port}" in host else host + ":{port}"
        yield "http://" + host.format(port=port)


def calling(number, uri):
    return flow(number, uri, [
        step(20, "Begin", to(30, 21)),
        element(30, "MESSAGE", to(40, 31), messageActions=[message("x")]),
        step(40, "Reached")], [value(60, "Who", text="Ada")])


def goes_nowhere(engine, number, uri, words):
    began = engine.invoke(engine.initialize(guid(number)).json)
    end = engine.invoke(began.json, outcome=guid(21))
    same(f"{uri} is not reached", shown(end), "Begin")
    [told] = end.json["mapElementInvokeResponses"][0]["rootFaults"].values()
    truth(f"{uri}: {told}", told.endswith(words))


@story
def main():
    with socket.create_server(("127.0.0.1", 0)) as inside, \
            Service({"/api/actions/x": lambda asked: (302, {})}, "127.0.0.3",
                    {"Location": "http://127.0.0.1:%d/" % inside
                     .getsockname()[1]}) as service:
        inside.setblocking(False)
        port = inside.getsockname()[1]
        inner = list(uris(port))
        strange = [calling(100 + i, uri.format(port=port))
                   for i, uri in enumerate(SCHEMES)]
        # The service that redirects stands at the one address that is let in.
        with Engine(flows=[calling(1, service.uri),
                           *(calling(2 + i, u) for i, u in enumerate(inner)),
                           *strange],
                    services={"allow": ["127.0.0.3/32"]}) as engine:
            for i, uri in enumerate(inner):
                goes_nowhere(engine, 2 + i, uri,
                             "may not be called at its address")
            for i, uri in enumerate(SCHEMES):
                same(f"a flow with {uri} is not taken",
                     engine.initialize(guid(100 + i)).status, 404)
            goes_nowhere(engine, 1, "a redirect", "with the status 302")
        same("asked", service.count(), 1)
        try:
            inside.accept()
            truth("nobody has connected", False)
        except BlockingIOError:
            pass
