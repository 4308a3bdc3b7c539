#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A directory says where its users log in, and the player takes them there if
it is an address of https, or of http on this machine.  To any other it takes
nobody, and says so."""
import json
import tempfile

from lib import Platform, same, story, truth, wait_for
from lib.browser import Browser
from lib.engine import TENANT
from lib.service import CALLED_HERE, Service, flow, guid, step

HOST = "gb.flow.example.com"
PLAYER = f"http://{HOST}/{TENANT}/play/default?flow-id={guid(1)}"
STRANGERS = [
    "http://login.example/in", "//login.example/in", "/in",
    "http://127.0.0.1.login.example/in", "http://localhost@login.example/in",
    "ftp://127.0.0.1/in", "file:///etc/passwd", "data:text/html,in",
    "javascript:document.body.replaceChildren()//", "https://", "in",
]


class Directory:
    """What the service says of whom: log in there."""
    url = None

    def says(self, _):
        return {"objectData": [{"properties": [
            {"developerName": n, "contentValue": v} for n, v in (
                ("Directory Id", "dir"), ("Directory Name", "Staff"),
                ("AuthenticationType", "OAUTH2"), ("LoginUrl", self.url),
                ("Status", "401"))]}]}


def closed_flow(uri):
    return flow(1, uri, [step(20, "Seen by nobody")], authorization={
        "globalAuthenticationType": "ALL_USERS", "serviceElementId": guid(80)})


def is_taken_to(browser, directory, url):
    directory.url = url
    browser.open(PLAYER)
    wait_for(f"at {url}", lambda: browser.address().startswith(url))


def stays(browser, directory, url):
    directory.url = url
    browser.open(PLAYER)
    browser.shows("#page", "is not a secure one (https)")
    same(f"not at {url}", browser.address(), PLAYER)
    truth("the rest of the page stays", browser.text("footer") is not None)


@story
def main():
    directory = Directory()
    with Service({"/api/authorization": directory.says}) as service, \
            tempfile.TemporaryDirectory() as flows:
        with open(f"{flows}/closed.json", "w") as f:
            json.dump(closed_flow(service.uri), f)
        here = service.uri.removeprefix("http://").removesuffix("/api")
        port = here.split(":")[1]
        with Platform(regions=["GB"], embedded=1, flows=flows,
                      settings={"services": CALLED_HERE}) as platform, \
                Browser({HOST: platform["GB"].plain}) as browser:
            for url in STRANGERS:
                stays(browser, directory, url)
            for url in (f"http://{here}/in", f"http://localhost:{port}/in",
                        f"https://{here}/in"):
                is_taken_to(browser, directory, url)
