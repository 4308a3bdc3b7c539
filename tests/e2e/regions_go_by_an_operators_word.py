#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An operator takes a region down, drains it, holds it up: requests follow at
once, everybody is told why, the word outlives a crash of the edge and a
restart of the service, and ends by itself."""
import json
import os
import signal

from lib import Platform, address_in, portolan, same, story, truth, wait_for

from crashed_processes_come_back import process_of

NUMBER = {"US": 0, "GB": 1}           # their places in the map


def region(edge, *words, expect=0):
    out, err = portolan("ctl", "region", *words, "-c", edge.config_file,
                        expect=expect)
    return out + err


def backend(edge, path="/api/run/1/x", fields=(), of="GB"):
    answer = edge.get(path, fields, of=of)
    return answer["X-ManyWho-Region-Backend"] or answer.status


def born_in(name):
    """A state's id: two bits of layout, and the region in the next six."""
    return f"{0x40 | NUMBER[name]:02x}000000-0000-8000-8000-000000000000"


@story
def main():
    with Platform(regions=["US", "GB"]) as platform:
        us, gb = platform["US"], platform["GB"]
        same("at first", backend(us), "GB")
        same("nothing is said", region(us), "all regions as their probes "
             "say\n")

        said = region(us, "GB", "down", "--for", "30m", "--reason",
                      'fibre "cut" & more')
        truth(f"until and why: {said}",
              "GB: down until " in said and 'fibre "cut" & more' in said)
        same("down", backend(us), "US")
        same("metric", us.metric("portolan_region_override", region="GB",
                                 state="down"), 1)
        truth("listed", 'fibre "cut" & more' in region(us))
        status, _ = portolan("ctl", "status", "-c", us.config_file)
        truth("status: " + status, "down by an operator's word of" in status)
        truth("readyz", "region GB: down until" in us.admin(
            "/readyz?verbose").body.decode())
        code, out, _ = portolan("explain", "-c", us.config_file, "--ip",
                                address_in("GB"), "--path", "/api/run/1/x",
                                expect=None)
        same("forwarded still", code, 0)
        truth("explain: " + out, "GB, by map: dropped: down (an operator's "
              "word: down until" in out)
        gb_word = json.loads(portolan("ctl", "status", "--json", "-c",
                                      us.config_file)[0])["regions"]
        same("json", [r["by_operator"]["state"] for r in gb_word
                      if "by_operator" in r], ["down"])

        os.kill(process_of(us, "edge"), signal.SIGKILL)
        us.wait_ready()
        same("after a crash", backend(us), "US")
        us.stop()
        us.start()
        us.wait_ready()
        same("after a restart", backend(us), "US")
        region(us, "GB", "auto")
        wait_for("GB again", lambda: backend(us) == "GB")

        region(us, "GB", "down", "--for", "1s")
        same("down for a second", backend(us), "US")
        wait_for("it has expired", lambda: backend(us) == "GB")
        us.says("has expired")
        same("nothing left", us.metric("portolan_region_override",
                                       region="GB"), 0)

        region(us, "GB", "drain")
        same("what begins", backend(us), "US")
        same("born there", backend(
            us, f"/api/run/1/state/{born_in('GB')}"), "GB")
        same("born there, says the header", backend(
            us, "/api/service/1/data",
            [("ManyWhoState", born_in("GB"))]), "GB")
        same("born elsewhere", backend(
            us, f"/api/run/1/state/{born_in('US')}"), "US")
        region(us, "GB", "auto")

        # Its own edge, told so of itself, is taken out by the others.
        region(gb, "GB", "down")
        same("unready", gb.admin("/readyz").status, 503)
        wait_for("US knows", lambda: backend(us) == "US")
        region(gb, "GB", "auto")
        wait_for("US knows again", lambda: backend(us) == "GB")

        platform.origin("GB").healthy = False
        wait_for("GB fails its probes",
                 lambda: "GB" not in gb.regions_up())
        same("by its probes", gb.get("/api/run/1/x", of="GB")[
            "X-ManyWho-Region-Backend"], "US")
        region(gb, "GB", "up")
        same("by an operator's word", gb.get("/api/run/1/x", of="GB")[
            "X-ManyWho-Region-Backend"], "GB")

        truth("no such region", "no such region" in region(
            us, "XX", "down", expect=1))
        truth("the nearest", "did you mean GB?" in region(
            us, "gb", "down", expect=1))
        truth("no such word", "down, drain, up or auto" in region(
            us, "GB", "sideways", expect=1))
