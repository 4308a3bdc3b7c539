#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Our own player, in a real browser, shows a page with every kind of part there
is: each has a name that a screen reader can tell, all can be worked by the keys
alone, what is wrong is said where the user is taken to, and a narrow screen
holds it all."""
import json
import os
import tempfile

from lib import Platform, same, story, truth, wait_for
from lib.browser import Browser
from lib.engine import TENANT

HOST = "gb.flow.example.com"
TAB, SPACE, ENTER = "\ue004", " ", "\ue007"      # WebDriver, 17.4.2
SCREENSHOTS = os.environ.get("SCREENSHOTS")     # a directory to keep some in


def guid(number):
    return f"00000000-0000-0000-0000-{number:>012}"


FLOW, VERSION, THING = guid(1), guid(2), guid(30)
NAME, PRICE = guid(31), guid(32)
PLAYER = f"http://{HOST}/{TENANT}/play/default?flow-id={FLOW}"

# kind, label, type, more of the component; a list has the things in it
PARTS = [
    ("PRESENTATION", "", None, {"content": "<h2>All of it</h2><p>Some "
                                "<b>bold</b> words.</p>"}),
    ("INPUT", "Name", "ContentString", {
        "isRequired": True, "hintValue": "as on your card",
        "helpInfo": "The name that you were given."}),
    ("INPUT", "Age", "ContentNumber", {}),
    ("INPUT", "Born", "ContentDate", {}),
    ("INPUT", "Next visit", "ContentDateTime", {}),
    ("INPUT", "Secret", "ContentPassword", {}),
    ("INPUT", "Agreed", "ContentBoolean", {}),
    ("INPUT", "Given", "ContentString", {"isEditable": False}),
    ("TEXTAREA", "Remarks", "ContentString", {"isRequired": True}),
    ("CONTENT", "Letter", "ContentContent", {}),
    ("CHECKBOX", "Post me news", "ContentBoolean", {}),
    ("TOGGLE", "By air", "ContentBoolean", {}),
    ("SELECT", "One thing", "ContentObject", {"list": True}),
    ("SELECT", "Several things", "ContentList", {
        "list": True, "isMultiSelect": True}),
    ("COMBOBOX", "Another thing", "ContentObject", {"list": True}),
    ("RADIO", "This or that", "ContentObject", {
        "list": True, "isRequired": True}),
    ("TABLE", "Rows", "ContentList", {
        "list": True, "isMultiSelect": True, "outcome": "Take"}),
    ("TABLE", "Prices", "ContentList", {"list": True, "edit": True}),
    ("TILES", "Cards", "ContentObject", {"list": True, "outcome": "Open"}),
    ("LIST", "Plain list", "ContentList", {"list": True}),
    ("TAG", "Words", "ContentList", {"list": True}),
    ("IMAGE", "A picture", "ContentString", {
        "imageUri": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCA"
        "YAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}),
    ("HIDDEN", "Not seen", "ContentString", {}),
    ("CHART", "Sums", "ContentList", {"list": True}),
]


def component(at, kind, label, content, more):
    part = {"id": guid(100 + at), "developerName": label or kind,
            "pageContainerId": guid(51 if at < 10 else 52 if at < 16 else 53),
            "componentType": kind, "label": label, "order": at,
            "contentType": content,
            "valueElementValueBindingReferenceId": {"id": guid(200 + at)}}
    for key, value in more.items():
        if key not in ("list", "outcome", "edit"):
            part[key] = value
    if more.get("list"):
        part["valueElementDataBindingReferenceId"] = {"id": guid(40)}
        part["columns"] = [
            {"typeElementPropertyId": p, "label": label, "order": i,
             "isDisplayValue": True,
             "isEditable": bool(more.get("edit")) and p == PRICE}
            for i, (p, label) in enumerate([(NAME, "What"), (PRICE, "Price")])]
    return part


def thing(name, price):
    return {"externalId": name, "developerName": "Thing",
            "typeElementId": THING, "properties": [
                {"typeElementPropertyId": NAME, "developerName": "Name",
                 "contentValue": name},
                {"typeElementPropertyId": PRICE, "developerName": "Price",
                 "contentValue": price}]}


def value(number, name, content, **more):
    kind = {"typeElementId": THING} if content in (
        "ContentObject", "ContentList") else {}
    return {"id": guid(number), "developerName": name, "contentType": content,
            "access": "PRIVATE", **kind, **more}


def outcome(number, label, element, **more):
    return {"id": guid(number), "developerName": label, "label": label,
            "nextMapElementId": guid(element), "order": number,
            "pageActionBindingType": "SAVE", **more}


def gallery():
    rows = [(i, p) for i, p in enumerate(PARTS)]
    own = [outcome(400 + i, p[3]["outcome"], 21, pageObjectBindingId=guid(
        100 + i), isBulkAction=False) for i, p in rows if "outcome" in p[3]]
    return {
        "id": {"id": FLOW, "versionId": VERSION}, "developerName": "Gallery",
        "isDefault": True, "startMapElementId": guid(10),
        "mapElements": [
            {"id": guid(10), "elementType": "START",
             "outcomes": [outcome(11, "Begin", 20)]},
            {"id": guid(20), "elementType": "input", "developerName": "All",
             "pageElementId": guid(50), "outcomes": [
                 outcome(12, "Send", 21), outcome(
                     13, "Later", 21, pageActionBindingType="NO_SAVE"), *own]},
            {"id": guid(21), "elementType": "step", "developerName": "Sent",
             "userContent": "<p>Sent by {![Name]}.</p>"}],
        "typeElements": [{"id": THING, "developerName": "Thing", "properties": [
            {"id": NAME, "developerName": "Name",
             "contentType": "ContentString"},
            {"id": PRICE, "developerName": "Price",
             "contentType": "ContentNumber"}]}],
        "valueElements": [
            value(40, "Things", "ContentList", defaultObjectData=[
                thing("Saddle", "30"), thing("Bell", "5"),
                thing("Lamp", "12")]),
            *[value(200 + i, p[1] or p[0], p[2] or "ContentString")
              for i, p in rows]],
        "pageElements": [{
            "id": guid(50), "developerName": "All", "label": "Every part",
            "pageContainers": [
                {"id": guid(51), "containerType": "VERTICAL_FLOW", "order": 0},
                {"id": guid(52), "containerType": "HORIZONTAL_FLOW",
                 "order": 1},
                {"id": guid(53), "containerType": "GROUP", "order": 2,
                 "label": "Lists and pictures"}],
            "pageComponents": [component(i, *p) for i, p in rows]}]}


def look(browser, name):
    if SCREENSHOTS:
        browser.screenshot(os.path.join(SCREENSHOTS, f"{name}.png"))


def part(label):
    """Where the part with this label stands."""
    [at] = [i for i, p in enumerate(PARTS) if p[1] == label]
    return f"c-{guid(100 + at)}"


def each_has_a_name(browser):
    for _, label, _, _ in PARTS:
        if label not in ("", "Not seen", "This or that"):
            same("name", browser.name_of(f"[id='{part(label)}']"), label)
    same("a group's", browser.name_of("[role=radiogroup]"), "This or that")
    same("one of it", browser.name_of(f"[id='{part('This or that')}-1']"),
         "Bell")
    for row, name in enumerate(("Saddle", "Bell", "Lamp")):
        same("a button in a row", browser.name_of(
            f"[id='{part('Rows')}-{row}'] button"), f"Take {name}")
        same("a field in a row", browser.name_of(
            f"[id='{part('Prices')}-{row}'] input"), f"Price, {name}")
    same("parts that are not for the eye", browser.script(
        "return document.getElementById(arguments[0])", part("Not seen")),
        None)


def go_to(browser, wanted):
    """By the tabulator alone."""
    for _ in range(60):
        if browser.focused() == wanted:
            return
        browser.keys(TAB)
    truth(f"{wanted} can be reached", False)


def by_keys_alone(browser):
    go_to(browser, part("Age"))
    browser.keys("36" + ENTER)          # sends what is not complete
    browser.shows("form", "This field is required")
    wait_for("taken to what is wrong",
             lambda: browser.focused() == part("Name"))
    look(browser, "parts-refused")
    same("what was typed is there", browser.value("Age"), "36")
    browser.keys("Ada")
    go_to(browser, part("Agreed"))
    browser.keys(SPACE)
    go_to(browser, part("Given"))       # may be read, not changed
    browser.keys("x")
    same("given", browser.value("Given"), "")
    go_to(browser, part("Remarks"))
    browser.keys("none")
    go_to(browser, f"{part('This or that')}-0")
    browser.keys(SPACE)
    for row in (0, 2):
        go_to(browser, f"{part('Rows')}-{row}")
        browser.keys(SPACE)
        same("stays there", browser.focused(), f"{part('Rows')}-{row}")
    same("chosen", browser.script(
        "return [...document.querySelectorAll(arguments[0])].map((r) => "
        "r.getAttribute('aria-selected'))",
        f"[id='{part('Rows')}'] tbody tr"), ["true", "false", "true"])
    look(browser, "parts-filled")
    go_to(browser, f"o-{guid(12)}")
    browser.keys(ENTER)
    browser.shows("form", "Sent by Ada.")


def on_a_narrow_screen(browser):
    for width in (320, 390):
        browser.narrow(width)
        browser.open(PLAYER)
        browser.shows("h1", "Every part")
        truth("nothing stands out of it", browser.script(
            "return document.documentElement.scrollWidth") <= width)
        look(browser, f"parts-{width}")


@story
def main():
    with tempfile.TemporaryDirectory() as flows:
        with open(f"{flows}/gallery.json", "w") as f:
            json.dump(gallery(), f)
        with Platform(regions=["GB"], embedded=1, flows=flows) as platform, \
                Browser({HOST: platform["GB"].plain}) as browser:
            browser.open(PLAYER)
            browser.shows("h1", "Every part")
            each_has_a_name(browser)
            by_keys_alone(browser)
            on_a_narrow_screen(browser)
            same("complaints", browser.log(), [])
