#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What is here, but not for this method, is a 405 that says for which it is;
what is not here, or not for whoever asks, is a 404."""
import json
import os

from lib import Platform, same, story, truth
from lib.addresses import ROOT
from lib.engine import FLOW, TENANT, Engine

ID = "00000000-0000-4000-8000-000000000001"
GET, GET_POST = "GET, HEAD", "GET, HEAD, POST"
ALLOW = {
    "/api/run/1": "POST", "/api/run/2": "POST",
    f"/api/run/1/state/{ID}": GET_POST, f"/api/run/2/state/{ID}": GET_POST,
    f"/api/run/1/state/{ID}/ping/{ID}": GET,
    f"/api/run/1/state/{ID}/history": GET, f"/api/run/1/state/{ID}/log": GET,
    f"/api/run/1/state/{ID}/values": GET_POST,
    f"/api/run/1/state/{ID}/values/name/x": GET,
    f"/api/run/1/state/{ID}/listener": "POST",
    f"/api/run/1/state/{ID}/listener/{ID}": "DELETE",
    f"/api/run/1/state/{ID}/download/f/n": GET,
    f"/api/run/1/state/out/{ID}/{ID}": "POST",
    f"/api/run/1/navigation/{ID}": "POST",
    f"/api/run/1/authentication/{ID}": GET_POST,
    f"/api/run/1/authorization/{ID}": GET,
    "/api/run/1/flow": GET, f"/api/run/1/flow/{FLOW}": GET,
    "/api/run/1/flow/name/a%20b": GET,
    f"/api/run/1/flow/{FLOW}/undefined/customPageComponents": GET,
    f"/api/run/1/flow/environment/{ID}": GET,
    "/api/run/1/response": "POST", "/api/run/1/event": "POST",
    "/api/run/1/oauth": GET, "/api/run/1/oauth2": GET, "/api/run/1/oidc": GET,
    "/api/run/1/saml": "POST", "/api/run/2/saml": "POST",
    "/api/run/1/service/data": "POST", "/api/service/1/data": "POST",
    "/API/Run/1/Service/File/Content": "POST", "/api/file": "POST",
    "/api/run/1/social/stream/x": GET_POST, f"/api/log/{FLOW}/{ID}": GET,
    "/api/draw/1/flow": GET_POST, f"/api/draw/1/flow/{FLOW}":
    "GET, HEAD, DELETE", f"/api/draw/1/flow/snap/{FLOW}": GET_POST,
    "/api/package/1/flow": "POST", "/api/admin/1/tenant": GET_POST,
    "/api/admin/1/stores/x": "GET, HEAD, PUT, DELETE",
    "/api/admin/1/states/expire": "GET, HEAD, POST, DELETE",
    f"/api/admin/1/states/{ID}": "GET, HEAD, DELETE",
    f"/{TENANT}/play/default": GET, "/healthz": GET,
}
EDGES_ALONE = "/portolan/1/restrictions"


def refused(answer, allow):
    same("status", answer.status, 405)
    same("Allow", answer.all("Allow"), [allow])
    same("type", answer["Content-Type"], "application/json")
    same("backend", answer["X-ManyWho-Region-Backend"], "GB")
    if answer.body:
        truth("a sentence that names them",
              isinstance(json.loads(answer.body), str) and
              allow in json.loads(answer.body))


@story
def main():
    with Engine() as engine:
        for path, allow in ALLOW.items():
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS",
                           "BREW"):
                if method not in allow.split(", "):
                    refused(engine.ask(method, path, tenant=None), allow)
        refused(engine.ask("HEAD", "/api/run/1"), "POST")
        refused(engine.ask("PUT", "/api/run/1", {"not": "read"}), "POST")
        for path in ("/api/run/1/x", "/api/run", "/", EDGES_ALONE):
            answer = engine.ask("PUT", path)
            same(f"nothing at {path}", (answer.status, answer["Allow"]),
                 (404, None))
        refused(engine.ask("PUT", EDGES_ALONE, fields=[
            ("X-Portolan-Edge", "1")]), GET)
    with Platform(regions=["GB"], embedded=1,
                  flows=os.path.join(ROOT, "conf/flows")) as p:
        refused(p["GB"].ask("DELETE", "/api/run/1", [
            ("ManyWhoTenant", TENANT)], None, "GB"), "POST")
