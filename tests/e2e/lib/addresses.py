# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Loopback addresses and ports of this story's own, and the invented world."""
import csv
import os
import random
import socket

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
DATA = os.path.join(ROOT, "tests/data")
WORLD = os.path.join(DATA, "mmdb/own/world-nested.mmdb")

# Not seeded: two stories with the same seed must not meet either.
_pick = random.SystemRandom()
HOST = f"127.{_pick.randrange(2, 250)}.{_pick.randrange(256)}." \
       f"{_pick.randrange(1, 255)}"

_reserved = set()


def _reserve(bound):
    """Whether no port like that of the socket was given away before.  Among
    so many stories the kernel gives one twice every few thousand of them, to
    a listener at once and to a program that has yet to start."""
    port = bound.getsockname()[1]
    fresh = port not in _reserved
    _reserved.add(port)
    return fresh


def free_port(host=None):
    """A port that nobody listens on and nobody else is given.  The address is
    ours alone, so the only other taker would be a connection bound to it, and
    none is."""
    while True:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((host or HOST, 0))
            if _reserve(s):
                return s.getsockname()[1]


def listener(host=None):
    """A socket that listens, on a port that nobody else is given."""
    while True:
        s = socket.create_server((host or HOST, 0), backlog=512)
        if _reserve(s):
            return s
        s.close()


def _world():
    with open(os.path.join(DATA, "mmdb/own/world.csv"), newline="") as f:
        return list(csv.DictReader(f))


def address_in(country, family=4):
    """An address of that country in the invented world database."""
    for row in _world():
        if row["country"] == country and (":" in row["ip"]) == (family == 6):
            return row["ip"]
    raise KeyError(f"no IPv{family} address of {country} in world.csv")
