#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A good OCSP response out of a file is stapled to its certificate.  One that
says the certificate is revoked, or is none, is warned of and left out; the
service goes on without."""
import os
import subprocess

from lib import Platform, portolan, same, story, truth
from lib.handshake import Shaken, listener
from lib.platform import GLOBAL_HOST, openssl
from lib.story import SCALE

END = "491231235959Z"
REVOKED = "200101000000Z"


def respond(tls, to, revoked=False):
    """What the authority says of site.pem."""
    done = subprocess.run(["openssl", "x509", "-in", "site.pem", "-noout",
                           "-serial"], cwd=tls, capture_output=True,
                          text=True, check=True)
    serial = done.stdout.strip().split("=")[1]
    with open(os.path.join(tls, "index"), "w") as f:
        f.write(f"{'R' if revoked else 'V'}\t{END}\t"
                f"{REVOKED if revoked else ''}\t{serial}\tunknown\t"
                "/CN=site\n")
    openssl(tls, "ocsp", "-issuer", "site-ca.pem", "-cert", "site.pem",
            "-reqout", "request")
    openssl(tls, "ocsp", "-index", "index", "-CA", "site-ca.pem", "-rsigner",
            "site-ca.pem", "-rkey", "site-ca.key", "-reqin", "request",
            "-respout", to, "-ndays", "2")


def stapled(us):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "%s:%d" % us.tls, "-servername",
         GLOBAL_HOST, "-status"], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=20 * SCALE)
    if "OCSP response: no response sent" in done.stdout:
        return False
    truth("a response: " + done.stdout[:600],
          "OCSP Response Status: successful" in done.stdout and
          "Cert Status: good" in done.stdout)
    return True


def reload(us):
    out, err = portolan("ctl", "reload", "-c", us.config_file)
    return out + err


@story
def main():
    p = Platform(tls=True)
    us, tls = p["US"], p.path("tls")
    # The chain as its file has it: who signs for it stands behind it.
    with open(os.path.join(tls, "site-ca.pem")) as f:
        chain = f.read()
    with open(os.path.join(tls, "site.pem"), "a") as f:
        f.write(chain)
    respond(tls, "site.ocsp")
    p.settings = {"listeners": [
        {"name": "plain", "address": "%s:%d" % us.plain},
        listener("tls", us.tls, ("site",), staple="tls/site.ocsp")]}
    with p:
        same("a good one", stapled(us), True)
        respond(tls, "site.ocsp", revoked=True)
        words = reload(us)
        truth("it is told: " + words,
              "listeners[1].tls.staple: warning: " in words and
              "it is revoked or unknown; nothing is stapled" in words)
        same("a revoked one", stapled(us), False)
        with open(os.path.join(tls, "site.ocsp"), "w") as f:
            f.write("no response\n")
        truth("it is told", "cannot be read as an OCSP response" in reload(us))
        same("none", stapled(us), False)
        same("served all the same", Shaken(us.tls, GLOBAL_HOST).status, 200)
        respond(tls, "site.ocsp")
        truth("no warning", "staple" not in reload(us))
        same("a good one again", stapled(us), True)
