#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine that is told to end at once while a call waits for a service lets
go of the call and ends in order; so does one that drains for longer than it
may."""
import signal
import threading

from lib import same, story
from lib.engine import Engine
from lib.http import ProtocolError
from lib.service import (CALLED_HERE, Hang, Service, element, flow, guid,
                         message, step, to, value)


def flows(uri):
    asks = element(20, "MESSAGE", to(40, 31), messageActions=[
        message("ask", outputs=[("Answer", 61)])])
    return [flow(1, uri, [asks, step(40, "It says {![Answer]}")],
                 [value(61, "Answer")])]


def hang(_asked):
    raise Hang


def call(engine):
    """Its client is cut off, or told that it is over: both are an end."""
    try:
        engine.invoke(engine.initialize(guid(1)).json)
    except (OSError, ProtocolError, AssertionError):
        pass


def end_with(number, service, uri):
    with Engine(flows=flows(uri), services={
            **CALLED_HERE, "timeout": "60s", "give_up": "60s"}) as engine:
        client = threading.Thread(target=call, args=[engine])
        client.start()
        service.next()
        engine.process.send_signal(number)
        code = engine.process.wait(30)
        errors, engine.process = engine.errors(), None
        client.join()
        if code != 0:
            print(errors)
        same(f"its exit after {number.name}", code, 0)


@story
def main():
    with Service({"/api/actions/ask": hang}) as service:
        for number in (signal.SIGINT, signal.SIGTERM):
            end_with(number, service, service.uri)
