#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Our own player in a real browser, through the edges: a page with inputs, a
wrong one, a reload, text that looks like HTML, a table, and where it all ran."""
import os
import re

from lib import Platform, same, story, truth, wait_for
from lib.addresses import ROOT
from lib.browser import Browser
from lib.engine import FLOW, TENANT

HOST = "gb.flow.example.com"
REPAIR = "6d1a40c7-52fe-4b7e-8c0d-000000000001"     # conf/flows/repair.json
PLAYER = f"http://{HOST}/{TENANT}/play/default"
SCREENSHOTS = os.environ.get("SCREENSHOTS")     # a directory to keep some in


def look(browser, name):
    if SCREENSHOTS:
        browser.screenshot(os.path.join(SCREENSHOTS, f"{name}.png"))


def greeting(browser, edge):
    browser.open(f"{PLAYER}?flow-id={FLOW}&tracking=1")
    browser.shows("h1", "Who are you?")
    look(browser, "asked")
    browser.press("Next")
    browser.shows("form", "This field is required")
    look(browser, "refused")

    # The address leads back to the run, with what was typed.
    browser.type("Your name", "<b>Ada</b>")
    truth("the state is in the address", "join=" in browser.address())
    truth("other parameters stay", "tracking=1" in browser.address())
    address = browser.address()
    browser.open("about:blank")
    wait_for("what was typed has come", lambda: "<b>Ada</b>" in edge.get(
        f"/api/run/1/state/{re.search('join=([-0-9a-f]+)', address)[1]}",
        [("ManyWhoTenant", TENANT)], host=HOST).body.decode())
    browser.open(address)
    browser.shows("h1", "Who are you?")
    same("half-typed text is kept", browser.value("Your name"), "<b>Ada</b>")

    browser.type("Your age", "12")
    browser.press("Next")
    browser.shows("form", "Hello <b>Ada</b>, come back in some years.")
    browser.press("I have aged")
    browser.type("Your age", "36")
    browser.press("Next")
    browser.shows("form", "Hello <b>Ada</b>, welcome.")
    browser.shows("#regions", "Frontend GB, backend GB")
    same("complaints", browser.log(), [])
    look(browser, "welcome")
    browser.reload()
    browser.shows("form", "Hello <b>Ada</b>, welcome.")


def repair(browser):
    """A row is chosen, a field appears when it is needed, and a way back."""
    browser.open(f"{PLAYER}?flow-id={REPAIR}")
    browser.shows("form table", "Everything")
    truth("not asked where", "Where?" not in browser.text("form"))
    browser.click("tbody tr:nth-child(2)")
    browser.find("tr[aria-selected=true]")
    browser.click("input[type=checkbox]")
    browser.shows("form", "Where?")
    browser.type("Where?", "Flat 3")
    look(browser, "table")
    browser.press("Order")
    browser.shows("form", "Brakes for 40 pounds, ready in 2 days.")
    browser.shows("form", "Flat 3")
    look(browser, "confirm")
    browser.press("Change")
    browser.find("tbody tr:nth-child(2)[aria-selected=true]")
    browser.press("Order")
    browser.press("Confirm")
    browser.shows("form", "Thank you.")
    same("complaints", browser.log(), [])


def what_is_not_there(browser):
    browser.open(PLAYER)
    browser.shows("#notice", "names no flow")
    browser.open(f"{PLAYER}?flow-id=00000000-0000-0000-0000-000000000000")
    browser.shows("#notice", "could not be found")
    look(browser, "notfound")


def the_page_alone(edge):
    answer = edge.get(f"/{TENANT}/play/default", host=HOST)
    same("page", (answer.status, answer["Content-Type"]),
         (200, "text/html; charset=utf-8"))
    truth("nothing runs but our own script", "script-src 'self';" in
          answer["Content-Security-Policy"])
    for path in (f"/{TENANT}/play/other", f"/{TENANT}/play/default/x.js",
                 "/me/play/default"):
        same(path, edge.get(path, host=HOST).status, 404)


@story
def main():
    with Platform(regions=["US", "GB"], embedded=1,
                  flows=os.path.join(ROOT, "conf/flows")) as platform:
        edge = platform["GB"]
        with Browser({HOST: edge.plain}) as browser:
            greeting(browser, edge)
            repair(browser)
            what_is_not_there(browser)
        the_page_alone(edge)
