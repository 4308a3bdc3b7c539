#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Between edges many requests share a connection, and none of them waits for
another's body; an edge that speaks no HTTP/2 is spoken to as before."""
import json
import random
import socket
import threading

from lib import (
    Origin, Platform, address_in, same, story, truth, wait_for)

LARGE = bytes(random.randrange(256) for _ in range(10000)) * 300
gates = {"all": threading.Event()}
here = threading.Semaphore(0)


def engine(conn, request):
    what = request.target.rsplit("/", 1)[1]
    if what == "large":
        conn.answer(200, LARGE)
    elif what == "together":
        here.release()
        conn.wait(gates["all"])
        conn.answer(200, b"together")
    elif what == "hints":
        conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                  b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: GB\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n"
                  b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
    elif what == "cut":
        conn.send(b"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: GB\r\n"
                  b"Content-Length: 10\r\n\r\nhello")
        conn.close()
    elif what == "empty":
        conn.answer(204 if request.method == "DELETE" else 200)
    elif what == "ws":
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  b"Connection: Upgrade\r\nX-ManyWho-Region-Backend: GB\r\n"
                  b"\r\n")
        conn.send(conn.receive().upper())
        conn.close()
    else:
        conn.answer(200, json.dumps({
            "fields": request.fields, "trailers": request.trailers,
            "body": len(request.body)}).encode())


def ask(us, what, method="GET", fields=(), body=None):
    return us.ask(method, f"/api/run/1/{what}", fields, body, of="GB")


def semantics(us, version):
    answer = ask(us, "hints")
    same("hints", [i.status for i in answer.interim], [103])
    same("body", answer.body, b"hello")
    same("trailers", [(n.lower(), v) for n, v in answer.trailers],
         [("x-sum", "1")])
    same("regions", (answer["X-ManyWho-Region-Frontend"],
                     answer["X-ManyWho-Region-Backend"]), ("US", "GB"))
    same("how it came", answer.all("Via"), ["1.1 portolan-gb",
                                            f"{version} portolan-us"])
    truth("large", ask(us, "large").body == LARGE)
    same("nothing", ask(us, "empty").body, b"")
    same("nothing at all", ask(us, "empty", "DELETE").status, 204)
    head = ask(us, "large", "HEAD")
    same("HEAD", (head["Content-Length"], head.body), (str(len(LARGE)), b""))
    got = json.loads(ask(us, "echo", "POST", body=LARGE).body)
    same("a body on its way there", got["body"], len(LARGE))
    with us.connect() as c:
        c.send(b"POST /api/run/1/echo HTTP/1.1\r\nHost: flow.example.com\r\n"
               b"X-Forwarded-For: " + us_address + b"\r\n"
               b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        c.reader.until(b"100 Continue\r\n\r\n")
        c.send(b"3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n")
        got = json.loads(c.read().body)
    same("trailers there", (got["body"], [t[1] for t in got["trailers"]]),
         (3, ["3"]))
    with us.connect() as c:
        c.send(b"GET /api/run/1/cut HTTP/1.1\r\nHost: flow.example.com\r\n"
               b"X-Forwarded-For: " + us_address + b"\r\n\r\n")
        rest = c.reader.rest()
        truth("a cut answer is cut", rest.endswith(b"hello"))
    with us.connect() as c:
        c.send(b"GET /api/run/1/ws HTTP/1.1\r\nHost: flow.example.com\r\n"
               b"X-Forwarded-For: " + us_address + b"\r\n"
               b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        same("a tunnel", c.read().status, 101)
        c.send(b"through")
        same("and back", c.reader.rest(), b"THROUGH")


def together(us, gb, count, streams):
    """So many at once."""
    before = gb.metric("portolan_h2_connections_total")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        ask(us, "together"))) for _ in range(count)]
    for t in threads:
        t.start()
    for _ in range(count):
        truth("all are there", here.acquire(timeout=20))
    if streams:
        wait_for("their connections", lambda: 1 <= us.metric(
            "portolan_connections", side="upstream", state="busy") <= 2)
    gates["all"].set()
    for t in threads:
        t.join()
    gates["all"].clear()
    same("answers", [a.body for a in answers], [b"together"] * count)
    if streams:
        wait_for("the count", lambda: gb.metric(
            "portolan_h2_requests_total") >= count)
        truth("connections of two threads", gb.metric(
            "portolan_h2_connections_total") - before <= 2)
    else:
        same("none", gb.metric("portolan_h2_connections_total"), 0)


def slow_reader(us):
    """Many clients do not read their answers; the others get theirs."""
    stuck = [us.connect() for _ in range(24)]
    for c in stuck:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.send(b"GET /api/run/1/large HTTP/1.1\r\nHost: flow.example.com\r\n"
               b"X-Forwarded-For: " + us_address + b"\r\n\r\n")
    for _ in range(5):
        truth("others", ask(us, "large").body == LARGE)
    for c in stuck:
        c.reset()


def gb_goes(p, us):
    """The connection breaks: what is asked next finds another."""
    p["GB"].signal(15)
    p["GB"].process.wait()
    wait_for("the other edge to be gone", lambda: "GB" not in us.regions_up())
    p["GB"].start()
    p["GB"].wait_ready()
    wait_for("it to be back", lambda: "GB" in us.regions_up())
    same("and again", ask(us, "echo").status, 200)


def connections_end():
    """The other edge lets go again and again: nobody notices."""
    few = {"GB": {"limits": {"requests_per_connection": 7}}}
    with Platform(regions=["US", "GB"], origins={"GB": Origin("GB", engine)},
                  settings_of=few, settings=PATIENT) as p:
        wrong = []

        def client():
            for _ in range(12):
                status = ask(p["US"], "echo", "POST", body=b"abc").status
                if status != 200:
                    wrong.append(status)

        threads = [threading.Thread(target=client) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        same("answers that are none", wrong, [])


us_address = address_in("GB").encode()
# Large bodies on a slow machine are no reason to take an edge for dead.
PATIENT = {"engines": {"probe": {"interval": "1s", "timeout": "1s"}}}


@story
def main():
    connections_end()
    for how in ({}, {"link": {"h2": False}}, {"GB": True}):
        with Platform(regions=["US", "GB"],
                      origins={"GB": Origin("GB", engine)},
                      settings={**PATIENT, **{
                          k: v for k, v in how.items() if k != "GB"}}) as p:
            us, gb = p["US"], p["GB"]
            if "GB" in how:
                with open(gb.config_file) as f:
                    config = json.load(f)
                config["listeners"][-1]["h2"] = False
                with open(gb.config_file, "w") as f:
                    json.dump(config, f)
                before = gb.metric("portolan_config_generation")
                gb.signal(1)
                wait_for("a reload", lambda: gb.metric(
                    "portolan_config_generation") > before)
            semantics(us, "1.1" if how else "2")
            together(us, gb, 30, not how)
            if not how:
                slow_reader(us)
                gb_goes(p, us)
            protocols = {line["protocol"] for line in gb.access(5)
                         if line.get("client_source") == "link" or
                         line["listener"] == "link"}
            truth(f"spoken: {protocols}", ("HTTP/2.0" in protocols) ==
                  (not how))
