#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""$User tells the country, the continent and the address that the edge found;
a decision follows from it, and the user's own claims do not count."""
import json
import os
import tempfile

from lib import same, story, truth
from lib.engine import Engine, shown

USER = "03dc41dd-1c6b-4b33-bf61-cbd1d0778fff"
COUNTRY = "4fb64b42-a370-455e-85ed-d9a0a8723a43"


def guid(number):
    return f"00000000-0000-0000-0000-{number:>012}"


def to(element, number, order=0, **more):
    return {"id": guid(number), "nextMapElementId": guid(element),
            "order": order, **more}


TEXT = ("{![$User].[Country]} {![$User].[Location]} {![$User].[IP Address]} "
        "{![$Location].[Current Latitude]} {![$State].[Flow Developer Name]}")
SNAPSHOT = {
    "id": {"id": guid(1), "versionId": guid(2)}, "developerName": "Where?",
    "startMapElementId": guid(10),
    "valueElements": [{"id": guid(40), "developerName": "Home",
                       "contentType": "ContentString",
                       "defaultContentValue": "SZ"}],
    "mapElements": [
        {"id": guid(10), "elementType": "START", "outcomes": [to(20, 11)]},
        {"id": guid(20), "elementType": "DECISION", "outcomes": [
            to(30, 21, 1, comparison={"rules": [{
                "leftValueElementToReferenceId": {
                    "id": USER, "typeElementPropertyId": COUNTRY},
                "criteriaType": "EQUAL",
                "rightValueElementToReferenceId": {"id": guid(40)}}]}),
            to(31, 22, 2)]},
        {"id": guid(30), "elementType": "step", "userContent":
            f"At home: {TEXT}"},
        {"id": guid(31), "elementType": "step", "userContent":
            f"Abroad: {TEXT}"}]}


def ends_with(engine, fields, **more):
    began = engine.initialize(guid(1), fields=fields)
    same("status", began.status, 200)
    return shown(engine.invoke(began.json, fields=fields, **more))


@story
def main():
    with tempfile.TemporaryDirectory() as flows:
        with open(os.path.join(flows, "where.json"), "w") as f:
            json.dump(SNAPSHOT, f)
        with Engine(flows=flows) as engine:
            same("at home", ends_with(engine, [
                ("X-ManyWho-GeoLocation-Country", "SZ"),
                ("X-ManyWho-GeoLocation-Continent", "AF"),
                ("X-Real-IP", "2001:DB8::1"),
                ("X-Forwarded-For", "192.0.2.1")],
                geoLocation={"latitude": -26.5, "longitude": 31.5}),
                "At home: SZ AF 2001:db8::1 -26.5 Where?")
            # Only what the edge added last is believed.
            same("abroad", ends_with(engine, [
                ("X-ManyWho-GeoLocation-Country", "GB"),
                ("X-ManyWho-GeoLocation-Continent", "EU"),
                ("X-Forwarded-For", "198.51.100.1, 192.0.2.1")]),
                "Abroad: GB EU 192.0.2.1  Where?")
            same("nowhere", ends_with(engine, [
                ("X-Forwarded-For", "<script>")]),
                "Abroad:     Where?")
            truth("ends", engine.stop() == 0)
