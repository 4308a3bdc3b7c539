#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Started by root with `user: nobody`, the service uses certificates and keys
in a directory that only root may enter: at the start, in a reload with others
of the same and of new names, and when a process crashes.  The processes hold
none of the files open that they do not need any more."""
import os
import pwd
import re
import secrets
import shutil
import signal

from lib import Client, Platform, portolan, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.handshake import Shaken, certificate_der, listener, tls_client
from lib.http import Reader
from lib.platform import GLOBAL_HOST, make_certificate


def of_console(us):
    with Client(us.console) as c:
        c.sock = tls_client().wrap_socket(c.sock)
        c.reader = Reader(c.sock)
        c.ask("GET", "/readyz", [("Host", "console")])
        return c.sock.getpeercert(binary_form=True)


def admin_by_tls(us):
    def admin(target, method="GET", body=None):
        with Client(us.console) as c:
            c.sock = tls_client().wrap_socket(c.sock)
            c.reader = Reader(c.sock)
            return c.ask(method, target, [("Host", "console"),
                                          ("Connection", "close")], body)
    return admin


def pid_of(edge, role):
    return int(re.findall(rf"{role} is process (\d+)", edge.errors())[-1])


def open_files(pid):
    directory = f"/proc/{pid}/fd"
    return [os.readlink(os.path.join(directory, fd))
            for fd in os.listdir(directory)
            if os.path.islink(os.path.join(directory, fd))]


def shown(us, name):
    return Shaken(us.tls, name, host=GLOBAL_HOST).certificate


def works(us):
    try:
        return us.admin("/readyz").status == 200
    except OSError:
        return False


@story
def main():
    if os.geteuid() != 0:
        return                  # only root can become nobody
    p = Platform(embedded=1, flows=os.path.join(ROOT, "conf/flows"), tls=True)
    us, tls = p["US"], p.path("tls")
    for name in ("console", "next", "more"):
        make_certificate(tls, name, f"DNS:{name}.example", "site-ca")
    for name, count in (("tickets", 32), ("tag", 16), ("explain", 32),
                        ("address", 16), ("tokens", 32)):
        with open(os.path.join(tls, name), "w") as f:
            f.write(secrets.token_hex(count) + "\n")
    p.settings = {
        "user": "nobody",
        "tls": {"ticket_keys": "tls/tickets"},
        "policy": {"flow_tag_key": "tls/tag"},
        "explain": {"key": "tls/explain"},
        "client_address": {"key": "tls/address"},
        "engines": {"keys": ["tls/tokens"]},
        "console": {"tls": {"certificate": "tls/console.pem",
                            "key": "tls/console.key"}}}
    # What is not secret is for it to read; the checkout may stand where
    # nobody may look (root's home).
    os.chmod(p.directory, 0o755)
    p.database = shutil.copy(p.database, p.path("country.mmdb"))
    p.flows = shutil.copytree(p.flows, p.path("flows"))
    logs = p.path("logs")
    os.mkdir(logs)
    os.chown(logs, pwd.getpwnam("nobody").pw_uid, -1)
    us.access_file = os.path.join(logs, "access.log")
    for name in os.listdir(tls):
        os.chmod(os.path.join(tls, name), 0o600)
    os.chmod(tls, 0o700)
    us.admin = admin_by_tls(us)
    with p:
        site = certificate_der(tls, "site")
        same("at the start", shown(us, GLOBAL_HOST), site)
        same("the console's", of_console(us),
             certificate_der(tls, "console"))
        for role in ("edge", "console"):
            held = open_files(pid_of(us, role))
            truth(f"{role} holds no key: {held}",
                  not any(f.startswith(tls) for f in held))

        # The very files change, and there is one more.
        make_certificate(tls, "site", f"DNS:{GLOBAL_HOST},"
                         f"DNS:*.{GLOBAL_HOST}", "site-ca")
        for end in ("pem", "key"):
            shutil.copy(os.path.join(tls, f"next.{end}"),
                        os.path.join(tls, f"console.{end}"))
            for name in ("site", "more"):
                os.chmod(os.path.join(tls, f"{name}.{end}"), 0o600)
        p.settings["listeners"] = [
            {"name": "plain", "address": "%s:%d" % us.plain},
            listener("tls", us.tls, ("site", "more"))]
        us.write_config()
        portolan("ctl", "reload", "-c", us.config_file)
        new = certificate_der(tls, "site")
        truth("another than before", new != site)
        same("after a reload", shown(us, GLOBAL_HOST), new)
        same("one more", shown(us, "more.example"),
             certificate_der(tls, "more"))
        wait_for("the console's next", lambda: of_console(us) ==
                 certificate_der(tls, "next"))

        # A key that is not there changes nothing, and is told.
        p.settings["listeners"][1] = listener("tls", us.tls, ("gone",))
        us.write_config()
        out, err = portolan("ctl", "reload", "-c", us.config_file, expect=1)
        truth("it says which: " + out + err, "gone.pem" in out + err)
        same("after a bad one", shown(us, GLOBAL_HOST), new)

        p.settings["listeners"][1] = listener("tls", us.tls, ("site",))
        us.write_config()
        for role in ("edge", "console", "engine US/0"):
            pid = pid_of(us, role)
            os.kill(pid, signal.SIGKILL)
            wait_for(f"another {role}",
                     lambda role=role, pid=pid: pid_of(us, role) != pid)
        wait_for("all are ready", lambda: works(us))
        same("after a crash", shown(us, GLOBAL_HOST), new)
