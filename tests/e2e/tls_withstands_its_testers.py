#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What testers of TLS look for, asked with openssl s_client: versions, ciphers,
groups, signatures, ALPN, renegotiation, resumption, and how a connection
ends."""
import re
import subprocess

from lib import Client, Platform, same, story, truth
from lib.platform import GLOBAL_HOST
from lib.story import SCALE

GET = f"GET / HTTP/1.1\r\nHost: {GLOBAL_HOST}\r\nConnection: close\r\n\r\n"
OLD = ("-cipher", "ALL:@SECLEVEL=0")
NEW = ("-tls1_3", "-ciphersuites")

# What a client offers, and the cipher, or the alert's number.
OFFERS = [
    (("-tls1", *OLD), 70), (("-tls1_1", *OLD), 70),
    (("-tls1_2",), "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (("-tls1_3",), "TLS_AES_256_GCM_SHA384"),
    # Forward secret and authenticated, or not at all.
    *[(("-tls1_2", "-cipher", c), c) for c in (
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305")],
    *[(("-tls1_2", "-cipher", f"{c}:@SECLEVEL=0"), 40) for c in (
        "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES256-SHA",
        "AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "AECDH-AES256-SHA",
        "ECDHE-ECDSA-AES256-CCM", "ECDHE-ECDSA-NULL-SHA")],
    *[((*NEW, c), c) for c in ("TLS_AES_128_GCM_SHA256",
                               "TLS_CHACHA20_POLY1305_SHA256")],
    ((*NEW, "TLS_AES_128_CCM_SHA256"), 40),
    # Who has no hardware for AES says so by its order.
    ((*NEW, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"),
     "TLS_CHACHA20_POLY1305_SHA256"),
    (("-tls1_2", "-sigalgs", "ECDSA+SHA1", *OLD), 40),
    *[(("-curves", c), "TLS_AES_256_GCM_SHA384") for c in (
        "X25519", "P-256", "P-384")],
    (("-curves", "sect571r1:brainpoolP512r1", "-tls1_2"), 40),
    # Of the protocols on top, one of ours or none.
    (("-alpn", "h2,http/1.1"), "h2"), (("-alpn", "http/1.1,h2"), "h2"),
    (("-alpn", "http/1.1"), "http/1.1"), (("-alpn", "foo,http/1.1"), "http/1.1"),
    (("-alpn", "foo"), 120), (("-alpn", "http/1.0,h2c"), 120),
]


def ask(address, *how, said=""):
    """What s_client tells; it ends with its input."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "%s:%d" % address, "-servername",
         GLOBAL_HOST, *how], input=said.encode(), timeout=30 * SCALE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode(errors="replace")


def offers(tls):
    for how, expected in OFFERS:
        text = ask(tls, *how)
        alert = re.search(r"SSL alert number (\d+)", text)
        if isinstance(expected, int):
            same(f"{how}", alert and int(alert[1]), expected)
            continue
        found = re.search(r"ALPN protocol: (\S+)" if "-alpn" in how else
                          r"Cipher is (\S+)", text)
        same(f"{how}", (found and found[1], alert), (expected, None))


def good_manners(tls):
    text = ask(tls, "-tls1_2")
    for words in ("Secure Renegotiation IS supported", "Compression: NONE",
                  "Extended master secret: yes"):
        truth(words, words in text)
    # R asks for a renegotiation.
    text = ask(tls, "-tls1_2", said="R\n")
    truth(f"it is refused: {text[-300:]}", "no renegotiation" in text)
    text = ask(tls, "-tls1_3", "-ign_eof", "-msg", said=GET)
    truth("no early data", "Max Early Data: 0" in text)
    truth("an answer", "HTTP/1.1 200 OK" in text)
    # Who cuts a connection cannot make it look like its end.
    truth("close_notify", re.search(r"<<<.*Alert.*close_notify", text))


def taken_up(tls):
    def reused(*how):
        return len(re.findall("^Reused, ", ask(tls, "-reconnect", *how),
                              re.M))

    same("by tickets", reused("-tls1_2"), 5)
    # Sessions that we would have to keep are none.
    same("without", reused("-tls1_2", "-no_ticket"), 0)


@story
def main():
    with Platform(tls=True) as p:
        tls = p["US"].tls
        offers(tls)
        good_manners(tls)
        taken_up(tls)
        with Client(tls) as c:          # in clear, where TLS has to be
            c.send(GET.encode())
            same("refused", c.read().status, 400)
            c.must_close()
            same("arrived", len(p.origin("US").requests), 1)
