#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Users log in to a directory that a service is: by name and password, and by
coming back from it.  What they get is good for their state alone and nobody
else can make, read or change it; where they vote each has one voice; who has
not logged in, or is not one of those a flow or a lane is for, moves nothing
and sees nothing."""
import base64
import time
import urllib.parse

from lib import same, story, truth, wait_for
from lib.directory import (ADA_ALONE, Directory, auth, log_in, opened,
                           with_token)
from lib.engine import TENANT, Engine, shown
from lib.service import (CALLED_HERE, Service, element, flow, guid, message,
                         step, to)

OAUTH = "https://login.example/authorize?client_id=7"
DONE = step(30, "Hello {![$User].[First Name]} ({![$User].[User ID]})")


def runs(number):
    return element(20, "SUBFLOW", subflow={"flowId": {"id": guid(number)}})


def flows(uri):
    calls = element(20, "MESSAGE", to(30, 21), messageActions=[
        message("who")])
    lane = [{"id": guid(85), "elementType": "swimlane",
             "authorization": ADA_ALONE}]
    return [flow(1, uri, [calls, DONE], authorization=auth("ALL_USERS")),
            flow(2, uri, [step(20, "Open", to(30, 21)),
                          DONE | {"groupElementId": guid(85),
                                  "notAuthorizedMessage": "Staff only"}],
                 groupElements=lane),
            flow(3, uri, [calls, DONE], authorization=auth("ALL_USERS")),
            flow(4, uri, [step(20, "Agree?", to(30, 21), to(40, 22)) |
                          {"vote": {"voteType": "COUNT", "minimumCount": 2}},
                          step(30, "Yes"), step(40, "No")],
                 authorization=auth("ALL_USERS")),
            flow(5, uri, [step(20, "Come in", to(30, 21)), DONE],
                 authorization=ADA_ALONE),
            flow(6, uri, [runs(7)]),
            flow(7, uri, [calls, element(30, "SUBFLOW", to(40, 31), subflow={
                "flowId": {"id": guid(8)}}), step(40, "Back")],
                 authorization=ADA_ALONE),
            flow(9, uri, [element(20, "WAIT", to(30, 21), wait={
                "durationSeconds": 1}), calls | {"id": guid(30)}],
                 authorization=ADA_ALONE, idleStateExpirationLength=600),
            # It has no value; those of who runs it are not looked for here.
            flow(8, uri, [DONE | {"id": guid(20)}]) | {
                "valueElements": [], "serviceElements": []}]


def context(answer):
    return answer.json["authorizationContext"]


def is_told_of(engine):
    """Whom a flow is for, before it is begun; not who they are."""
    kinds = {f["id"]["id"]: f["authorization"]
             for f in engine.ask("GET", "/api/run/1/flow").json}
    same("for whom", kinds, {
        guid(n): {"globalAuthenticationType": kind} for n, kind in (
            (1, "ALL_USERS"), (2, "PUBLIC"), (3, "ALL_USERS"),
            (4, "ALL_USERS"), (5, "SPECIFIED"), (6, "PUBLIC"),
            (7, "SPECIFIED"), (8, "PUBLIC"), (9, "SPECIFIED"))})


def at_once(engine):
    """Begun and logged in to by one call; what follows needs a token."""
    def begin(**who):
        return engine.ask("POST", "/api/run/1/state", {"id": guid(5), **who})

    nobody = begin()
    same("nobody", nobody.status, 401)
    truth("what to do", "username" in nobody.json)
    wrong = begin(username="ada", password="x")
    same("wrong", (wrong.status, wrong.json), (401, "Wrong password"))
    bob = begin(username="bob", password="any")
    same("not one of them", (bob.status, bob.json),
         (401, "You are not authorized to access this content"))
    ada = begin(username="ada", password="engine")
    same("let in", (ada.status, shown(ada)), (200, "Come in"))
    same("who", context(ada)["directoryId"], None)
    left_out = engine.invoke(ada.json, outcome=guid(21)).json
    same("no token", left_out["invokeType"], "NOT_ALLOWED")
    token = with_token(log_in(engine, ada.json["stateId"]).json)
    end = engine.invoke(left_out, outcome=guid(21), fields=token)
    same("end", shown(end), "Hello Ada (u-1)")


def answers_are_ones_own(engine):
    """The same words from somebody else are another request, though what was
    asked and answered last is kept."""
    began = engine.initialize(guid(5)).json
    token = with_token(log_in(engine, began["stateId"]).json)
    left_out = engine.invoke(began)
    same("nobody", left_out.json["invokeType"], "NOT_ALLOWED")
    again = engine.invoke(began, fields=token)
    same("is not told what nobody was", again.json["statusCode"], "200")
    page = engine.invoke(again.json, fields=token)
    same("shown", shown(page), "Come in")
    end = engine.invoke(page.json, outcome=guid(21), fields=token)
    same("end", shown(end), "Hello Ada (u-1)")
    same("once more", engine.invoke(page.json, outcome=guid(21),
                                    fields=token).body, end.body)
    for fields in ((), with_token("UserId=u-1")):
        other = engine.invoke(page.json, outcome=guid(21), fields=fields)
        same("nobody is told what she was", (
            other.json["statusCode"], other.json["mapElementInvokeResponses"]),
            ("401", []))


def by_password(engine, service):
    began = engine.initialize(guid(1))
    same("asked for", (began.json["statusCode"],
                       context(began)["directoryId"],
                       context(began)["authenticationType"]),
         ("401", "dir", "USERNAME_PASSWORD"))
    refused = engine.invoke(began.json)
    same("refused", (refused.json["invokeType"],
                     refused.json["statusCode"],
                     refused.json["currentMapElementId"]),
         ("NOT_ALLOWED", "401", guid(10)))
    state = began.json["stateId"]
    bad = log_in(engine, state, password="wrong")
    same("wrong", (bad.status, bad.json), (401, "Wrong password"))
    login = log_in(engine, state)
    same("status", login.status, 200)
    token = login.json
    # Short words may well stand in random text; these do not.
    plain = token.encode() + b"".join(
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        for part in token.split("."))
    truth("sealed", b"ada@x.example" not in plain and b"inner" not in plain)
    again = engine.initialize(guid(1), stateId=state,
                              fields=with_token(token))
    same("let in", (again.json["stateId"], again.json["statusCode"],
                    context(again)["directoryId"]), (state, "200", None))

    other = engine.initialize(guid(1)).json
    third = engine.initialize(guid(3)).json
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + \
        token[middle + 1:]
    for what, at, bad in (("forged", began.json, changed),
                          ("cut", began.json, token[:-5]),
                          ("in clear", began.json, "UserId=u-1"),
                          ("of another state", other, token),
                          ("of another flow", third, token)):
        answer = engine.invoke(at, fields=with_token(bad))
        same(what, (answer.json["invokeType"],
                    answer.json["currentMapElementId"]),
             ("NOT_ALLOWED", guid(10)))
    same("nothing happened", [a for a in iter_asked(service)
                              if a.path.endswith("/who")], [])

    end = engine.invoke(again.json, fields=with_token(token))
    same("end", shown(end), "Hello Ada (u-1)")
    asked = service.next("/api/actions/who")
    who = urllib.parse.parse_qs(urllib.parse.unquote(
        asked.headers["Authorization"]))
    same("services know", (who["UserId"], who["Token"], who["Email"]),
         (["u-1"], ["inner"], ["ada@x.example"]))
    same("joined by nobody", engine.ask(
        "GET", f"/api/run/1/state/{state}").json["invokeType"],
        "NOT_ALLOWED")
    same("values", (engine.ask(
        "GET", f"/api/run/1/state/{state}/values").status, engine.ask(
        "GET", f"/api/run/1/state/{state}/values",
        fields=with_token(token)).status), (401, 200))
    return token


def iter_asked(service):
    while service.count():
        yield service.next()


def lanes(engine, directory):
    at = engine.invoke(engine.initialize(guid(2)).json)
    same("open", shown(at), "Open")
    state = at.json["stateId"]
    closed = engine.invoke(at.json, outcome=guid(21))
    same("closed", (closed.json["invokeType"],
                    closed.json["notAuthorizedMessage"],
                    context(closed)["loginUrl"]),
         ("NOT_ALLOWED", "Staff only", "https://login.example"))
    bob = log_in(engine, state, "bob").json
    closed = engine.ask("GET", f"/api/run/1/state/{state}",
                        fields=with_token(bob))
    same("not for him", (closed.json["invokeType"],
                         context(closed)["loginUrl"]), ("NOT_ALLOWED", None))
    ada = log_in(engine, state).json
    same("for her", shown(engine.ask(
        "GET", f"/api/run/1/state/{state}", fields=with_token(ada))),
        "Hello Ada (u-1)")
    directory.may = set()
    same("not any more", engine.ask(
        "GET", f"/api/run/1/state/{state}",
        fields=with_token(ada)).json["invokeType"], "NOT_ALLOWED")
    directory.may = {"u-1"}


def by_coming_back(engine, directory):
    def begin(kind, key, player="http://engine/x?a=b"):
        directory.kind, directory.url = kind, OAUTH
        began = engine.initialize(guid(1), joinPlayerUrl=player)
        url = urllib.parse.urlsplit(context(began)["loginUrl"])
        return began, urllib.parse.parse_qs(url.query)[key][0]

    def goes_on(began, back):
        same("status", back.status, 302)
        [to_player] = back.all("Location")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(to_player).query)
        same("back", (query["a"], query["join"]),
             (["b"], [began.json["stateId"]]))
        same("end", shown(engine.invoke(began.json, fields=with_token(
            query["authorization"][0]))), "Hello Ada (u-1)")

    began, key = begin("OAUTH2", "state")
    same("routed by", key.split(".")[:2], [began.json["stateId"], TENANT])
    path = "/api/run/1/oauth2?" + urllib.parse.urlencode(
        {"state": key, "code": "c-1"})
    for bad in path.replace("c-1", "c-2"), path[:-20], \
            path.replace(key, key[:-1] + ("0" if key[-1] != "0" else "1")):
        truth("refused", engine.ask("GET", bad, tenant=None).status in
              (401, 403))
    goes_on(began, engine.ask("GET", path, tenant=None))

    began, key = begin("OAUTH2", "state", "https://known.example/x?a=b")
    goes_on(began, engine.ask("GET", "/api/run/1/oauth2?" +
                              urllib.parse.urlencode(
                                  {"state": key, "code": "c-1"}),
                              tenant=None))

    # Scripts of any origin may ask; that brings no login to them.
    for player in "http://engine.evil.example/", "//evil.example/", \
            "https://p.example/x", "https://known.example.evil.example/", \
            "https://known.example@evil.example/", "javascript:alert(1)//":
        began, key = begin("OAUTH2", "state", player)
        same("a stranger's page", engine.ask(
            "GET", "/api/run/1/oauth2?" + urllib.parse.urlencode(
                {"state": key, "code": "c-1"}), tenant=None).status, 403)

    began, key = begin("SAML", "RelayState")
    form = urllib.parse.urlencode({"SAMLResponse": "PHNhbWw+",
                                   "RelayState": key}).encode()
    goes_on(began, engine.ask("POST", "/api/run/1/saml", form, tenant=None))


def within(engine, service):
    """A flow that nobody logs in to runs one that users do, and that runs one
    that they need not: the one in the middle closes its own beginning, and
    what it runs."""
    began = engine.initialize(guid(6)).json
    same("open", began["statusCode"], "200")
    state = began["stateId"]
    closed = engine.invoke(began)
    same("closed", (closed.json["invokeType"], context(closed)["directoryId"]),
         ("NOT_ALLOWED", "dir"))
    bob = with_token(log_in(engine, state, "bob").json)
    same("not for him", engine.invoke(closed.json, fields=bob)
         .json["invokeType"], "NOT_ALLOWED")
    same("nothing happened", [a for a in iter_asked(service)
                              if a.path.endswith("/who")], [])
    ada = with_token(log_in(engine, state).json)
    again = engine.initialize(guid(6), stateId=state, fields=ada)
    same("let in", again.json["statusCode"], "200")
    end = engine.invoke(again.json, fields=ada)
    same("end", shown(end), "Hello Ada (u-1)")
    path = f"/api/run/1/state/{state}"
    same("nobody sees it", engine.ask("GET", path).json["invokeType"],
         "NOT_ALLOWED")
    same("nor its values", engine.ask("GET", f"{path}/values").status, 401)
    same("nor may who logs in by another directory", engine.ask(
        "POST", f"/api/run/1/authentication/{state}?serviceElementId="
        f"{guid(81)}", {"username": "ada"}).status, 400)
    same("she may again", log_in(engine, state).status, 200)
    for asked in iter_asked(service):
        [setting] = asked.json["configurationValues"]
        same(f"its own setting: {asked.path}", setting["contentValue"],
             "sesame")


def time_is_nobodys(engine, service):
    """What comes behind a wait is done for her, whoever looks first."""
    began = engine.initialize(guid(9)).json
    state = began["stateId"]
    token = log_in(engine, state).json
    waits = engine.invoke(began, fields=with_token(token)).json
    same("she waits", waits["invokeType"], "WAIT")
    lasts = opened(engine, token)["until"] / 1000 - time.time()
    truth(f"a login that is used outlasts ten idle minutes: {lasts} s",
          lasts > 23 * 3600)
    engine.kill()               # which would look itself
    engine.start()
    list(iter_asked(service))
    wait_for("a stranger's ping finds that it has moved", lambda: engine.ask(
        "GET", f"/api/run/1/state/{state}/ping/{waits['stateToken']}").json)
    who = urllib.parse.parse_qs(urllib.parse.unquote(
        service.next("/api/actions/who").headers["Authorization"]))
    same("done for her", who["UserId"], ["u-1"])


def votes(engine):
    began = engine.initialize(guid(4)).json
    state = began["stateId"]
    ada, bob = (with_token(log_in(engine, state, n).json)
                for n in ("ada", "bob"))
    at = engine.invoke(began, fields=ada)
    for _ in range(2):      # voting twice is one vote
        at = engine.invoke(at.json, at.json["invokeType"], guid(21),
                           fields=ada)
        same("waits", (at.json["invokeType"], shown(at)),
             ("WAITING_ON_VOTES", "Agree?"))
    other = engine.ask("GET", f"/api/run/1/state/{state}", fields=bob)
    same("his turn", other.json["invokeType"], "FORWARD")
    other = engine.invoke(other.json, outcome=guid(22), fields=bob)
    same("divided", other.json["invokeType"], "WAITING_ON_VOTES")
    end = engine.invoke(other.json, outcome=guid(21), fields=bob)
    same("agreed", (end.json["invokeType"], shown(end)), ("DONE", "Yes"))


@story
def main():
    directory = Directory()
    with Service({**directory.answers(),
                  "/api/actions/who": lambda a: {}}) as service:
        with Engine(flows=flows(service.uri), services=CALLED_HERE,
                    cors=["*", "https://known.example"]) as e:
            is_told_of(e)
            by_password(e, service)
            at_once(e)
            answers_are_ones_own(e)
            lanes(e, directory)
            within(e, service)
            time_is_nobodys(e, service)
            votes(e)
            by_coming_back(e, directory)
            truth("no secrets in the log", "inner" not in e.errors() and
                  "ada@x" not in e.errors())
