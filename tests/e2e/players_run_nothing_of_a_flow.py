#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What the author of a flow writes, and what its users type into it, is shown
by the player and never run: in a real browser no script, handler, frame, style
or address of another scheme comes through, whatever is tried and wherever it
stands, and the page's policy has nothing left to stop."""
import json
import os
import tempfile

from lib import Platform, same, story, truth
from lib.browser import Browser
from lib.engine import TENANT

HOST = "gb.flow.example.com"
RUN = "window.ran = (window.ran ?? 0) + 1"
BAD = f"<img src=x onerror='{RUN}'><script>{RUN}</script>"
CONTENT = BAD + f"""
<p onclick="{RUN}" style="position:fixed" id="page" class="c">Words</p>
<a id=l href="javascript:{RUN}">1</a><a href=" java&#10;script:{RUN}">2</a>
<a href="data:text/html,<script>{RUN}</script>">3</a>
<a href="vbscript:x">4</a><a href="https://a.example/">5</a>
<a href="/here" target="_blank" ping="https://a.example/">6</a>
<svg onload="{RUN}"><script>{RUN}</script><a href="javascript:{RUN}">7</a>
<animate onbegin="{RUN}" attributeName=x dur=1s></svg>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1
 onerror={RUN}&gt;"></math>
<iframe srcdoc="{BAD}"></iframe><object data="data:text/html,x"></object>
<embed src="javascript:{RUN}"><base href="https://a.example/">
<meta http-equiv="refresh" content="0;url=https://a.example/">
<link rel="stylesheet" href="https://a.example/x.css"><style>*{{display:none}}
</style><form action="https://a.example/"><input name="attributes" autofocus
 onfocus="{RUN}"><button formaction="javascript:{RUN}">8</button></form>
<img src="javascript:{RUN}"><img src="data:image/svg+xml,<svg onload='{RUN}'/>">
<img name="getElementById" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<template><img src=x onerror="{RUN}"></template><noscript><p title="</noscript>
{BAD}"></noscript><details open ontoggle="{RUN}">9</details>
<video><source onerror="{RUN}"></video><p>Told: {{![Told]}}</p><b>End</b>
"""
# Whatever is neither of the player's own making nor of its list of elements.
STRANGE = """
const own = new Set(`a abbr b blockquote br caption code dd div dl dt em h1 h2
    h3 h4 h5 h6 hr i img li ol p pre q s small span strong sub sup table tbody
    td tfoot th thead tr u ul button input label select option fieldset legend
    textarea`.split(/\\s+/));
const found = [];
for (const e of document.querySelectorAll("#page *")) {
    if (!own.has(e.tagName.toLowerCase()))
        found.push(e.tagName);
    for (const a of e.attributes)
        if (/^(on|style$|target$|ping$|name$|formaction$|srcdoc$)/.test(a.name))
            found.push(e.tagName + " " + a.name);
    for (const at of [e.getAttribute("href"), e.getAttribute("src")])
        if (at && !/^(https:\\/\\/a.example\\/|\\/here|data:image\\/gif)/.test(at))
            found.push(at);
}
return found;
"""


def guid(number):
    return f"00000000-0000-0000-0000-{number:>012}"


def part(number, kind, **more):
    return {"id": guid(number), "developerName": BAD, "label": BAD,
            "componentType": kind, "pageContainerId": guid(51),
            "order": number, "helpInfo": BAD, "hintValue": BAD, **more}


def step(number, content, to=None):
    return {"id": guid(number), "elementType": "step", "developerName": BAD,
            "userContent": content, "outcomes": [] if to is None else [
                {"id": guid(number + 100), "developerName": BAD,
                 "label": "Go on", "nextMapElementId": guid(to)}]}


FLOW = {
    "id": {"id": guid(1), "versionId": guid(2)}, "developerName": BAD,
    "isDefault": True, "startMapElementId": guid(10),
    "mapElements": [
        {"id": guid(10), "elementType": "START", "outcomes": [
            {"id": guid(11), "developerName": "x",
             "nextMapElementId": guid(20)}]},
        {"id": guid(20), "elementType": "input", "developerName": BAD,
         "pageElementId": guid(50), "outcomes": [
             {"id": guid(12), "developerName": BAD, "label": BAD,
              "nextMapElementId": guid(21), "order": 1}]},
        step(21, CONTENT, 22), step(22, "<h2>Last</h2>" + BAD)],
    "valueElements": [{"id": guid(40), "developerName": "Told",
                       "contentType": "ContentString", "access": "PRIVATE"}],
    "pageElements": [{
        "id": guid(50), "developerName": BAD, "label": BAD,
        "pageContainers": [{"id": guid(51), "containerType": "GROUP",
                            "order": 0, "label": BAD}],
        "pageComponents": [
            part(61, "PRESENTATION", content=CONTENT),
            part(62, "INPUT", label="Told",
                 valueElementValueBindingReferenceId={"id": guid(40)}),
            part(63, "IMAGE", imageUri=f"javascript:{RUN}"),
            part(64, "IMAGE", imageUri="data:image/svg+xml,<svg/>"),
            part(65, f"<img src=x onerror='{RUN}'>")]}],
}


def nothing_ran(browser, where):
    same(f"strange things {where}", browser.script(STRANGE), [])
    for css in ("#page a", "#page p", "#page img", "#page b"):
        browser.script("document.querySelectorAll(arguments[0]).forEach((e) =>"
                       " { if (!e.href) e.click(); })", css)
    same(f"what ran {where}", browser.script("return window.ran ?? 0"), 0)
    truth("the page is where it was", HOST in browser.address())


@story
def main():
    with tempfile.TemporaryDirectory() as flows:
        with open(os.path.join(flows, "bad.json"), "w") as f:
            json.dump(FLOW, f)
        with Platform(regions=["GB"], embedded=1, flows=flows) as platform, \
                Browser({HOST: platform["GB"].plain}) as browser:
            browser.open(f"http://{HOST}/{TENANT}/play/default?flow-id="
                         f"{guid(1)}")
            browser.shows("h1", BAD)
            browser.shows("form", "End")
            same("as text", browser.text("legend"), BAD)
            nothing_ran(browser, "on a page")
            same("links that stay", browser.script(
                "return [...document.querySelectorAll('#page a[href]')]"
                ".map((a) => a.textContent)"), ["5", "6"])
            browser.type("Told", BAD)
            browser.click(f"[id='o-{guid(12)}']")
            browser.shows("form", "Told: ")
            nothing_ran(browser, "in a step")
            browser.press("Go on")
            browser.shows("form h2", "Last")
            nothing_ran(browser, "at the end")
