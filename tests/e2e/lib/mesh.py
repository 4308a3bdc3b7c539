# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Regions with a PostgreSQL server each, joined by what the product sets up."""
import json
import os
import re
import threading

from .addresses import ROOT
from .command import portolan
from .engine import FLOW, TENANT, invoke_body
from .platform import Platform
from .postgres import Postgres, Tap
from .story import Failed, wait_for


def at_once(work, items):
    """work(item) for each, in threads; the first failure is raised."""
    failures = []

    def run(item):
        try:
            work(item)
        except BaseException as e:      # told where it can be raised
            failures.append(e)

    threads = [threading.Thread(target=run, args=(item,)) for item in items]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def database_of(regions):
    return "flow_" + "_".join(sorted(regions)).lower()


class Mesh:
    """with Mesh(["US", "GB"]) as mesh: servers with schemas, not joined yet;
    mesh.join(); with mesh.platform: ...

    All that regions ask of each other's servers goes through mesh.ways[of].
    sets, as ["GB", "EU GB"], have databases of their own (flow_gb, flow_eu_gb)
    in their regions, and engines of other regions names of their own.  Those
    of apart have servers of their own, which are reached by other ports.
    """

    def __init__(self, regions, embedded=1, settings=None, sets=(), apart=(),
                 **platform):
        self.regions = list(regions)
        self.sets = {r: [s.split() for s in sets if r in s.split()]
                     for r in self.regions}
        self.ports = {database_of(s.split()): 5433 + i
                      for i, s in enumerate(apart)}
        how = {"wal_retrieve_retry_interval": 200,
               "max_logical_replication_workers": 12,
               "max_worker_processes": 16, **(settings or {})}
        names = {r: [database_of(s) for s in self.sets[r]]
                 for r in self.regions}
        self.servers = {r: Postgres(["flow", *(n for n in names[r] if
                                               n not in self.ports)], **how)
                        for r in self.regions}
        self.apart = {(r, n): Postgres([n], **how) for r in self.regions
                      for n in names[r] if n in self.ports}
        self.ways = {}
        self.embedded, self.of_platform = embedded, platform
        self.platform = None

    def __enter__(self):
        try:
            at_once(lambda s: s.__enter__(), [*self.servers.values(),
                                              *self.apart.values()])
            self.ways = {r: Tap(s) for r, s in self.servers.items()}
            self.open_ports()
            self.platform = Platform(
                regions=self.regions, embedded=self.embedded, settings_of={
                    r: {"store": self.store_of(r)} for r in self.regions},
                **{"flows": os.path.join(ROOT, "conf/flows"),
                   **self.of_platform})
            at_once(self.prepare, self.regions)
        except BaseException:
            self.__exit__(Failed)
            raise
        return self

    def __exit__(self, kind=None, *exc):
        for server in [*self.servers.values(), *self.apart.values()]:
            server.__exit__(kind)

    def open_ports(self):
        """A server's other ports are in its directory, as UNIX sockets are."""
        for (region, database), server in self.apart.items():
            for way in self.servers[region].dir, self.ways[region].dir:
                os.symlink(f"{server.dir}/.s.PGSQL.5432",
                           f"{way}/.s.PGSQL.{self.ports[database]}")

    def databases(self, region):
        """Each database of that region, and the server that it is on."""
        server = self.servers[region]
        return [(n, server) for n in server.databases] + [
            (n, s) for (r, n), s in self.apart.items() if r == region]

    def store_of(self, region):
        sets = self.sets[region]
        user = f"engine_{region.lower()}" if any(self.sets.values()) else \
            "flow_engine"
        store = {"postgres": self.servers[region].conninfo("flow"),
                 "peers": {o: self.ways[o].conninfo("flow", user)
                           for o in self.regions if o != region}}
        if sets:
            store["sets"] = [{"regions": s, "database": database_of(s),
                              "port": self.ports.get(database_of(s), 0)}
                             for s in sets]
        return store

    def admin(self, region):
        return self.servers[region].conninfo("flow", "postgres")

    def config(self, region):
        return self.platform[region].config_file

    def store(self, region, *args, admin=True, **how):
        """portolan store ARGS for that region's server."""
        given = ["--admin", self.admin(region)] if admin else []
        return portolan("store", *args, "-c", self.config(region), *given,
                        **how)

    def prepare(self, region):
        self.platform[region].write_config()
        self.store(region, "init")

    def follow(self, region, other, **how):
        """region gets what other publishes for it."""
        return self.store(region, "region", "add", other, "--from",
                          self.ways[other].conninfo(
                              "flow", f"repl_{region.lower()}"), **how)

    def hears(self, region, other, yes):
        """Whether what other publishes comes to region.  If not, no more of it
        comes once this has returned: who applies it has ended."""
        name = f"{region.lower()}_from_{other.lower()}"
        self.ask(region, f"alter subscription {name} "
                 + ("enable" if yes else "disable"))
        if not yes:
            wait_for(f"{name} has ended", lambda: self.ask(
                region, "select count(*) from pg_stat_subscription where "
                f"subname = '{name}' and pid is not null") == "0", 30)

    def join(self, regions=None, together=False):
        regions = regions or self.regions
        pairs = [(here, o) for here in regions for o in regions if o != here]
        if together:
            at_once(lambda pair: self.follow(*pair), pairs)
        for pair in [] if together else pairs:
            self.follow(*pair)
        self.wait_joined(regions)

    def pairs(self, region):
        """What store region status says, by name and direction."""
        _, out, err = self.store(region, "region", "status", "--json",
                                 admin=False, expect=None)
        if not out.startswith("["):
            raise Failed(f"no status of {region}: {out}{err}")
        return {(p["name"], p["direction"]): p for p in json.loads(out)}

    def wait_joined(self, regions=None, seconds=40):
        regions = regions or self.regions

        def among(name):
            return all(r.upper() in regions for r in
                       name.split("_in_")[0].split("_from_"))

        wait_for("all follow each other", lambda: all(
            p["good"] for r in regions for (name, _), p in
            self.pairs(r).items() if among(name)), seconds)

    # --- rows, as an engine would write them

    def ask(self, region, sql):
        return self.servers[region].ask("flow", sql)

    def rows(self, region, home):
        """{id: version} of the states at home there, as region has them."""
        lines = self.ask(region, "select id, version from flow.state_"
                         f"{home.lower()}").splitlines()
        return {line.split("|")[0]: int(line.split("|")[1])
                for line in lines}

    def fill(self, home, count, allowed=-1, size=100, flow=FLOW):
        self.ask(home, f"""insert into flow.state_{home.lower()} (id, home,
            allowed, epoch, version, done, tenant, flow, created_ms,
            updated_ms, expires_ms, body) select gen_random_uuid(), '{home}',
            {allowed}, 1, 1, false, '{TENANT}', '{flow}', 1, 1, 0,
            convert_to(repeat(md5(g::text), {size} / 32 + 1), 'UTF8')
            from generate_series(1, {count}) g""")


