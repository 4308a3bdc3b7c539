#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A TLS session is taken up again: at once, after a reload, and by another edge
that has the same ticket keys; by no other host, and not where a certificate
is demanded of the client.  There only those come in who have one.  A key file
that others may read is refused."""
import os
import secrets
import ssl

from lib import Platform, portolan, same, story, truth
from lib.addresses import HOST, free_port
from lib.handshake import Shaken, listener, refused, tls_client
from lib.platform import GLOBAL_HOST, make_certificate

US = f"us.{GLOBAL_HOST}"


def settings(p, edge, keys):
    edge.demanding = (HOST, free_port())
    p.settings_of[edge.region] = {
        "tls": {"ticket_keys": keys} if keys else {},
        "listeners": [
            {"name": "plain", "address": "%s:%d" % edge.plain},
            listener("tls", edge.tls, ("site",)),
            listener("demanding", edge.demanding, ("site",),
                     client_ca="tls/site-ca.pem"),
            {"name": "link", "kind": "link",
             "address": "%s:%d" % edge.link}]}


def take_up(us, gb, version):
    context = tls_client(version)
    first = Shaken(us.tls, GLOBAL_HOST, context=context)
    same("nothing to take up", first.reused, False)

    def again(edge, name=GLOBAL_HOST):
        return Shaken(edge.tls, name, context=context,
                      session=first.session).reused

    same("at once", again(us), True)
    portolan("ctl", "reload", "-c", us.config_file)
    same("after a reload", again(us), True)
    same("at another edge", again(gb), True)
    same("as another host", again(us, US), False)
    same("where more is demanded", refused(
        us.demanding, GLOBAL_HOST, context, first.session), True)


def demand(edge, tls):
    good = tls_client(chain=os.path.join(tls, "client"))
    same("with a certificate",
         Shaken(edge.demanding, GLOBAL_HOST, context=good).status, 200)
    same("with a stranger's", refused(edge.demanding, GLOBAL_HOST, tls_client(
        chain=os.path.join(tls, "stranger"))), True)


@story
def main():
    p = Platform(regions=("US", "GB"), tls=True)
    us, gb, tls = p["US"], p["GB"], p.path("tls")
    make_certificate(tls, "client", "DNS:client", "site-ca")
    make_certificate(tls, "stranger", "DNS:client", "ca")
    key, other = secrets.token_hex(32), secrets.token_hex(32)
    for name, text in (("us", f"{key}\n{other}\n"), ("gb", f"{other}\n{key}\n")):
        with open(p.path(f"{name}.tickets"), "w") as f:
            os.fchmod(f.fileno(), 0o640)
            f.write(text)
    settings(p, us, "us.tickets")
    settings(p, gb, "gb.tickets")
    with p:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            take_up(us, gb, version)
        demand(us, tls)

        os.chmod(p.path("us.tickets"), 0o644)
        out, err = portolan("ctl", "reload", "-c", us.config_file, expect=1)
        truth("a key that anybody may read: " + out + err,
              "tls.ticket_keys: " in out + err and
              "others than its owner may read it" in out + err)

        # Without a file the process has keys of its own, kept as well.
        settings(p, us, None)
        us.write_config()
        portolan("ctl", "reload", "-c", us.config_file)
        context = tls_client()
        first = Shaken(us.tls, GLOBAL_HOST, context=context)
        portolan("ctl", "reload", "-c", us.config_file)
        same("own keys after a reload", Shaken(
            us.tls, GLOBAL_HOST, context=context,
            session=first.session).reused, True)
        same("not known elsewhere", Shaken(
            gb.tls, GLOBAL_HOST, context=context,
            session=first.session).reused, False)
