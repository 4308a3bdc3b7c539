#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A tester with a good token sees in the response why the request went where
it went, as `portolan explain` says it; nobody else ever does, and no token
goes any further than the edge."""
import base64
import hashlib
import hmac
import json
import signal
import time

from lib import Origin, Platform, address_in, portolan, same, story, truth, \
    wait_for

FIELD = "X-ManyWho-Region-Explain"
TENANTS = [f"1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a0{n}" for n in (1, 2)]
RESTRICTIONS = {"tenants": {
    TENANTS[0]: {"restrictions": {"flowRestrictions": {
        "access": {"enabled": True, "countries": ["GB"]}}}},
    TENANTS[1]: {"restrictions": {"flowRestrictions": {
        "execution": {"enabled": True, "countries": ["AU"]}}}},
}}
NEW, OLD, STRANGE = bytes(range(32)), bytes(range(1, 17)), bytes(range(2, 34))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(key, lasts=600, subject="tester"):
    """As docs say it is made, by other code."""
    front = base64url(f"v1.{int(time.time()) + lasts}.{subject}".encode())
    return front + "." + base64url(
        hmac.new(key, front.encode(), hashlib.sha256).digest())


def indiscreet(conn, request):
    """An engine that would like to explain, too."""
    if request.target.endswith("/broken"):
        conn.close()
        return
    body = b"ok"
    conn.answer(200, body, [(FIELD, '{"secret":1}'),
                            ("X-ManyWho-Region-Explain-More", "2"),
                            ("Server-Timing", "engine;dur=1")])


def record_of(answer):
    [text] = answer.all(FIELD)
    truth(f"visible ASCII, not too much: {text[:200]}",
          len(text) <= 6144 and all(" " <= c <= "~" for c in text))
    same("no cache keeps it", "no-store" in answer.all("Cache-Control"), True)
    timers = [t for t in answer.all("Server-Timing") if "total;dur=" in t]
    same("timers", len(timers), 1)
    return json.loads(text)


def sees_nothing(what, answer):
    same(what, answer.all(FIELD), [])
    same(what, [n for n, _ in answer.fields if "explain" in n.lower()], [])
    same(what, [t for t in answer.all("Server-Timing")
                if t != "engine;dur=1"], [])


def compare(edge, record, of, path="/api/run/1", tenant=None,
            host="flow.example.com"):
    """All but what only a live request has."""
    args = ["explain", "-c", edge.config_file, "--json", "--peer",
            "127.0.0.1", "--xff", of, "--path", path, "--host", host,
            "--method", "GET", "--down", "AU"]
    if tenant:
        args += ["--tenant", tenant]
    _, out, _ = portolan(*args, expect=None)
    told = json.loads(out)
    live = {k: v for k, v in record.items()
            if k not in ("request_id", "attempts", "generation")}
    told.pop("generation")
    for numbered in (live, told):
        numbered.get("restrictions", {}).pop("revision", None)
    same(f"{path} of {of}", live, told)


def each_outcome(edge, good):
    def ask(path="/api/run/1", of="US", tenant=None,
            host="flow.example.com"):
        of = address_in(of)
        fields = [(FIELD, good)]
        if tenant:
            fields.append(("ManyWhoTenant", tenant))
        answer = edge.get(path, fields, of=of, host=host)
        record = record_of(answer)
        compare(edge, record, of, path, tenant, host)
        same("id", record["request_id"], answer["X-Request-Id"] or
             record["request_id"])
        return answer.status, record

    status, record = ask()
    same("served", status, 200)
    [attempt] = record["attempts"]
    same("here", (record["region"], attempt["region"], attempt["end"],
                  attempt["status"]), ("US", "US", "answered", 200))

    status, record = ask(of="GB")
    same("over a link", (status, record["region"]), (200, "GB"))
    [attempt] = record["attempts"]
    same("one attempt", (attempt["region"], attempt["end"]),
         ("GB", "answered"))

    status, record = ask(of="FR", tenant=TENANTS[0])
    same("403", (status, record["outcome"], record["attempts"]),
         (403, "access-denied", []))
    same("whose", record["restrictions"]["tenant"], TENANTS[0])

    status, record = ask(tenant=TENANTS[1])
    same("503", (status, record["outcome"], record["allowed"]),
         (503, "residency-unavailable", ["AU"]))

    status, record = ask(host="unknown.example.com")
    same("421", (status, record["outcome"]), (421, "misdirected"))

    status, record = ask(path="/api/run%2f1")
    same("400", (status, "outcome" in record), (400, False))

    # Tried here, and then, since that is safe, at the edge of GB.
    answer = edge.get("/api/run/1/broken", [(FIELD, good)], of="US")
    record = record_of(answer)
    same("502", (answer.status, record["region"], record["candidates"][0]),
         (502, "GB", {"region": "US", "from": "map", "fate": "down"}))
    same("attempts", [(a["region"], a["end"], a.get("status"))
                      for a in record["attempts"]][-2:],
         [("US", "connection-broken", None), ("GB", "answered", 502)])

    record = record_of(edge.get("/api/run/1/" + "a" * 7000,
                                [(FIELD, good)], of="US"))
    same("shortened", (record["shortened"], record["region"]), (True, "US"))


def wrong_tokens(edge, good):
    wrong = {
        "forged": [[token(STRANGE)], [good[:-1] + ("A" if good[-1] != "A"
                                                   else "E")]],
        "expired": [[token(NEW, -1)], [token(OLD, -10**6)]],
        "malformed": [["yes"], [""], [good + "="], [good, good],
                      [good.split(".")[0]]],
    }
    for result, kinds in wrong.items():
        before = edge.metric("portolan_explain_tokens_total", result=result)
        for tokens in kinds:
            answer = edge.get("/api/run/1", [(FIELD, t) for t in tokens],
                              of="GB")
            same(f"{result} is served", answer.status, 200)
            sees_nothing(f"{result} {tokens}", answer)
            sees_nothing(f"{result} {tokens}", edge.get(
                "/api/run%2f1", [(FIELD, t) for t in tokens]))
        same(f"{result} are counted", edge.metric(
            "portolan_explain_tokens_total", result=result),
            before + 2 * len(kinds))
    sees_nothing("no token", edge.get("/api/run/1", of="GB"))
    sees_nothing("named by Connection", edge.get(
        "/api/run/1", [(FIELD, good), ("Connection", FIELD)]))


def commands(edge, platform):
    out, _ = portolan("explain", "token", "-c", edge.config_file, "--for",
                      "me@example.com", "--ttl", "30d")
    record_of(edge.get("/api/run/1", [(FIELD, out.strip())], of="US"))
    out, _ = portolan("explain", "token", "-c", edge.config_file, "--for",
                      "x", "--json")
    told = json.loads(out)
    record_of(edge.get("/api/run/1", [(FIELD, told["token"])], of="US"))
    # Each thread writes its own lines, so "x" may be there before the others.
    wait_for("all are named", lambda: {"tester", "me@example.com", "x"} <= {
        line.get("tester") for line in edge.access()})
    for args, words in (
            ([], "for whom?"), (["--for", "a b"], "a name is"),
            (["--for", "x", "--ttl", "31d"], "between 1s and 30d"),
            (["--for", "x", "--ttl", "0"], "between 1s and 30d"),
            (["--for", "x", "--ttl", "soon"], "--ttl"),
            (["--for", "x", "more"], "more")):
        _, err = portolan("explain", "token", "-c", edge.config_file, *args,
                          expect=2)
        truth(f"{words} in {err}", words in err)
    _, err = portolan("explain", "token", "-c", platform["GB"].config_file,
                      "--for", "x", expect=2)
    truth(f"no key: {err}", "no section explain" in err)


@story
def main():
    origins = {r: Origin(r, indiscreet) for r in ("US", "GB")}
    keys = {"explain": {"keys": ["new.key", "old.key"]},
            "regions": "régions-🗺.yaml"}
    with_keys = {"US": keys}
    p = Platform(["US", "GB", "AU"], ["US", "GB"], origins,
                 settings_of=with_keys, restrictions=RESTRICTIONS)
    with open(p.path("regions.yaml")) as f:
        p.write(keys["regions"], f.read())
    p.write("new.key", NEW.hex() + "\n")
    p.write("old.key", OLD.hex().upper())
    with p:
        edge, good = p["US"], token(NEW)
        each_outcome(edge, good)
        record_of(edge.get("/api/run/1", [(FIELD, token(OLD))], of="US"))
        wrong_tokens(edge, good)
        commands(edge, p)

        # An edge without keys takes no token, and no link brings one.
        sees_nothing("no keys", p["GB"].get("/api/run/1", [(FIELD, good)],
                                            of="US"))
        for region, origin in origins.items():
            truth(f"{region} was asked", origin.requests)
            same(f"tokens at {region}", [
                n for r in origin.requests for n, _ in r.fields
                if "explain" in n.lower()], [])

        # A key that is gone takes its tokens along.
        keys["explain"]["keys"] = ["new.key"]
        edge.write_config()
        edge.signal(signal.SIGHUP)
        wait_for("the old key is gone", lambda: not edge.get(
            "/api/run/1", [(FIELD, token(OLD))], of="US").all(FIELD))
        record_of(edge.get("/api/run/1", [(FIELD, good)], of="US"))
