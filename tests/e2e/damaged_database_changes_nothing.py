#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whatever happens to the geo database's file while it serves, truncated in
place, overwritten, turned into a web page: the one in service goes on
answering right, and says that something is wrong.  A good file is taken up
without being asked for."""
import gzip
import os
import shutil

from lib import Platform, same, story, wait_for
from lib.addresses import WORLD


def damaged(good):
    """Ways in which downloads and updaters have been seen to go wrong."""
    middle = len(good) // 2
    return {
        "empty": b"",
        "a page": b"<html><body>Too many requests</body></html>",
        "compressed": gzip.compress(good),
        "truncated": good[:middle],
        "zeros inside": good[:100] + bytes(len(good) // 2) +
        good[100 + len(good) // 2:],
        "the tree alone": good[:200],
        "noise": os.urandom(len(good)),
    }


def overwrite_in_place(path, data):
    """Without a new file: what a careless copy does."""
    with open(path, "r+b") as f:
        f.truncate(0)
        f.write(data)


def check_answers(edge, what):
    for of, backend in (("GB", "GB"), ("NZ", "US"), ("FR", "GB")):
        same(f"{of} with {what}", edge.get("/api/run/1/x", of=of)
             ["X-ManyWho-Region-Backend"], backend)


@story
def main():
    with open(WORLD, "rb") as f:
        good = f.read()
    platform = Platform(regions=["US", "GB"])
    database = platform.path("country.mmdb")
    shutil.copy(WORLD, database)
    platform.database = database
    with platform:
        edge = platform["US"]
        check_answers(edge, "the first file")
        for what, data in damaged(good).items():
            before = len(edge.errors())
            overwrite_in_place(database, data)
            check_answers(edge, what)
            wait_for(f"the alarm about {what}",
                     lambda: database in edge.errors()[before:])
            check_answers(edge, what + ", after the alarm")
        overwrite_in_place(database, good)
        wait_for("ready again", edge.ready)
        check_answers(edge, "the good file again")
