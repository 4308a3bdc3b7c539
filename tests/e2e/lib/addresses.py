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

_reserved = []


def free_port(host=None):
    """A port nobody listens on.  The address is ours alone, so the only other
    taker would be a connection bound to it, and none is."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    while True:
        s.bind((host or HOST, 0))
        port = s.getsockname()[1]
        s.close()
        if port not in _reserved:
            _reserved.append(port)
            return port
        s = socket.socket()


def _world():
    with open(os.path.join(DATA, "mmdb/own/world.csv"), newline="") as f:
        return list(csv.DictReader(f))


def address_in(country, family=4):
    """An address of that country in the invented world database."""
    for row in _world():
        if row["country"] == country and (":" in row["ip"]) == (family == 6):
            return row["ip"]
    raise KeyError(f"no IPv{family} address of {country} in world.csv")
