#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A service that answers later does so at any edge, from anywhere: its token
alone leads to the region that holds the state, where the user's own place is
not asked for.  The address that the service was told is the client's own."""
import json
import os
import tempfile

from lib import Platform, same, story, truth
from lib.engine import TENANT, invoke_body
from lib.service import (CALLED_HERE, Service, element, flow, guid, message,
                         step, to, value)

RESTRICTED = {"enabled": True, "countries": ["GB"]}
RESTRICTIONS = {"tenants": {TENANT: {"flows": {guid(1): {"restrictions": {
    "execution": RESTRICTED, "access": RESTRICTED}}}}}}


def snapshot(uri):
    return flow(1, uri, [
        element(20, "MESSAGE", to(30, 21), messageActions=[
            message("ask", outputs=[("Answer", 61)])]),
        step(30, "It says {![Answer]}")], [value(61, "Answer")])


def ask(edge, method, path, of, body=None, tenant=TENANT):
    fields = [("Content-Type", "application/json")]
    if tenant is not None:
        fields.append(("ManyWhoTenant", tenant))
    answer = edge.ask(method, path, fields, None if body is None else
                      json.dumps(body).encode(), of)
    return answer, json.loads(answer.body)


@story
def main():
    with Service({"/api/actions/ask": lambda a: {
            "invokeType": "WAIT"}}) as service, \
            tempfile.TemporaryDirectory() as flows:
        with open(os.path.join(flows, "flow.json"), "w") as f:
            json.dump(snapshot(service.uri), f)
        with Platform(regions=["US", "GB", "AU"], embedded=1, flows=flows,
                      settings={"services": CALLED_HERE},
                      restrictions=RESTRICTIONS) as platform:
            _, began = ask(platform["US"], "POST", "/api/run/1", "GB", {
                "flowId": {"id": guid(1), "versionId": None}})
            path = f"/api/run/1/state/{began['stateId']}"
            _, waits = ask(platform["US"], "POST", path, "GB",
                           invoke_body(began))
            same("waits", waits["invokeType"], "WAIT")
            asked = service.next().json
            same("where", asked["callbackUri"],
                 "http://flow.example.com/api/run/1/response")
            response = {"token": asked["token"], "tenantId": TENANT,
                        "invokeType": "SUCCESS", "outputs": [
                            {"developerName": "Answer",
                             "contentValue": "yes"}]}
            forged = {**response, "token": asked["token"][:-1] + "x"}
            answer, told = ask(platform["AU"], "POST", "/api/run/1/response",
                               "US", forged, None)
            same("forged", answer.status, 403)
            answer, told = ask(platform["AU"], "POST", "/api/run/1/response",
                               "US", response, None)
            same("taken", (answer.status, told,
                           answer["X-ManyWho-Region-Backend"]),
                 (200, "SUCCESS", "GB"))
            answer, _ = ask(platform["AU"], "GET", path, "US")
            same("not for this user", answer.status, 403)
            answer, end = ask(platform["AU"], "GET", path, "GB")
            truth("the user goes on", "It says yes" in json.dumps(end))
