#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Where users log in, whatever a state holds is for who may act where it
stands: every call that shows or changes a part of it is refused to others,
and what must be open to them (who has to be told where to log in) shows
nothing of it.  To another tenant there is no such state."""
import json

from lib import same, story, truth
from lib.directory import (ADA_ALONE, Directory, log_in, sealed_anew,
                           with_token)
from lib.engine import Engine, page
from lib.service import (CALLED_HERE, Service, element, flow, guid, message,
                         step, to, value)

SECRET = "for Ada alone"
OTHER_TENANT = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a02"
REFUSED = "You are not authorized to access this content"

CITY = {"id": guid(70), "developerName": "City", "properties": [
    {"id": guid(71), "developerName": "Name", "contentType": "ContentString"}],
    "bindings": [{"id": guid(75), "serviceElementId": guid(80),
                  "databaseTableName": "T_CITY", "propertyBindings": [
                      {"typeElementPropertyId": guid(71),
                       "databaseFieldName": "NAME"}]}]}
ROWS = {"objectData": [{"externalId": "1", "developerName": "T_CITY",
                        "properties": [{"developerName": "NAME",
                                        "contentValue": SECRET}]}]}


def component(number, kind, **more):
    return {"id": guid(number), "pageContainerId": guid(51), "label": SECRET,
            "componentType": kind, **more}


PAGE = {"id": guid(50), "label": SECRET, "pageContainers": [{"id": guid(51)}],
        "pageComponents": [
            component(52, "INPUT", valueElementValueBindingReferenceId={
                "id": guid(61)}),
            component(53, "TABLE", contentType="ContentList",
                      objectDataRequest={"typeElementBindingId": guid(75)}),
            component(54, "FILES", fileDataRequest={
                "serviceElementId": guid(80)})]}
# What it is called is told: players ask for it without the token.
MENU = {"id": guid(76), "developerName": "Menu", "navigationItems": [
    {"id": guid(77), "label": "Here", "locationMapElementId": guid(20)}]}


def flows(uri):
    return [
        flow(1, uri, [
            element(20, "input", to(30, 21), {
                "id": guid(22), "developerName": SECRET,
                "flowOut": {"flowId": {"id": guid(3)}}},
                pageElementId=guid(50)) | {"developerName": SECRET},
            step(30, SECRET)],
            [value(61, SECRET, text=SECRET, access="INPUT_OUTPUT")],
            authorization=ADA_ALONE, enableHistoricalNavigation=True,
            pageElements=[PAGE], typeElements=[CITY],
            navigationElements=[MENU]),
        flow(2, uri, [element(20, "MESSAGE", to(30, 21), messageActions=[
            message("later")]), step(30, SECRET)], authorization=ADA_ALONE),
        flow(3, uri, [step(20, "Another")], authorization=ADA_ALONE)]


def form(request):
    return (f'--xyz\r\nContent-Disposition: form-data; name="FileData"; '
            f'filename="a"\r\n\r\nbytes\r\n--xyz\r\nContent-Disposition: '
            f'form-data; name="FileDataRequest"\r\n\r\n'
            f'{json.dumps(request)}\r\n--xyz--\r\n').encode()


def for_her(state, at):
    """(method, path, body) of what is for who may act there alone."""
    path = f"/api/run/1/state/{state}"
    _, data, files = page(at)["pageComponentDataResponses"]
    table, files = data["objectDataRequest"], files["fileDataRequest"]
    yield "GET", f"{path}/history", None
    yield "GET", f"{path}/log", None
    yield "GET", f"/api/log/{guid(1)}/{state}", None
    yield "GET", f"{path}/values", None
    yield "GET", f"{path}/values/{guid(61)}", None
    yield "GET", f"{path}/values/name/{SECRET.replace(' ', '%20')}", None
    yield "POST", f"{path}/values", [
        {"valueElementId": guid(61), "contentValue": SECRET}]
    yield "POST", f"{path}/listener", {
        "listenType": "DONE", "callbackUri": "http://127.0.0.1:1/"}
    yield "POST", f"/api/run/1/state/out/{state}/{guid(22)}", b""
    for base in "/api/run/1/service", "/api/service/1":
        yield "POST", f"{base}/data", table
        yield "POST", f"{base}/file", files
        yield "POST", f"{base}/file/delete", files
        yield "POST", f"{base}/file/content", form(files)
    yield "POST", "/api/run/2/service/data", table
    yield "POST", "/api/file", files
    yield "POST", "/api/file/delete", files
    yield "POST", "/api/file/content", form(files)


def for_all(state, at):
    """What players call before anybody has logged in, or without a token."""
    body = {"stateId": state, "stateToken": at.json["stateToken"],
            "currentMapElementId": guid(20), "invokeType": "FORWARD",
            "navigationElementId": guid(76), "mapElementInvokeRequest": {}}
    for version in 1, 2:
        path = f"/api/run/{version}/state/{state}"
        yield "POST", f"/api/run/{version}", {
            "flowId": {"id": guid(1)}, "stateId": state}
        yield "GET", path, None
        yield "POST", path, body
        yield "POST", path, body | {"stateToken": guid(0)}
        yield "POST", path, body | {"invokeType": "SYNC"}
        yield "POST", path, body | {"invokeType": "NAVIGATE",
                                    "selectedNavigationItemId": guid(77)}
    yield "GET", f"/api/run/1/state/{state}/ping/{guid(0)}", None
    yield "GET", f"/api/run/1/authentication/{state}", None
    yield "GET", f"/api/run/1/authorization/{state}", None
    yield "POST", f"/api/run/1/navigation/{state}", body


def ask(engine, call, fields=(), **more):
    method, path, body = call
    if path.endswith("/content"):
        fields = [("Content-Type", "multipart/form-data; boundary=xyz"),
                  *fields]
    return engine.ask(method, path, body, fields=fields, **more)


def strangers(engine, state, ada):
    """Whose Authorization is good for nothing there."""
    other = engine.initialize(guid(1)).json["stateId"]
    truth("a token that is sealed anew is good", shown_to(
        engine, state, sealed_anew(engine, ada)))
    return {"nobody": (), **{who: with_token(token) for who, token in {
        "in clear": "UserId=u-1", "forged": ada[:-4] + "AAAA",
        "of another state": log_in(engine, other).json,
        "of one who may not": log_in(engine, state, "bob").json,
        "of another flow": sealed_anew(engine, ada, flow=guid(2)),
        "of another tenant": sealed_anew(engine, ada, tenant=OTHER_TENANT),
        "expired": sealed_anew(engine, ada, until=1)}.items()}}


def shown_to(engine, state, token):
    return engine.ask("GET", f"/api/run/1/state/{state}", fields=with_token(
        token)).json["invokeType"] != "NOT_ALLOWED"


def tells_nothing(what, answer):
    truth(f"{what}: nothing of it in {answer.body!r}",
          SECRET.encode() not in answer.body)


def hers_alone(engine, state, ada, at):
    token = with_token(ada)
    calls = list(for_her(state, at))
    for who, fields in strangers(engine, state, ada).items():
        for call in calls:
            answer = ask(engine, call, fields)
            same(f"{who}: {call[:2]}", (answer.status, answer.json),
                 (401, REFUSED))
            if call[0] == "GET":
                same(f"{who}: HEAD of {call[1]}", ask(
                    engine, ("HEAD", *call[1:]), fields).status, 401)
        for call in for_all(state, at):
            answer = ask(engine, call, fields)
            same(f"{who}: {call[:2]}", answer.status, 200)
            tells_nothing((who, call[:2]), answer)
    for call in calls:
        same(f"she: {call[:2]}", ask(engine, call, token).status, 200)
    still = engine.ask("GET", f"/api/run/1/state/{state}", fields=token)
    same("nothing moved", still.json["stateToken"], at.json["stateToken"])


def listeners(engine, state, ada):
    path = f"/api/run/1/state/{state}/listener"
    [one] = [engine.ask("POST", path, {
        "listenType": "DONE", "callbackUri": "http://127.0.0.1:1/"},
        fields=with_token(ada)).json["id"]]
    same("not by others", engine.ask("DELETE", f"{path}/{one}").status, 401)
    same("by her", engine.ask("DELETE", f"{path}/{one}",
                              fields=with_token(ada)).status, 200)


def of_another_tenant(engine, state, ada, at):
    for call in (*for_her(state, at), *for_all(state, at)):
        answer = ask(engine, call, with_token(ada), tenant=OTHER_TENANT)
        # The request of a page names its tenant, and is read first.
        truth(f"{call[:2]}: {answer.status}", answer.status == (
            403 if "/service" in call[1] or "/file" in call[1] else 404))


def her_answer_is_kept_for_her(engine, directory):
    """What was answered is sent again to the same request, not to one who may
    not see it any more."""
    began = engine.initialize(guid(1)).json
    token = with_token(log_in(engine, began["stateId"]).json)
    first = engine.invoke(began, fields=token)
    same("again", engine.invoke(began, fields=token).body, first.body)
    directory.may = set()
    again = engine.invoke(began, fields=token)
    same("not any more", again.json["statusCode"], "401")
    tells_nothing("not any more", again)
    directory.may = {"u-1"}


def waits_are_hers(engine):
    began = engine.initialize(guid(2)).json
    token = with_token(log_in(engine, began["stateId"]).json)
    waits = engine.invoke(began, fields=token)
    same("waits", (waits.json["invokeType"], waits.json["waitMessage"]),
         ("WAIT", SECRET))
    path = f"/api/run/1/state/{began['stateId']}"
    for answer in (engine.ask("GET", path), engine.invoke(waits.json)):
        same("others", answer.json["invokeType"], "NOT_ALLOWED")
        tells_nothing("a wait", answer)


@story
def main():
    directory = Directory()
    with Service({**directory.answers(), "/api/data": lambda a: ROWS,
                  **{f"/api/file{p}": lambda a: ROWS
                     for p in ("", "/content", "/delete")},
                  "/api/actions/later": lambda a: {
                      "invokeType": "WAIT", "waitMessage": SECRET}}) as service:
        with Engine(flows=flows(service.uri), services=CALLED_HERE) as e:
            began = e.initialize(guid(1)).json
            state = began["stateId"]
            ada = log_in(e, state).json
            at = e.invoke(began, fields=with_token(ada))
            truth("hers", SECRET.encode() in at.body)
            hers_alone(e, state, ada, at)
            listeners(e, state, ada)
            of_another_tenant(e, state, ada, at)
            her_answer_is_kept_for_her(e, directory)
            waits_are_hers(e)
