# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A platform of one or several regions on loopback: files, processes, ends.

The engines of each region are scripted origins of the story, or embedded
workers (embedded=2).  Everything is below one temporary directory that goes
when the story ends; KEEP=1 keeps it and says where it is.
"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

from .addresses import DATA, HOST, WORLD, address_in, free_port
from .client import Client
from .command import PROGRAM, no_sanitizer_report, portolan
from .http import ProtocolError
from .origin import PROBE_PATH, Origin
from .successor import Successor
from .story import SCALE, Failed, wait_for

LOCATIONS = {
    "US": ("US", "NA", 38.95, -77.45), "CA": ("CA", "NA", 45.50, -73.57),
    "EU": ("DE", "EU", 50.11, 8.68), "GB": ("GB", "EU", 51.51, -0.13),
    "AU": ("AU", "OC", -33.87, 151.21), "SG": ("SG", "AS", 1.35, 103.82),
}
GLOBAL_HOST = "flow.example.com"


def merge(base, over):
    """over laid on base, mappings into each other; None takes a key out."""
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def yaml_text(value):
    """JSON is YAML's flow style, and no scalar of it can be misread."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def region_map_text(regions, engines):
    """One of the default maps, with these regions alone in it."""
    name = "3" if set(regions) <= {"US", "GB", "AU"} else "6"
    with open(os.path.join(DATA, f"region-map-{name}.yaml")) as f:
        text = f.read()
    block = {}
    for region in regions:
        country, continent, lat, lon = LOCATIONS[region]
        block[region] = {
            "name": region,
            "location": {"city": region, "country": country,
                         "continent": continent, "lat": lat, "lon": lon},
            "hosts": [f"{region.lower()}.{GLOBAL_HOST}"],
            "engines": engines[region],
            "fallback": [r for r in regions if r != region],
        }
        if not engines[region]:
            del block[region]["engines"]
        if not block[region]["fallback"]:
            del block[region]["fallback"]
    line = "regions: " + json.dumps(block) + "\n\n"
    text = re.sub(r"(?ms)^regions:.*?(?=^\w)", lambda _: line, text)
    text = re.sub(r"(?m)^default: \w+", f"default: {regions[0]}", text)
    # Whoever is sent to a region that is not there goes to the first one.
    return re.sub(r"(?m)^(  [A-Z]{2}: )([A-Z]{2})\b",
                  lambda m: m.group(1) + (m.group(2) if m.group(2) in regions
                                          else regions[0]), text)


def config_of(edge, platform):
    """portolan.yaml of one edge: the one place that knows its keys."""
    listeners = [{"name": "plain", "address": "%s:%d" % edge.plain}]
    if edge.tls is not None:
        listeners.append({"name": "tls", "address": "%s:%d" % edge.tls,
                          "tls": {"certificate": "tls/site.pem",
                                  "key": "tls/site.key"}})
    config = {
        "region": edge.region,
        "main_region": platform.regions[0],
        "regions": "regions.yaml",
        "threads": 2,
        "run_dir": edge.run_dir,
        "hosts": {"global": [GLOBAL_HOST]},
        "client_address": {"trusted": ["127.0.0.0/8"]},
        # Slow is not down: only what does not answer at all is.
        "engines": {"probe": {"path": PROBE_PATH, "interval": "400ms",
                              "timeout": "400ms", "rise": 1,
                              "fall": 1 + round(4 * SCALE)}},
        "policy": {"restrictions": "restrictions.yaml"},
        "log": {"access": edge.access_file, "level": "debug"},
        "console": {"address": "%s:%d" % edge.console,
                    "socket": os.path.join(edge.run_dir, "admin.sock")},
        "timeouts": {"drain": "5s"},
        "listeners": listeners,
    }
    if platform.database is not None:
        config["geo"] = {"database": platform.database, "warn_age": "9999d",
                         "max_age": "9999d", "settle": "200ms"}
    if platform.embedded:
        config["engines"].update(
            embedded=platform.embedded, flows=platform.flows,
            store=os.path.join(edge.run_dir, "state"))
    if len(platform.edges) > 1:
        listeners.append({"name": "link", "kind": "link",
                          "address": "%s:%d" % edge.link})
        config["link"] = {
            "certificate": f"tls/{edge.region}.pem",
            "key": f"tls/{edge.region}.key", "ca": "tls/ca.pem",
            "peers": {other.region: ["%s:%d" % other.link]
                      for other in platform.edges.values()
                      if other is not edge},
        }
    return merge(merge(config, platform.settings),
                 platform.settings_of.get(edge.region, {}))


def openssl(directory, *args):
    done = subprocess.run(["openssl", *args], cwd=directory,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"openssl {args[0]}: {done.stderr}")


def make_certificate(directory, name, san, ca):
    """NAME.pem and NAME.key for that SAN; ca: None for a self-signed CA."""
    openssl(directory, "req", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
    with open(os.path.join(directory, f"{name}.ext"), "w") as f:
        f.write("basicConstraints=critical,CA:TRUE\n" if ca is None else
                "basicConstraints=CA:FALSE\n"
                "extendedKeyUsage=serverAuth,clientAuth\n"
                f"subjectAltName={san}\n")
    sign = ["-signkey", f"{name}.key"] if ca is None else \
        ["-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial"]
    openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem", *sign)


class Edge:
    """One `portolan run`: the edge of a region, with its engines."""

    def __init__(self, platform, region):
        self.platform, self.region = platform, region
        self.plain, self.link, self.console = ((HOST, free_port())
                                               for _ in range(3))
        self.tls = (HOST, free_port()) if platform.tls else None
        self.run_dir = os.path.join(platform.directory, f"run-{region}")
        self.config_file = os.path.join(platform.directory, f"{region}.yaml")
        self.access_file = os.path.join(platform.directory,
                                        f"access-{region}.log")
        self.error_file = os.path.join(platform.directory,
                                       f"error-{region}.log")
        self.process = None
        self.program = PROGRAM          # what is started, and upgraded
        self.ending = []                # masters that were upgraded
        os.mkdir(self.run_dir)

    # --- its life

    def write_config(self):
        with open(self.config_file, "w") as f:
            f.write(yaml_text(config_of(self, self.platform)))

    def start(self):
        self.write_config()
        with open(self.error_file, "ab") as err:
            self.process = subprocess.Popen(
                [self.program, "run", "-c", self.config_file], stdout=err,
                stderr=err, stdin=subprocess.DEVNULL,
                preexec_fn=self.limit_descriptors)

    def limit_descriptors(self):
        most = self.platform.descriptors
        if most is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def process_id(self, name="edge"):
        """Of a child, the last one that the master told of."""
        return int(re.findall(rf"{name} is process (\d+)",
                              self.errors())[-1])

    def errors(self):
        """What it wrote to standard error so far."""
        with open(self.error_file, errors="replace") as f:
            return f.read()

    def says(self, words, seconds=10):
        """Another process may tell it a moment after its effect is seen."""
        wait_for(f"the log of {self.region} says: {words}",
                 lambda: words in self.errors(), seconds)

    def reload(self):
        """To its end: `ctl reload` answers for the edge; the embedded engines
        are told at the same time, and each refuses with 421 what restrictions
        that it has not read yet would permit."""
        count = self.platform.embedded
        before = self.errors().count(": reloaded, ")
        portolan("ctl", "reload", "-c", self.config_file)
        wait_for(f"the engines of {self.region} have read it",
                 lambda: self.errors().count(": reloaded, ") >= before + count)

    def running(self):
        if self.process.poll() is not None:
            raise Failed(f"edge {self.region} ended with "
                         f"{self.process.returncode}:\n{self.errors()[-4000:]}")
        return True

    def ready(self):
        self.running()
        try:
            return self.admin("/readyz").status == 200
        except (OSError, ProtocolError):
            return False

    def wait_ready(self, seconds=20):
        try:
            wait_for(f"edge {self.region} ready", self.ready, seconds)
        except Failed as e:
            try:
                why = self.admin("/readyz?verbose").body.decode()
            except (OSError, ProtocolError) as no_answer:
                why = repr(no_answer)
            raise Failed(f"{e}\n{why}\n{self.errors()[-4000:]}") from None

    def regions_up(self):
        """The regions that this edge can reach at the moment."""
        status = json.loads(self.admin("/status").body)
        return {r["id"] for r in status["regions"] if r["up"]}

    def signal(self, number):
        self.process.send_signal(number)

    def succeeded(self):
        """After an upgrade: from now on this is the process that serves."""
        pid = re.findall(r"upgraded: process (\d+) serves", self.errors())[-1]
        if int(pid) != self.process.pid:
            self.ending.append(self.process)
            self.process = Successor(int(pid))

    def former_ends(self, seconds=20):
        """Masters that were upgraded; each must end well."""
        while self.ending:
            code = self.ending[0].wait(seconds * SCALE)
            if code != 0:
                raise Failed(f"an upgraded master ended with {code}:\n"
                             f"{self.errors()[-3000:]}")
            self.ending.pop(0)

    def stop(self, seconds=20):
        """TERM; its exit code.  Kills it, and fails, if it does not end."""
        if self.process is None:
            return 0
        for former in self.ending:      # a story that failed
            former.kill()
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds * SCALE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"edge {self.region} does not end on TERM:\n"
                         f"{self.errors()[-3000:]}") from None
        self.process = None
        no_sanitizer_report(self.errors(), f"edge {self.region}")
        return code

    # --- speaking to it

    def connect(self, **how):
        return Client(self.plain, **how)

    def connect_tls(self, name=GLOBAL_HOST, **how):
        return Client(self.tls, tls_name=name, **how)

    def admin(self, target, method="GET", body=None):
        with Client(self.console) as c:
            return c.ask(method, target, [("Host", "console"),
                                          ("Connection", "close")], body)

    def ask(self, method, target, fields=(), body=None, of=None,
            host=GLOBAL_HOST):
        """One request on a connection of its own.  of: a country (or an
        address) that the client is in, said by X-Forwarded-For."""
        fields = [("Host", host), *fields]
        if of is not None:
            if re.fullmatch("[A-Z]{2}", of):
                of = address_in(of)
            fields.append(("X-Forwarded-For", of))
        with self.connect() as c:
            return c.ask(method, target, fields, body)

    def get(self, target, fields=(), of=None, host=GLOBAL_HOST):
        return self.ask("GET", target, fields, None, of, host)

    def post(self, target, body, fields=(), of=None, host=GLOBAL_HOST):
        return self.ask("POST", target, fields, body, of, host)

    # --- what it wrote

    def access(self, count=1, seconds=10):
        """The access log as dicts, once there are that many lines."""
        def lines():
            try:
                with open(self.access_file) as f:
                    found = f.read().split("\n")[:-1]
            except FileNotFoundError:
                return None
            return [json.loads(line) for line in found] \
                if len(found) >= count else None
        return wait_for(f"{count} access lines of {self.region}", lines,
                        seconds)

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry these labels."""
        total, found = 0.0, False
        for line in self.admin("/metrics").body.decode().splitlines():
            m = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if m is None or m.group(1) != name:
                continue
            have = dict(re.findall(r'(\w+)="([^"]*)"', m.group(2) or ""))
            if all(have.get(k) == v for k, v in labels.items()):
                total += float(m.group(3))
                found = True
        if not found and not labels:
            raise Failed(f"no metric {name}")
        return total


