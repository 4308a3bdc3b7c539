# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""API keys, and those who build flows with them."""
import json

from .command import portolan
from .story import same, wait_for


def make_key(engine, tenant, role="builder"):
    out, _ = portolan("apikey", "create", "-c", f"{engine.dir}/portolan.yaml",
                      "--store", f"{engine.dir}/state", "--tenant", tenant,
                      "--role", role, "--name", "story", "--json")
    return json.loads(out)


class Builder:
    def __init__(self, engine, key, tenant):
        self.engine, self.key, self.tenant = engine, key, tenant

    def ask(self, method, path, body=None, status=200):
        answer = self.engine.ask(method, path, body, tenant=self.tenant,
                                 fields=[("x-boomi-flow-api-key", self.key)])
        same(f"status of {method} {path}: {answer.body[:300]!r}",
             answer.status, status)
        return json.loads(answer.body)

    def get(self, path, status=200):
        return self.ask("GET", path, None, status)

    def post(self, path, body, status=200):
        return self.ask("POST", path, body, status)


def known(engine, key, tenant):
    """Keys are known within a second of being made."""
    return wait_for("the key is known", lambda: engine.ask(
        "GET", "/api/admin/1/tenant", tenant=tenant,
        fields=[("x-boomi-flow-api-key", key)]).status == 200, 10)
