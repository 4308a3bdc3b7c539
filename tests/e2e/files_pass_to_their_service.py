#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Files of a page are its service's: they are listed, uploaded and deleted
with the request that stands in the page, byte by byte, in every spelling; what
is no upload is told so, and what is too large is not read."""
import json

from lib import same, story, truth
from lib.engine import TENANT, Engine, page
from lib.service import CALLED_HERE, Service, element, flow, guid, step, to

CONTENT = bytes(range(256)) * 20 + b"\r\n--x\r\n"
OBJECT = {"externalId": "f1", "developerName": "$File", "properties": [
    {"developerName": "Name", "contentValue": "a.bin"}]}


def flows(uri):
    return [flow(1, uri, [element(20, "input", to(30, 21),
                                  pageElementId=guid(50)), step(30, "End")],
                 pageElements=[{
                     "id": guid(50), "pageContainers": [{"id": guid(51)}],
                     "pageComponents": [{
                         "id": guid(53), "pageContainerId": guid(51),
                         "componentType": "FILES",
                         "fileDataRequest": {
                             "serviceElementId": guid(80)}}]}])]


def form(request, boundary="xyz", name="FileData"):
    return (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
            f'filename="a.bin"\r\nContent-Type: image/x\r\n\r\n').encode() + \
        CONTENT + (f'\r\n--{boundary}\r\nContent-Disposition: form-data; '
                   f'name="FileDataRequest"\r\n\r\n{request}\r\n'
                   f'--{boundary}--\r\n').encode()


@story
def main():
    with Service({f"/api/file{p}": lambda a: {"objectData": [OBJECT]}
                  for p in ("", "/content", "/delete")}) as service:
        with Engine(flows=flows(service.uri), services=CALLED_HERE) as e:
            at = e.invoke(e.initialize(guid(1)).json)
            [component] = page(at)["pageComponentDataResponses"]
            request = component["fileDataRequest"]
            same("service", request["serviceElementId"], guid(80))
            kind = [("Content-Type", "multipart/form-data; boundary=xyz")]
            for base in "/api/run/1/service/file", "/api/service/1/file", \
                    "/api/file":
                same("list", e.ask("POST", base, request).json[
                    "objectData"][0]["externalId"], "f1")
                same("asked", service.next().path, "/api/file")
                same("delete", e.ask("POST", f"{base}/delete", {
                    **request, "objectData": [OBJECT]}).status, 200)
                same("which", service.next("/api/file/delete")
                     .json["objectData"][0]["externalId"], "f1")
                up = e.ask("POST", f"{base}/content",
                           form(json.dumps(request)), fields=kind)
                same("uploaded", (up.status, len(up.json["objectData"])),
                     (200, 1))
                asked = service.next("/api/file/content")
                truth("the bytes", b"\r\n\r\n" + CONTENT + b"\r\n--" in
                      asked.bytes)
                truth("its name", b'filename="a.bin"' in asked.bytes)
                truth("our request", TENANT.encode() in asked.bytes and
                      request["token"].encode() not in asked.bytes)
            path = "/api/run/1/service/file/content"
            bad = dict(request, token=request["token"][:-1] + "g")
            for what, body, status in (
                    ("forged", form(json.dumps(bad)), 403),
                    ("no JSON", form("{"), 400),
                    ("no file", form(json.dumps(request), name="x"), 400),
                    ("another boundary", form(json.dumps(request), "ab"), 400),
                    ("too large", b"x" * (20 << 20), 413)):
                try:
                    same(what, e.ask("POST", path, body,
                                     fields=kind).status, status)
                except (BrokenPipeError, ConnectionResetError):
                    same("cut", what, "too large")
            same("asked", service.count(), 0)
