#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""While a region is lost its states are at home at its successor, so a map that
names another is not taken: not by a reload, not by PUT /v1/map, not tried out;
each says where it stands and what to do.  More may be named behind it, and the
key may go."""
import re

from lib import Platform, portolan, same, story, truth
from lib.mesh import with_successor

CHANGED = re.compile(
    r"regions\.yaml:\d+:\d+: regions\.GB\.successor: region GB was given over "
    r"to US, where its states may be at home by now: write \[US\], others "
    r"behind if need be; or, if GB is back, take the key out and end it with "
    r"portolan store region return")


def in_service(p):
    out, _ = portolan("ctl", "map", "get", "-c", p["US"].config_file)
    found = re.search(r'"successor": \[([^]]*)\]', out)
    return found and found.group(1).replace('"', "")


def reload(p, text, expect=0):
    p.write("regions.yaml", text)
    _, err = portolan("ctl", "reload", "-c", p["US"].config_file,
                      expect=expect)
    return err


@story
def main():
    with Platform(regions=["US", "GB", "AU"], edges=["US"]) as p:
        with open(p.path("regions.yaml")) as f:
            text = f.read()
        reload(p, with_successor(text, ["US"]))
        same("given over", in_service(p), "US")

        for other in (["AU"], ["AU", "US"]):
            err = reload(p, with_successor(text, other), 1)
            truth(err, CHANGED.search(err))
            same("as it was", in_service(p), "US")
        p.write("regions.yaml", with_successor(text, ["US"]))
        p.write("new.yaml", with_successor(text, ["AU"]))
        for how in ("--dry-run", "--force"):
            _, err = portolan("ctl", "map", "put", p.path("new.yaml"), how,
                              "-c", p["US"].config_file, expect=1)
            truth(err, CHANGED.search(err))
            same("as it was", in_service(p), "US")

        reload(p, with_successor(text, ["US", "AU"]))
        same("more of them", in_service(p), "US, AU")
        reload(p, text)
        same("it is back", in_service(p), None)
        reload(p, with_successor(text, ["AU"]))
        same("lost again", in_service(p), "AU")
