#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Each name is shown its own certificate.  A reload shows new ones; a bad one
changes nothing.  Names of different regions in TLS and Host are told apart;
check names hosts that no certificate is for, and the metric says when each
ends."""
import os
import shutil

from lib import Platform, portolan, same, story, truth
from lib.handshake import Shaken, certificate_der, listener
from lib.platform import GLOBAL_HOST, make_certificate

GB = f"gb.{GLOBAL_HOST}"


def shown(us, tls, files):
    for name, file in files:
        same(f"certificate for {name}", Shaken(
            us.tls, name, host=GLOBAL_HOST).certificate,
            certificate_der(tls, file))


def reload(edge, expect=0):
    return portolan("ctl", "reload", "-c", edge.config_file, expect=expect)


@story
def main():
    p = Platform(regions=("US", "GB"), edges=("US",), tls=True)
    us, tls = p["US"], p.path("tls")
    for name, san in (("gb", f"DNS:{GB}"), ("wild", "DNS:*.wild.example"),
                      ("other", "DNS:other.example")):
        make_certificate(tls, name, san, "site-ca")
    p.settings = {"listeners": [
        {"name": "plain", "address": "%s:%d" % us.plain},
        listener("tls", us.tls, ("site", "gb", "wild"))]}
    us.write_config()
    with p:
        shown(us, tls, ((GLOBAL_HOST, "site"), (GB, "gb"),
                        ("a.wild.example", "wild"),
                        ("nobody.example", "site"), (None, "site")))
        for name, host, status in ((GLOBAL_HOST, GLOBAL_HOST, 200),
                                   (GLOBAL_HOST, f"us.{GLOBAL_HOST}", 421),
                                   (GB, f"us.{GLOBAL_HOST}", 421),
                                   (GB, GLOBAL_HOST, 421),
                                   ("nobody.example", GLOBAL_HOST, 200)):
            same(f"TLS for {name}, Host {host}",
                 Shaken(us.tls, name, host=host).status, status)
        page = us.admin("/metrics").body.decode()
        for name in (GB, "*.wild.example", GLOBAL_HOST):
            truth(f"the end of {name}: {page}",
                  "\nportolan_tls_cert_expiry_timestamp_seconds{"
                  f'listener="tls",name="{name}"}} 1' in page)

        # The very files change.
        for end in ("pem", "key"):
            os.rename(os.path.join(tls, f"gb.{end}"),
                      os.path.join(tls, f"old.{end}"))
        make_certificate(tls, "gb", f"DNS:{GB}", "site-ca")
        shown(us, tls, ((GB, "old"),))
        reload(us)
        shown(us, tls, ((GB, "gb"),))
        shutil.copy(os.path.join(tls, "wild.key"),
                    os.path.join(tls, "gb.key"))
        out, err = reload(us, expect=1)
        truth("the wrong key is told: " + out + err,
              "listeners[1].tls.more[0].key: " in out + err and
              "does not belong to the certificate" in out + err)
        shown(us, tls, ((GB, "gb"),))

        p.settings["listeners"][1] = listener("tls", us.tls, ("other",))
        us.write_config()
        out, err = portolan("check", "--full", "-c", us.config_file)
        truth("hosts without a certificate: " + out + err,
              f"hosts.global: warning: no certificate of a listener names "
              f"{GLOBAL_HOST}" in out + err and
              f"names us.{GLOBAL_HOST}" in out + err)
