#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Data that a service keeps is loaded, changed, saved and deleted under the
names that the type's binding has for it; a smart save sends what has changed
alone.  A page's list is asked for with the request that stands in the page, in
both spellings, and with nobody else's."""
from lib import same, story, truth
from lib.engine import TENANT, Engine, page, shown
from lib.service import (CALLED_HERE, Service, element, flow, guid, step, to,
                         value)

CITY = {"id": guid(70), "developerName": "City", "properties": [
    {"id": guid(71), "developerName": "Name", "contentType": "ContentString"},
    {"id": guid(72), "developerName": "People",
     "contentType": "ContentNumber"}],
    "bindings": [{"id": guid(75), "serviceElementId": guid(80),
                  "databaseTableName": "T_CITY", "propertyBindings": [
                      {"typeElementPropertyId": guid(71),
                       "databaseFieldName": "NAME"},
                      {"typeElementPropertyId": guid(72),
                       "databaseFieldName": "PEOPLE"}]}]}
VALUES = [value(61, "City", "ContentObject", typeElementId=guid(70)),
          value(62, "Cities", "ContentList", typeElementId=guid(70)),
          value(63, "Least", "ContentNumber", "1000"),
          value(64, "New name", text="Baden"),
          value(65, "Chosen", "ContentList", typeElementId=guid(70))]
REQUEST = {"typeElementBindingId": guid(75), "listFilter": {
    "comparisonType": "AND", "limit": 5, "where": [
        {"columnTypeElementPropertyId": guid(72),
         "criteriaType": "GREATER_THAN",
         "valueElementToReferenceId": {"id": guid(63)}}],
    "orderByTypeElementPropertyId": guid(71),
    "orderByDirectionType": "ASC"}}


def ref(number, prop=None, command=None):
    return {"id": guid(number), "command": command,
            "typeElementPropertyId": None if prop is None else guid(prop)}


def data(kind, number, **more):
    return {"crudOperationType": kind, "objectDataRequest": REQUEST,
            "valueElementToApplyId": ref(number), **more}


def flows(uri):
    rename = {"valueElementToApplyId": ref(61, 71),
              "valueElementToReferenceId": ref(64)}
    first = {"valueElementToApplyId": ref(61),
             "valueElementToReferenceId": ref(62, command="GET_FIRST")}
    back = {"valueElementToApplyId": ref(62, command="ADD"),
            "valueElementToReferenceId": ref(61)}
    table = [{"id": guid(53), "pageContainerId": guid(51),
              "componentType": "TABLE", "contentType": "ContentList",
              "valueElementValueBindingReferenceId": ref(65),
              "objectDataRequest": REQUEST}]
    return [flow(1, uri, [
        element(20, "DATABASE_LOAD", to(30, 21), dataActions=[
            data("LOAD", 62)]),
        element(30, "OPERATOR", to(40, 31), operations=[
            {**first, "order": 1}, {**rename, "order": 2},
            {**back, "order": 3}]),
        element(40, "database_save", to(50, 41), dataActions=[
            data("SAVE", 62, isSmartSave=True)]),
        element(50, "DATABASE_DELETE", to(60, 51), dataActions=[
            data("DELETE", 61, objectDataRequest={
                "typeElementBindingId": guid(75)})]),
        step(60, "{![Cities].[Name]}")], VALUES, typeElements=[CITY]),
        flow(2, uri, [element(20, "input", to(30, 21),
                              pageElementId=guid(50)),
                      step(30, "{![Chosen].[Name]}")], VALUES,
             typeElements=[CITY], pageElements=[{
                 "id": guid(50), "pageContainers": [{"id": guid(51)}],
                 "pageComponents": table}])]


def city(number, name, people):
    return {"externalId": f"c{number}", "internalId": None,
            "developerName": "T_CITY", "properties": [
                {"developerName": "NAME", "contentValue": name},
                {"developerName": "PEOPLE", "contentValue": people}]}


