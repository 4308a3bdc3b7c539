#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Who speaks plain HTTP to a port of TLS is told so in clear, by 400 with the
fields of every answer; it stands in the access log, is counted and shown, and
nothing of the request is.  Who speaks HTTP/2 there is told by GOAWAY."""
import json

from lib import Client, Platform, portolan, same, story, truth
from lib.h2 import H2, INADEQUATE_SECURITY

GET = (b"GET /s3cret HTTP/1.1\r\nHost: flow.example.com\r\n"
       b"Cookie: s3cret\r\n\r\n")


METHODS = ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT")


def ask(edge, request, method="GET"):
    with Client(edge.tls) as client:
        client.send(request)
        answer = client.read(method)
        client.must_close()
    same("status", answer.status, 400)
    same("frontend", answer["X-ManyWho-Region-Frontend"], "US")
    same("no engine", answer["X-ManyWho-Region-Backend"], None)
    same("no more after it", answer["Connection"], "close")
    return answer


def told(edge, request):
    answer = ask(edge, request)
    problem = json.loads(answer.body)
    same("type", problem["type"], "urn:portolan:problem:plain-http")
    truth("what to do: " + problem["detail"], "https://" in problem["detail"])
    return answer["X-Request-Id"]


def told_by_goaway(edge, *frames):
    with H2(edge.tls) as h:
        h.send(*frames or [h.headers(1, h.fields("GET", "/s3cret"))])
        h.must_end(INADEQUATE_SECURITY)
        same("nothing was begun", h.goaway.last_stream, 0)
        truth("what to do", b"https://" in h.goaway.payload)


@story
def main():
    with Platform(tls=True) as platform:
        edge = platform["US"]
        known = told(edge, GET)
        ids = {known, told(edge, b"POST /" + b"x" * 30000)}
        ids |= {told(edge, b"%s / HTTP/1.1\r\n\r\n" % method.encode())
                for method in METHODS}
        head = ask(edge, GET.replace(b"GET", b"HEAD"), "HEAD")
        ids.add(head["X-Request-Id"])
        lines = edge.access(len(ids))
        same("found again", {line["request_id"] for line in lines}, ids)
        for line in lines:
            same("its line", (line["status"], line["listener"],
                              line["outcome"], line["reason"]),
                 (400, "tls", "bad-request", "plain-http"))
        told_by_goaway(edge)
        told_by_goaway(edge, b"x" * 100000)
        metrics = edge.admin("/metrics").body.decode()
        truth("counted", 'rule="plain-http"} 9\n' in metrics)
        truth("a handshake failed", "portolan_tls_handshakes_failed_total 11\n"
              in metrics)
        text, _ = portolan("ctl", "errors", "-c", edge.config_file)
        truth("shown: " + text, "400 plain-http, request " + known in text)
        truth("as well", "plain-http" in text.split("request ", 1)[0])
        truth("nothing of it", "s3cret" not in text + json.dumps(lines))
        with edge.connect_tls() as client:
            same("TLS is served", client.ask("GET", "/", [
                ("Host", "flow.example.com")]).status, 200)
