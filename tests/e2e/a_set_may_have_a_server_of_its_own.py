#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Whoever replicates from a server may copy all of it, whichever database he is
let into.  So the databases of sets may be on servers of their own, by a port of
theirs: what GB alone may have is then in no file of the server that US
replicates from, and in the one of both it is replicated as ever."""
from lib import portolan, same, story, truth, wait_for
from lib.mesh import Mesh
from lib.sets import begin_in, in_files, restrict, say, where

MARK = "Eccentrica"                     # what people type


def is_told(mesh, region, yes):
    """Of sets beside the others, by the check of the configuration."""
    out, err = portolan("check", "-c", mesh.config(region), expect=None)[1:]
    same(f"{region}: {out}{err}", "may copy the whole server" in out + err,
         yes)


@story
def main():
    with Mesh(["US", "GB"], sets=["US", "GB", "GB US"],
              apart=["GB", "GB US"]) as mesh:
        mesh.join()
        for region in mesh.regions:
            mesh.store(region, "check", admin=False)
        is_told(mesh, "US", True)
        is_told(mesh, "GB", False)
        with mesh.platform:
            restrict(mesh, "GB")
            wait_for("the restriction is in force",
                     lambda: begin_in(mesh, "GB", "flow_gb"), 60)
            path, state = begin_in(mesh, "GB", "flow_gb")
            say(mesh, "GB", path, MARK)
            same("it is in", where(mesh, state), {("GB", "flow_gb"): "GB"})
            words = MARK.encode(), bytes.fromhex(state.replace("-", ""))
            truth("it is found there", in_files(
                mesh.apart["GB", "flow_gb"], "base/**/*", words[1]))
            for server in [*mesh.servers.values(),
                           *(mesh.apart[r, "flow_gb_us"]
                             for r in mesh.regions)]:
                same("and in no other server", in_files(
                    server, "**/*", *words), False)

            restrict(mesh, "GB", "US")
            both = {(r, "flow_gb_us"): "GB" for r in mesh.regions}
            wait_for("both have it", lambda: where(mesh, state) == both, 60)
            say(mesh, "US", path, MARK)
            both = {(r, "flow_gb_us"): "US" for r in mesh.regions}
            wait_for("both know", lambda: where(mesh, state) == both, 60)
            for server in mesh.servers.values():
                same("not in the one of all", in_files(
                    server, "**/*", *words), False)
            mesh.store("GB", "verify", "--wait", 30, admin=False)