def fields(o):
    return {p["developerName"]: p["contentValue"] for p in o["properties"]}


def goes_and_comes(engine, service):
    service.answers["/api/data"] = lambda a: {
        "objectData": [city(1, "Aarau", "22000"), city(2, "Bern", 134000)]
        if a.method == "POST" else a.json["objectData"],
        "hasMoreResults": False}
    service.answers["/api/data/delete"] = lambda a: {}
    end = engine.invoke(engine.initialize(guid(1)).json)
    same("end", shown(end), "Baden")
    load = service.next()
    same("load", (load.method, load.path), ("POST", "/api/data"))
    same("type", load.json["objectDataType"]["developerName"], "T_CITY")
    wanted = load.json["listFilter"]
    same("where", [(w["columnName"], w["criteriaType"], w["value"])
                   for w in wanted["where"]],
         [("PEOPLE", "GREATER_THAN", "1000")])
    same("order", (wanted["limit"], wanted["comparisonType"],
                   wanted["orderByPropertyDeveloperName"]),
         (5, "AND", "NAME"))
    save = service.next()
    same("save", save.method, "PUT")
    same("only what changed", [(o["externalId"], o["developerName"],
                                fields(o)) for o in save.json["objectData"]],
         [("c1", "T_CITY", {"NAME": "Baden", "PEOPLE": "22000"})])
    gone = service.next()
    same("delete", (gone.method, gone.path, [
        o["externalId"] for o in gone.json["objectData"]]),
        ("POST", "/api/data/delete", ["c1"]))


def by_the_page(engine, service):
    at = engine.invoke(engine.initialize(guid(2)).json)
    [component] = page(at)["pageComponentDataResponses"]
    request = component["objectDataRequest"]
    truth("nothing secret in it", "sesame" not in str(request))
    looked = {**request, "listFilter": {
        "limit": 10, "offset": 20, "search": "Ba",
        "orderByPropertyDeveloperName": "People",
        "orderByDirectionType": "DESC", "where": [{"x": "y"}]}}
    for path in "/api/run/1/service/data", "/api/service/1/data":
        answer = engine.ask("POST", path, looked)
        same("status", answer.status, 200)
        asked = service.next("/api/data").json["listFilter"]
        same("filter", (asked["limit"], asked["offset"], asked["search"],
                        asked["orderByPropertyDeveloperName"],
                        asked["orderByDirectionType"],
                        [w["columnName"] for w in asked["where"]]),
             (10, 20, "Ba", "PEOPLE", "DESC", ["PEOPLE"]))
    found = answer.json["objectData"]
    same("names", [[p["typeElementPropertyId"] for p in o["properties"]]
                   for o in found], [[guid(71), guid(72)]] * 2)
    same("more", answer.json["hasMoreResults"], False)

    count = service.count()
    for bad in {**looked, "token": request["token"][:-1] + "x"}, {}, \
            {**looked, "token": None}:
        same("forged", engine.ask("POST", path, bad).status, 403)
    same("another tenant", engine.ask(
        "POST", path, looked,
        tenant=TENANT.replace("a01", "a02")).status, 403)
    same("asked", service.count(), count)

    found[1]["isSelected"] = True
    found[0]["isSelected"] = False
    end = engine.ask("POST", f"/api/run/1/state/{at.json['stateId']}", {
        "stateId": at.json["stateId"], "stateToken": at.json["stateToken"],
        "currentMapElementId": guid(20), "invokeType": "FORWARD",
        "mapElementInvokeRequest": {
            "selectedOutcomeId": guid(21), "pageRequest": {
                "pageComponentInputResponses": [{
                    "pageComponentId": guid(53), "contentValue": None,
                    "objectData": found}]}}})
    same("chosen", shown(end), "Bern")
    same("the page is gone", engine.ask("POST", path, looked).status, 400)


@story
def main():
    with Service({}) as service:
        with Engine(flows=flows(service.uri), services=CALLED_HERE) as e:
            goes_and_comes(e, service)
            by_the_page(e, service)
