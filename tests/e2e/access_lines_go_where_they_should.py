#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Access lines go to several places at once, each in its form: JSON and
`combined`, files and syslog.  None of them tells an address that is to be
kept back, and a daemon that is not there holds nobody up."""
import json
import re
import socket
import tempfile

from lib import Origin, Platform, address_in, same, story, truth, wait_for
from lib.story import SCALE

HASH = r"_[0-9a-f]{16}"
COMBINED = re.compile(
    r'(\S+) - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] '
    r'"([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)"$')
SYSLOG = re.compile(
    r'<(\d+)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) portolan (\d+) '
    r'access - (.*)$')


def lines_of(name):
    with open(name) as f:
        return f.read().splitlines()


def see(us, udp, plain, combined):
    answer = us.get("/api/run/1/a?secret=1", [
        ("User-Agent", 'a "b"'),
        ("Referer", "https://a.example/x?secret=2")], of="FR")
    same("status", answer.status, 200)
    with us.connect() as c:
        c.send(b"no HTTP at all\r\n\r\n")
        c.read()
    for name in (plain, combined):
        wait_for(f"two lines in {name}", lambda: len(lines_of(name)) == 2)

    # Two threads may have served them, so the order is anyone's.
    good = next(json.loads(line) for line in lines_of(plain)
                if '"path"' in line)
    truth("a hash", re.fullmatch(HASH, good["client"]))
    bad, line = sorted((COMBINED.match(line).groups()
                        for line in lines_of(combined)), key=lambda g: g[1])
    same("combined", line, (
        good["client"], "GET /api/run/1/a HTTP/1.1", "200",
        str(len(answer.body)), "https://a.example/x", r"a \x22b\x22"))
    same("no HTTP", bad[1:3] + bad[4:], ("-", "400", "-", "-"))
    priority, _, pid, message = next(
        m.groups() for m in (SYSLOG.match(udp.recv(65536).decode())
                             for _ in range(2)) if '"path"' in m[4])
    same("local3.info", int(priority), 19 * 8 + 6)
    same("of the edge", int(pid), us.process_id())
    same("the same line", json.loads(message), good)
    for name in (plain, combined):
        text = "".join(lines_of(name))
        truth(f"{name} tells nobody", address_in("FR") not in text and
              "127.0.0." not in text and "secret" not in text)
    same("what waits is not lost",
         us.metric("portolan_access_log_dropped_total"), 0)


@story
def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
            tempfile.TemporaryDirectory() as d:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(30 * SCALE)
        plain, combined = f"{d}/access.log", f"{d}/combined.log"
        with open(f"{d}/address.key", "w") as f:
            f.write("00112233445566778899aabbccddeeff")
        with Platform(origins={"US": Origin("US")}, settings={
                "client_address": {"key": f"{d}/address.key"},
                "log": {"addresses": "hashed", "access": [
                    plain, {"to": combined, "format": "combined"},
                    {"to": "syslog:udp:127.0.0.1:%d" % udp.getsockname()[1],
                     "facility": "local3"}, f"syslog:unix:{d}/nobody"]}}) as p:
            see(p["US"], udp, plain, combined)
