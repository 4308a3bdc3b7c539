#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""portolan ctl errors shows the last bad requests of a listener, with the rule,
the byte at which it was broken and the head, but no secret of it and no body;
the console's port shows nothing.  Of what is no request yet over HTTP/2 the rule
is shown."""
import json

from lib import Platform, portolan, same, story, truth
from lib.h2 import PROTOCOL_ERROR, h2_of, window_update

HOST = b"Host: flow.example.com\r\n"
SECRETS = (b"Authorization: Bearer s3cret\r\nCookie: s3cret\r\n"
           b"X-Api-Key: s3cret\r\n")


def send(edge, request):
    with edge.connect() as client:
        client.send(request)
        same("status", client.read().status, 400)


def errors(edge):
    text, _ = portolan("ctl", "errors", "-c", edge.config_file)
    told, _ = portolan("ctl", "errors", "--json", "-c", edge.config_file)
    truth("no secret in " + text + told, "s3cret" not in text + told)
    listeners = {one["name"]: one for one in json.loads(told)["listeners"]}
    return text, listeners["plain"]


def fault(edge, request, rule, offset, part="head"):
    """What is told of it; its place is marked."""
    send(edge, request)
    text, plain = errors(edge)
    bad = plain["requests"][0]
    same(f"rule of {request!r}", bad["rule"], rule)
    same(f"offset in {request!r}", bad["offset"], offset)
    same(f"part of {request!r}", bad["part"], part)
    truth("a peer: " + bad["peer"], bad["peer"].startswith("127."))
    truth("in words: " + text, f"{rule}, byte {offset} of the {part}" in text)
    return text


def over_h2(edge):
    """Each breaks one rule; the last one that of the whole connection."""
    bad = (
        ("h2-field", dict(more=[("x", "s3cret\r\n")])),
        ("h2-field", dict(more=[("connection", "s3cret")])),
        ("h2-field", dict(more=[(":s3cret", "s3cret")])),
        ("h2-request", dict(scheme=None)),
    )
    _, before = errors(edge)
    for count, (rule, how) in enumerate(bad, before["total"] + 1):
        with h2_of(edge) as h:
            more = how.pop("more", [])
            a = h.get("/api/run/1?s3cret", *more, **how)
            same(rule + " is reset", a.reset, PROTOCOL_ERROR)
        text, plain = errors(edge)
        newest = plain["requests"][0]
        same("counted once", plain["total"], count)
        same("rule", (newest["rule"], newest["part"]), (rule, "frames"))
        truth("a sentence: " + text, newest["sentence"] in text)
    with h2_of(edge) as h:
        h.send(window_update(0, 0))
        h.must_end(PROTOCOL_ERROR)
    _, plain = errors(edge)
    same("a frame", plain["requests"][0]["rule"], "h2-frame")


@story
def main():
    with Platform() as platform:
        edge = platform["US"]
        start = b"GET /api/run/1?s3cret HTTP/1.1\r\n" + HOST + SECRETS
        head = start + b"X: a\x01b\r\n"
        text = fault(edge, head + b"\r\n", "bad-value", head.index(b"\x01"))
        line = head.index(b"X: a")
        truth("the line and its mark: " + text,
              f"  {line:6}  X:**\\x01*\\r\\n\n              ^\n" in text)
        # Whoever hides a request in a body shows where, and not what.
        fault(edge, b"POST / HTTP/1.1\r\n" + HOST +
              b"Transfer-Encoding: chunked\r\n\r\n"
              b"6\r\ns3cret\r\nx\r\n", "bad-chunk", 11, "body")
        fault(edge, b'{"password": "s3cret"}\r\n\r\n', "bad-method", 0)
        fault(edge, b"GET /a%2fb?s3cret HTTP/1.1\r\n" + HOST + b"\r\n",
              "bad-path", 4)
        for _ in range(20):
            send(edge, b"GET / HTTP/1.1\r\n\r\n")
        _, plain = errors(edge)
        same("all of them", plain["total"], 24)
        same("kept", [bad["rule"] for bad in plain["requests"]],
             ["missing-host"] * 16)
        over_h2(edge)
        same("not for the port", edge.admin("/errors").status, 403)
