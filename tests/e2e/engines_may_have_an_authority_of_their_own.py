#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""With engines.tls edge and engines on other machines know each other by an
authority and keys of their own: the link's open nothing there.  With
server_name an engine proves a name instead of its region."""
import json
import os

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import HOST, free_port
from lib.platform import make_certificate, region_map_text

from engines_on_tcp_know_their_edges import RemoteEngine, begin


class OwnEngine(RemoteEngine):
    """Shows NAME.pem of the engines' authority; asked by the edge's."""

    def __init__(self, at, tls, name, server_name=None):
        super().__init__(at, tls)
        self.chain = os.path.join(tls, "to-engines")
        file = f"{self.dir}/portolan.yaml"
        with open(file) as f:
            config = json.load(f)
        config.setdefault("engines", {})["tls"] = identity(
            tls, name, server_name)
        with open(file, "w") as f:
            json.dump(config, f)


def identity(tls, name, server_name):
    found = {"certificate": f"{tls}/{name}.pem", "key": f"{tls}/{name}.key",
             "ca": f"{tls}/engines-ca.pem"}
    return {**found, "server_name": server_name} if server_name else found


def reload(p, server_name, expect=0):
    p.settings["engines"] = {"tls": identity(p.path("tls"), "to-engines",
                                             server_name)}
    p["US"].write_config()
    return portolan("ctl", "reload", "-c", p["US"].config_file,
                    expect=expect)


def becomes(us, up):
    wait_for(f"up: {up}", lambda: ("US" in us.regions_up()) == up)


@story
def main():
    at = (HOST, free_port())
    p = Platform(map_text=region_map_text(
        ["US"], {"US": ["https://%s:%d" % at]}))
    us, tls = p["US"], p.path("tls")
    for authority in ("ca", "engines-ca"):
        make_certificate(tls, authority, None, None)
    region = "URI:portolan:region:US"
    for name, san, ca in (("US", region, "ca"), ("worker", region, "ca"),
                          ("to-engines", region, "engines-ca"),
                          ("own", region, "engines-ca"),
                          ("named", "DNS:engine.example", "engines-ca")):
        make_certificate(tls, name, san, ca)
    p.settings = {
        "link": {"certificate": "tls/US.pem", "key": "tls/US.key",
                 "ca": "tls/ca.pem"},
        "engines": {"tls": identity(tls, "to-engines", None)}}
    us.write_config()
    with OwnEngine(at, tls, "own") as engine, p:
        same("by the edge", begin(us).status, 200)
        same("by the link's key", engine.status(os.path.join(tls, "US")),
             None)
        # Its certificate names no host: who asks for one is not content.
        reload(p, "engine.example")
        becomes(us, False)
        us.says("its TLS handshake fails: hostname mismatch")
        engine.stop()
        engine.process = None
        with OwnEngine(at, tls, "named", "engine.example"):
            becomes(us, True)
            same("by its name", begin(us).status, 200)
            reload(p, "other.example")
            becomes(us, False)
            reload(p, None)             # a region, which it does not name
            us.says("its certificate is of another region")
            same("still down", us.regions_up(), set())
            reload(p, "engine.example")
            becomes(us, True)
        out, err = reload(p, "no name", expect=1)
        truth(f"told: {out + err}",
              "engines.tls.server_name: " in out + err)