def with_successor(text, successors, region="GB"):
    """The map in which those have what the lost region had; []: it lives."""
    text = re.sub(r'"successor": \[[^]]*\], ', "", text)
    if successors:
        text = text.replace(f'"{region}": {{"name"', f'"{region}": {{'
                            f'"successor": {json.dumps(successors)}, "name"')
        if '"successor"' not in text:
            raise Failed(f"{region} is not in the map: {text}")
    return text


def give_map(mesh, regions, text, name="regions.yaml"):
    """Written, and in service in these, which read that file; their engines
    have it, too."""
    mesh.platform.write(name, text)
    for region in regions:
        edge = mesh.platform[region]
        before = edge.errors().count(": reloaded, ")
        portolan("ctl", "reload", "-c", edge.config_file)
        wait_for(f"engines of {region} have it", lambda e=edge, n=before:
                 e.errors().count(": reloaded, ") > n, 30)


def ask(edge, of, method, path, body=None, tenant=TENANT, **how):
    answer = edge.ask(method, path, [
        ("ManyWhoTenant", tenant), ("Content-Type", "application/json")],
        None if body is None else json.dumps(body).encode(), of, **how)
    return answer


def begin(edge, of, tenant=TENANT, flow=FLOW, **how):
    """To the first page of a run: its path, and the page."""
    answer = ask(edge, of, "POST", "/api/run/1", {
        "flowId": {"id": flow, "versionId": None}}, tenant, **how)
    if answer.status != 200:
        raise Failed(f"not begun: {answer.status} {answer.body}")
    last = json.loads(answer.body)
    path = f"/api/run/1/state/{last['stateId']}"
    answer = ask(edge, of, "POST", path, invoke_body(last), tenant, **how)
    if answer.status != 200:
        raise Failed(f"not at its page: {answer.status} {answer.body}")
    return path, json.loads(answer.body)
