#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A sampled request is a span with one for each attempt, over the link as
well, and each engine finds its attempt in traceparent.  What is not sampled
passes untouched; strangers sample nothing; a collector that is away costs no
request anything."""
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lib import Origin, Platform, portolan, same, story, truth, wait_for

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
UNSAMPLED = f"00-{TRACE}-{PARENT}-00"
SERVER, CLIENT = 2, 3


class Collector:
    """Takes what it is sent; 503 while it is told to."""

    def __init__(self):
        self.spans, self.lock, self.busy = [], threading.Lock(), False
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                good = self.path == "/v1/traces" and \
                    self.headers["Content-Type"] == "application/json"
                status = 503 if collector.busy else 200 if good else 400
                if status == 200:
                    collector.take(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def take(self, message):
        for resource in message["resourceSpans"]:
            about = plain(resource["resource"]["attributes"])
            same("service", about["service.name"], "portolan")
            for scope in resource["scopeSpans"]:
                with self.lock:
                    for span in scope["spans"]:
                        span["region"] = about["cloud.region"]
                        span["attributes"] = plain(span["attributes"])
                        self.spans.append(span)

    def wait(self, count):
        def found():
            with self.lock:
                return list(self.spans) if len(self.spans) >= count else None
        return wait_for(f"{count} spans", found)


def plain(attributes):
    """OTLP's lists of keys and values, as a dict."""
    return {a["key"]: a["value"].get("stringValue",
                                     a["value"].get("intValue"))
            for a in attributes}


def attempt(spans, parent):
    """The attempts below a span."""
    return [s for s in spans if s.get("parentSpanId") == parent["spanId"]]


def parent_in(request):
    m = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[0-9a-f])",
                     request["traceparent"])
    truth(f"traceparent {request['traceparent']}", m)
    return m.groups()


def through_the_link(p, collector):
    p["US"].get("/api/run/1/a", [("traceparent", SAMPLED),
                                 ("tracestate", "rojo=1,congo=2")], of="GB")
    spans = collector.wait(4)
    by = {(s["region"], s["kind"]): s for s in spans}
    first, out, second, to_engine = (
        by["US", SERVER], by["US", CLIENT], by["GB", SERVER],
        by["GB", CLIENT])
    same("one trace", {s["traceId"] for s in spans}, {TRACE})
    same("the caller's", first["parentSpanId"], PARENT)
    same("its attempt", out["parentSpanId"], first["spanId"])
    same("over the link", second["parentSpanId"], out["spanId"])
    same("to the engine", to_engine["parentSpanId"], second["spanId"])
    seen = p.origin("GB").wait_requests(1)[0]
    same("the engine knows it", parent_in(seen),
         (TRACE, to_engine["spanId"], "01"))
    same("tracestate goes on", seen["tracestate"], "rojo=1,congo=2")
    same("and is told", first["traceState"], "rojo=1,congo=2")
    same("name", first["name"], "GET runtime")
    for key, value in {"http.request.method": "GET",
                       "url.path": "/api/run/1/a", "url.scheme": "http",
                       "http.response.status_code": "200",
                       "portolan.frontend": "US", "portolan.backend": "GB",
                       "portolan.outcome": "forward"}.items():
        same(key, first["attributes"][key], value)
    truth("no address of a client stands in it",
          "81.2.69" not in json.dumps(spans))
    for inner, outer in ((out, first), (second, out), (to_engine, second)):
        truth("one within the other", int(outer["startTimeUnixNano"]) <=
              int(inner["startTimeUnixNano"]) + 2_000_000_000 and
              int(inner["endTimeUnixNano"]) >=
              int(inner["startTimeUnixNano"]))


def what_passes_untouched(p, us):
    origin = p.origin("US")
    for fields in ([("traceparent", UNSAMPLED), ("tracestate", "a=1")],
                   [("traceparent", "junk"), ("tracestate", "a=1")]):
        before = len(origin.requests)
        us.get("/api/run/1/b", fields, of="US")
        seen = origin.wait_requests(before + 1)[-1]
        for name, value in fields:
            same(f"{name} as it came", seen[name], value)


def reload(us):
    us.write_config()
    portolan("ctl", "reload", "-c", us.config_file)


def strangers_sample_nothing(p, us, collector):
    """Whatever flag they set; and theirs passes as it came."""
    before = len(collector.spans)
    p.settings["trace"]["sample"] = "0%"
    p.settings["client_address"] = {"trusted": ["192.0.2.0/24"]}
    reload(us)
    us.get("/", [("traceparent", SAMPLED)])
    same("untouched", p.origin("US").requests[-1]["traceparent"], SAMPLED)
    same("no span", len(collector.spans), before)


@story
def main():
    collector = Collector()
    with Platform(["US", "GB"], origins={"US": Origin("US"),
                                         "GB": Origin("GB")},
                  settings={"trace": {"endpoint": collector.url,
                                      "sample": "0%"}}) as p:
        us = p["US"]
        through_the_link(p, collector)
        what_passes_untouched(p, us)

        # A refused connection is an attempt as well, and a trace that begins
        # here is sampled by the ratio alone.
        p.settings["trace"]["sample"] = "100%"
        reload(us)
        before = len(collector.spans)
        us.get("/api/run/1/c", [("tracestate", "stray=1")], of="US")
        spans = collector.wait(before + 2)[before:]
        server = next(s for s in spans if s["kind"] == SERVER)
        truth("it begins here", "parentSpanId" not in server)
        same("one attempt", len(attempt(spans, server)), 1)
        seen = p.origin("US").requests[-1]
        same("the engine's", parent_in(seen)[0], server["traceId"])
        same("a state without a parent is nobody's", seen["tracestate"],
             None)

        strangers_sample_nothing(p, us, collector)
        p.settings["trace"]["sample"] = "100%"
        reload(us)

        # Away, and back again: nothing is lost meanwhile, nobody waits.
        collector.busy = True
        before = len(collector.spans)
        for _ in range(20):
            same("served", us.get("/api/run/1/d", of="US").status, 200)
        wait_for("it is told", lambda: "collector" in us.errors())
        collector.busy = False
        collector.wait(before + 40)
        same("none lost", us.metric("portolan_trace_spans_total",
                                    result="dropped"), 0)
        wait_for("all are counted", lambda: us.metric(
            "portolan_trace_spans_total", result="delivered") >= 44)
