#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""`map diff` names each country that changes region, the share of the address
space that does, and the restricted flows whose requests go elsewhere; like
diff it tells by its exit code whether anything differs."""
import json
import os
import tempfile

from lib import portolan, same, story, truth
from lib.addresses import DATA, WORLD

OLD = os.path.join(DATA, "region-map-6.yaml")
TENANT = "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"
CONFIG = {"region": "US", "main_region": "US", "regions": OLD,
          "listeners": [{"name": "plain", "address": "127.0.0.1:0"}],
          "hosts": {"global": ["flow.example.com"]},
          "geo": {"database": WORLD, "warn_age": "9999d", "max_age": "9999d"},
          "policy": {"restrictions": "restrictions.yaml"}}
RESTRICTIONS = {"version": 1, "tenants": {TENANT: {"flows": {FLOW: {
    "restrictions": {"execution": {"enabled": True, "unions": [],
                                   "continents": ["EU", "OC"]}}}}}}}


def edited(text):
    for was, is_now in (("  GL: CA\n", "  GL: GB\n"),      # Greenland
                        ("  SA: US\n", "  SA: EU\n"),      # South America
                        ("# networks:\n", "networks:\n"),
                        ("#   10.20.0.0/16: AU ", "  10.20.0.0/16: AU "),
                        ("fallback: [CA, GB, EU, AU, SG]",
                         "fallback: [CA, EU, GB, AU, SG]")):
        truth(f"{was!r} is in the map", was in text)
        text = text.replace(was, is_now)
    return text


@story
def main():
    with open(OLD) as f, tempfile.TemporaryDirectory() as folder:
        new, config = (os.path.join(folder, n) for n in ("new.yaml", "c.yaml"))
        with open(new, "w") as out:
            out.write(edited(f.read()))
        with open(config, "w") as out:
            json.dump(CONFIG, out)
        with open(os.path.join(folder, "restrictions.yaml"), "w") as out:
            json.dump(RESTRICTIONS, out)

        out, _ = portolan("map", "diff", OLD, OLD)
        same("itself", out, "no difference\n")

        out, _ = portolan("map", "diff", "-c", config, new, "--json", expect=1)
        d = json.loads(out)
        places = {c["key"]: (c["from"], c["to"]) for c in d["places"]}
        same("Greenland", places["GL"], (["CA"], ["GB"]))
        same("Brazil, by its continent", places["BR"], (["US"], ["EU"]))
        same("its continent", places["continent:SA"], (["US"], ["EU"]))
        truth("France stays", "FR" not in places)
        # Greenland, the continent as such, and its 14 countries.
        same("places", len(places), 1 + 1 + 14)
        same("networks", [(c["key"], c["from"], c["to"])
                          for c in d["networks"]],
             [("10.20.0.0/16", None, ["AU"])])
        same("fallbacks", [c["key"] for c in d["fallbacks"]], ["US"])
        # 15 of 250 countries, each with one network of the same size.
        same("IPv4", round(d["ip4"]["share"], 4), 15 / 250)
        same("IPv6", round(d["ip6"]["share"], 4), 15 / 250)
        # Under the restriction Brazil went to GB, which was first in the
        # fallback of US, and goes to EU now; and so does the rest of NA.
        moves = {m["place"]: (m["from"], m["to"]) for m in d["flows"][0]["moves"]}
        same("the flow", d["flows"][0]["flow"], FLOW)
        same("its requests from Brazil", moves["BR"], ("GB", "EU"))
        same("its requests from Mexico", moves["MX"], ("GB", "EU"))
        truth("those from France stay", "FR" not in moves)

        out, _ = portolan("map", "diff", "-c", config, new, expect=1)
        for words in ("16 places change region:", "  GL           Greenland",
                      "6.000 % of located IPv4 space changes region",
                      f"flow {FLOW}", "fallback of US: CA GB EU AU SG -> "
                      "CA EU GB AU SG"):
            truth(f"{words!r} in {out}", words in out)

        _, err = portolan("map", "diff", OLD, expect=2)
        truth(err, "give OLD and NEW" in err)
        with open(new, "a") as out:
            out.write("  XX: GB\n")
        _, err = portolan("map", "diff", OLD, new, expect=2)
        truth(f"its mistakes: {err}", f"{new}:" in err)
        _, err = portolan("map", "diff", OLD, OLD, "--database", OLD, expect=2)
        truth(f"no database: {err}", "region-map-6.yaml" in err)