class Platform:
    """Regions, their origins, their edges.

    regions       ids; the first one is the main region and the map's default
    edges         regions whose edge is started; all by default
    origins       {region: Origin or [Origin, ...]}; one that echoes by default
    embedded      so many embedded engines instead of origins; flows: their
                  directory of snapshots
    settings      laid over every portolan.yaml; settings_of: {region: ...}
    restrictions  restrictions.yaml as a mapping, or text
    map_text      regions.yaml as text, instead of a default map
    descriptors   the limit of open files of each process
    """

    def __init__(self, regions=("US",), edges=None, origins=None, embedded=0,
                 flows=None, settings=None, settings_of=None,
                 restrictions=None, map_text=None, database=WORLD, tls=False,
                 descriptors=None):
        self.regions = list(regions)
        self.embedded, self.flows, self.tls = embedded, flows, tls
        self.database = database
        self.descriptors = descriptors
        self.settings = settings or {}
        self.settings_of = settings_of or {}
        self.directory = tempfile.mkdtemp(prefix="pt-")
        self.origins = {}
        for region in [] if embedded else self.regions:
            given = (origins or {}).get(region) or Origin(region)
            self.origins[region] = given if isinstance(given, list) else [given]
        self.edges = {}
        for region in self.regions if edges is None else edges:
            self.edges[region] = Edge(self, region)
        self._write_files(restrictions, map_text)

    def _write_files(self, restrictions, map_text):
        if map_text is None:
            map_text = region_map_text(self.regions, {
                r: [o.url for o in self.origins.get(r, [])]
                for r in self.regions})
        self.write("regions.yaml", map_text)
        if not isinstance(restrictions, str):
            restrictions = yaml_text({"version": 1, "tenants": {},
                                      **(restrictions or {})})
        self.write("restrictions.yaml", restrictions)
        tls = os.path.join(self.directory, "tls")
        os.mkdir(tls)
        if self.tls:
            make_certificate(tls, "site-ca", None, None)
            make_certificate(tls, "site", f"DNS:{GLOBAL_HOST},"
                             f"DNS:*.{GLOBAL_HOST}", "site-ca")
        if len(self.edges) > 1:
            make_certificate(tls, "ca", None, None)
            for region in self.edges:
                make_certificate(tls, region,
                                 f"URI:portolan:region:{region}", "ca")

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        """Replaces a file of the platform, whole, as an editor would."""
        temporary = self.path(name) + ".new"
        with open(temporary, "w") as f:
            f.write(text)
        os.rename(temporary, self.path(name))

    def __getitem__(self, region):
        return self.edges[region]

    def origin(self, region):
        return self.origins[region][0]

    def __enter__(self):
        try:
            for edge in self.edges.values():
                edge.start()
            for edge in self.edges.values():
                edge.wait_ready()
            self._wait_all_up()
        except BaseException:
            self.close(quietly=True)
            raise
        return self

    def __exit__(self, kind, *exc):
        self.close(quietly=kind is not None)

    def _wait_all_up(self):
        """Edges start together, so the first probes of some find nobody."""
        wanted = {r for r in self.edges if self.embedded or
                  any(o.healthy for o in self.origins[r])}
        for edge in self.edges.values():
            wait_for(f"edge {edge.region} knows of {wanted}",
                     lambda: wanted <= edge.regions_up(), 20)

    def close(self, quietly=False):
        """Ends every edge.  Unless quietly (the story has failed already),
        each must end well."""
        wrong = []
        for edge in self.edges.values():
            if quietly and edge.process is not None:
                for line in edge.errors().splitlines()[-25:]:
                    print(f"{edge.region}| {line}", file=sys.stderr)
            try:
                code = edge.stop()
                if code != 0:
                    wrong.append(f"edge {edge.region} ended with {code}:\n"
                                 f"{edge.errors()[-3000:]}")
            except Failed as e:
                wrong.append(str(e))
        for origins in self.origins.values():
            for origin in origins:
                origin.close()
        if os.environ.get("KEEP"):
            print(f"kept: {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
        if wrong and not quietly:
            raise Failed("\n".join(wrong))
