#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Behind an edge, sandboxed, two engine workers share a tenant's own store over
TLS: an invoke that comes several times at once is done once; whoever's
certificate nobody trusts gets no state."""
import json
import os
import tempfile
import threading

from lib import Platform, portolan, same, story, truth, wait_for
from lib.addresses import HOST, ROOT
from lib.engine import (AGAIN, AGE_INPUT, ASK, FLOW, NAME_INPUT, NEXT, TENANT,
                        TOO_YOUNG, invoke_body)
from lib.platform import make_certificate
from lib.receiver import Receiver


class Tenant:
    def __init__(self, platform):
        self.edge, self.key = platform["US"], None
        out, _ = portolan("apikey", "create", "-c", self.edge.config_file,
                          "--tenant", TENANT, "--role", "builder", "--name",
                          "story", "--json")
        self.key = json.loads(out)["key"]

    def try_to(self, method, path, body):
        return self.edge.ask(method, path, [
            ("ManyWhoTenant", TENANT), ("Content-Type", "application/json"),
            ("x-boomi-flow-api-key", self.key)],
            None if body is None else json.dumps(body).encode(), "US")

    def ask(self, method, path, body=None):
        """Each worker knows the key within a second of its being made."""
        answer = self.try_to(method, path, body)
        if answer.status == 401:
            wait_for("the key is known", lambda: self.try_to(
                "GET", "/api/admin/1/tenant", None).status == 200, 10)
            return self.ask(method, path, body)
        answer.json = json.loads(answer.body)
        return answer

    def keep_in(self, receiver):
        made = self.ask("POST", "/api/admin/1/stores", {
            "name": "ours", "endpoint": receiver.endpoint})
        same(f"status {made.json}", made.status, 200)
        receiver.keys(made.json)
        settings = {"enableStates": True, "enableReplication": False,
                    "globalStoreId": made.json["id"]}
        same("status", self.ask("POST", "/api/admin/1/tenant", {
            "externalStorageSettings": settings}).status, 200)

    def initialize(self):
        return self.ask("POST", "/api/run/1", {
            "flowId": {"id": FLOW, "versionId": None}})

    def invoke(self, last, **what):
        return self.ask("POST", f"/api/run/1/state/{last['stateId']}",
                        invoke_body(last, **what))


def all_at_once(tenant, last, count=6, **what):
    """The same invoke, several times; every answer."""
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        tenant.invoke(last, **what))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same("all answered", len(answers), count)
    return answers


def play(tenant, receiver):
    last = tenant.initialize().json
    for at, outcome in [(ASK, None), (TOO_YOUNG, NEXT), (ASK, AGAIN),
                        (TOO_YOUNG, NEXT)]:
        inputs = {NAME_INPUT: "Ada", AGE_INPUT: "9"} if outcome == NEXT \
            else None
        answers = all_at_once(tenant, last, outcome=outcome, inputs=inputs)
        same("status", {a.status for a in answers}, {200})
        same("one answer", len({a.body for a in answers}), 1)
        last = answers[0].json
        same("stands at", last["currentMapElementId"], at)
        content = json.loads(receiver.rows[last["stateId"]]["content"])
        same("its token there", content["token"], last["stateToken"])
    same("nothing dropped or refused", (receiver.dropped, receiver.refused),
         (0, []))


@story
def main():
    with tempfile.TemporaryDirectory() as tls:
        for name, ca in [("ca", None), ("store", "ca"), ("other-ca", None),
                         ("stranger", "other-ca")]:
            make_certificate(tls, name, f"IP:{HOST}", ca)
        files = {n: (f"{tls}/{n}.pem", f"{tls}/{n}.key")
                 for n in ("store", "stranger")}
        with Receiver(tls=files["store"]) as good, \
                Receiver("mysql", tls=files["stranger"]) as bad, Platform(
                    embedded=2, flows=os.path.join(ROOT, "conf/flows"),
                    settings={"engines": {"external_ca": f"{tls}/ca.pem"},
                              "services": {"allow": ["127.0.0.0/8"]}}
                ) as platform:
            tenant = Tenant(platform)
            wait_for("the key is known", lambda: tenant.ask(
                "GET", "/api/admin/1/tenant").status == 200)
            tenant.keep_in(good)
            wait_for("both workers know where", lambda: all(
                a.json["stateId"] in good.rows
                for a in [tenant.initialize() for _ in range(4)]))
            play(tenant, good)
            tenant.keep_in(bad)
            wait_for("a store that is not trusted", lambda:
                     tenant.initialize().status == 503)
            truth(f"got nothing: {bad.refused}", bad.refused and
                  not bad.requests)
            edge = platform["US"]
            wait_for("failures are counted", lambda: (edge.metric(
                "portolan_tenant_store_failures_total") or 0) > 0)
            truth("and shown", b"[-] tenants' own stores" in
                  edge.admin("/readyz?verbose").body)
