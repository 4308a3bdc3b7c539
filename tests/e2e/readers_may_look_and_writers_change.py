#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The console knows three rights: anybody who reaches its address sees health
and metrics; console.read_socket and certificates in console.tls.readers see
what clients sent as well; the admin socket and console.tls.writers change.
Whoever asks for more is refused with a sentence.  A reload gives and takes."""
import os
import socket
import stat

from lib import Client, Platform, portolan, same, story, truth, wait_for
from lib.handshake import tls_client
from lib.http import Reader
from lib.platform import make_certificate

NAMES = {"looks": "URI:urn:team:looks", "changes": "DNS:Changes.example",
         "stranger": "DNS:stranger.example"}


class Asker:
    def __init__(self, p):
        self.us, self.tls = p["US"], p.path("tls")

    def by_tls(self, who, target, method="GET", fields=()):
        with Client(self.us.console) as c:
            c.sock = tls_client(chain=who and os.path.join(
                self.tls, who)).wrap_socket(c.sock)
            c.reader = Reader(c.sock)
            return c.ask(method, target, [
                ("Host", "console"), ("Connection", "close"), *fields])

    @staticmethod
    def by_socket(path, target, method="GET"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(path)
            s.sendall(f"{method} {target} HTTP/1.1\r\nHost: a\r\n"
                      "Connection: close\r\nContent-Length: 0\r\n\r\n"
                      .encode())
            return Reader(s).response(method)


def table(ask):
    """What each may do: status of look, of see, of change."""
    found = {}
    for who in (None, *NAMES):
        found[who] = [ask.by_tls(who, "/metrics").status,
                      ask.by_tls(who, "/errors").status,
                      ask.by_tls(who, "/region?region=US&state=auto",
                                 "POST").status]
    return found


def sockets(ask, us, read, admin):
    mode = stat.S_IMODE(os.stat(read).st_mode)
    same("mode of the reading socket", oct(mode), oct(0o660))
    same("of the admin socket", oct(stat.S_IMODE(os.stat(admin).st_mode)),
         oct(0o600))
    for target in ("/status", "/errors", "/regions"):
        same(target, ask.by_socket(read, target).status, 200)
    for target in ("/reload", "/drain", "/upgrade",
                   "/region?region=US&state=down"):
        answer = ask.by_socket(read, target, "POST")
        same(f"POST {target} of a reader", answer.status, 403)
        truth(f"says why: {answer.body}", b"change nothing" in answer.body)
    portolan("ctl", "errors", "-s", read)
    _, err = portolan("ctl", "reload", "-s", read, expect=1)
    truth(f"ctl tells: {err}", "change nothing" in err)
    same("still ready", us.ready(), True)


@story
def main():
    p = Platform(tls=True)
    us, tls = p["US"], p.path("tls")
    read = p.path("read.sock")
    make_certificate(tls, "console", "DNS:console.example", "site-ca")
    for name, san in NAMES.items():
        make_certificate(tls, name, san, "site-ca")
    p.settings = {"console": {"read_socket": "read.sock", "tls": {
        "certificate": "tls/console.pem", "key": "tls/console.key",
        "client_ca": "tls/site-ca.pem", "client_certificate": "optional",
        "readers": ["URI:urn:team:looks"],
        "writers": ["DNS:changes.example"]}}}
    ask = Asker(p)
    us.admin = lambda target: ask.by_tls(None, target)
    with p:
        same("rights", table(ask), {
            None: [200, 403, 403], "stranger": [200, 403, 403],
            "looks": [200, 200, 403], "changes": [200, 200, 200]})
        # A browser says which page it asks for.
        for origin, status in (("https://console", 200),
                               ("https://evil.example", 403),
                               ("http://console", 403), ("null", 403)):
            same(f"from a page of {origin}", ask.by_tls(
                "changes", "/region?region=US&state=auto", "POST",
                [("Origin", origin)]).status, status)
        sockets(ask, us, read, us.run_dir + "/admin.sock")

        console = p.settings["console"]
        console["tls"]["writers"] = ["URI:urn:team:looks"]
        console["tls"]["readers"] = ["CN:stranger"]
        del console["read_socket"]
        us.write_config()
        portolan("ctl", "reload", "-c", us.config_file)
        wait_for("others may now", lambda: table(ask) == {
            None: [200, 403, 403], "stranger": [200, 403, 403],
            "looks": [200, 200, 200], "changes": [200, 403, 403]})
        wait_for("the socket is gone", lambda: not os.path.exists(read))

        console["tls"]["writers"] = ["changes.example"]
        us.write_config()
        out, err = portolan("ctl", "reload", "-c", us.config_file, expect=1)
        truth(f"a name without its kind: {out + err}",
              "console.tls.writers[0]: 'changes.example' is no name" in
              out + err)
