# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""States that some regions alone may have: where they are, and who types what
in them."""
import glob
import json

from .engine import (AGAIN, AGE_INPUT, FLOW, NAME_INPUT, NEXT, TENANT,
                     invoke_body)
from .mesh import ask, begin
from .platform import yaml_text
from .story import same


def restrict(mesh, *countries):
    mesh.platform.write("restrictions.yaml", yaml_text({
        "version": 1, "tenants": {TENANT: {"flows": {FLOW: {
            "restrictions": {} if not countries else {"execution": {
                "enabled": True, "countries": list(countries)}}}}}}}))
    for region in mesh.regions:
        mesh.platform[region].reload()


def say(mesh, region, path, name):
    """Types that name, and comes back to the page."""
    edge, of = mesh.platform[region], {"EU": "DE"}.get(region, region)
    host = {"host": f"{region.lower()}.flow.example.com"}
    answer = ask(edge, of, "GET", path, **host)
    same("joined", answer.status, 200)
    for outcome, inputs in ((NEXT, {NAME_INPUT: name, AGE_INPUT: "12"}),
                            (AGAIN, {})):
        body = invoke_body(json.loads(answer.body), inputs=inputs,
                           outcome=outcome)
        answer = ask(edge, of, "POST", path, body, **host)
        same(f"typed: {answer.body}", answer.status, 200)


def where(mesh, state):
    """{(region, database): its home there} of all databases that have it."""
    found = {}
    for region in mesh.regions:
        for database, server in mesh.databases(region):
            home = server.ask(database, "select home from flow.state where "
                              f"id = '{state}' order by epoch desc limit 1")
            if home:
                found[region, database] = home
    return found


def in_files(server, pattern, *words):
    """Whether any of them stands in these files of the server."""
    server.ask("postgres", "checkpoint")
    for name in glob.glob(f"{server.dir}/data/{pattern}", recursive=True):
        try:
            with open(name, "rb") as f:
                data = f.read()
        except OSError:
            continue                    # a directory, or gone meanwhile
        if any(word in data for word in words):
            return True
    return False


def begin_in(mesh, region, database, **how):
    """A run that is made there: its path, its state."""
    path, _ = begin(mesh.platform[region], region, **how)
    state = path.split("/")[-1]
    return (path, state) if (region, database) in where(mesh, state) else None
