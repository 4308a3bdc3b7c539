#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Forwarded (RFC 7239) in the place of X-Forwarded-For: walked from right to
left, read strictly, unknown where it is malformed; sent on as well, or alone
with a hash where engines are told no addresses."""
import re
import tempfile

from lib import Origin, Platform, address_in, portolan, same, story, truth

# what is said -> country, source
FR, GB = address_in("FR"), address_in("GB")
SAID = {
    f"for={FR}": ("FR", "forwarded"),
    f"for={GB}, for={FR}": ("FR", "forwarded"),
    f"for={FR};proto=https, for=127.0.0.1": ("FR", "forwarded"),
    f'For="{FR}:4711";by=_me;host="a;b"': ("FR", "forwarded"),
    f", for={FR}, ,": ("FR", "forwarded"),
    f"for={FR}, for=unknown": (None, "malformed"),
    f"for={FR}, for=_hidden": (None, "malformed"),
    f"for={FR};for={FR}": (None, "malformed"),
    f"for={FR};proto=a b": (None, "malformed"),
    f"for={FR}, proto=https": (None, "malformed"),
}


def see(p, us, origin):
    for value in SAID:
        us.get("/api/run/1/a", [("Forwarded", value),
                                ("X-Forwarded-For", GB)])
    for line, (value, (country, source)) in zip(
            us.access(len(SAID)), SAID.items()):
        same(f"{value}", (line.get("country"), line["client_source"]),
             (country, source))
    told = origin.requests[1]["Forwarded"]
    truth(f"the chain goes on: {told}", re.fullmatch(
        f"for={GB}, for={FR}, for=127[0-9.]+;"
        'host="flow.example.com";proto=http', told))

    p.settings["forward"] = {"addresses": "hashed"}
    us.write_config()
    portolan("ctl", "reload", "-c", us.config_file)
    us.get("/api/run/1/b", [("Forwarded", f"for={FR}")])
    us.get("/api/run/1/b", [("Forwarded", f"for={GB}, for={FR}")])
    us.get("/api/run/1/b", [("Forwarded", f"for={GB}")])
    heads = [str(request.fields) for request in origin.requests[-3:]]
    for head in heads:
        truth(f"no address: {head}",
              FR not in head and GB not in head and "127." not in head)
    first, same_client, other = (re.search("for=(_[0-9a-f]{16});",
                                           head)[1] for head in heads)
    same("the same hash", first, same_client)
    truth("another one", first != other)
    same("the country is told", origin.requests[-1][
        "X-ManyWho-GeoLocation-Country"], "GB")


@story
def main():
    origin = Origin("US")
    with tempfile.NamedTemporaryFile("w", suffix=".key") as key:
        key.write("00112233445566778899aabbccddeeff")
        key.flush()
        with Platform(origins={"US": origin}, settings={
                "threads": 1, "forward": {"forwarded": True},
                "client_address": {"header": "forwarded",
                                   "key": key.name}}) as p:
            see(p, p["US"], origin)
