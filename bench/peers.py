# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The proxies that are compared: how each is configured, started, counted and
asked.  One worker each, pinned to its core."""
import collections
import csv
import getpass
import http.client
import os
import re
import socket
import ssl
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
OUT = os.path.abspath(os.environ.get("O", os.path.join(ROOT, "build")))
PORTOLAN = os.path.join(OUT, "release/portolan")    # what is installed
REGION = "US"                           # where the edges of all of them stand
HOST = "flow.example.com"
PROXY_CORE, LOAD_CORE = "0", "1"
NGINX_GEOIP2 = "/usr/lib/nginx/modules/ngx_http_geoip2_module.so"


BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
    "like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/"
    "avif,image/webp,image/apng,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8", "Referer":
    "https://flow.example.com/7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a01/play/default",
    "Cookie": "session=" + "a1b2c3d4" * 16, "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin",
    "ManyWhoTenant": "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a01",
}


def fail(text):
    sys.exit(f"bench: {text}")


def read(file):
    with open(file) as f:
        return f.read()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def continents():
    """alpha2 -> continent, the table that Portolan has inside."""
    with open(os.path.join(ROOT, "data/countries.csv"), newline="") as f:
        return {row["alpha2"]: row["continent"] for row in csv.DictReader(f)}


# What all of them get: the port of the upstream, the geo database with its
# networks and the region of each country, PEM files, whether requests are
# logged, and a command to be run under (valgrind).
Job = collections.namedtuple("Job", "where upstream database networks "
                             "regions certificate key log wrapper",
                             defaults=(None, None, False, ()))
# What Portolan is given besides where it is compared with itself: threads,
# networks of the map (text), lines of the configuration.
Size = collections.namedtuple("Size", "threads networks policy",
                              defaults=(1, (), ""))


def cpu_seconds_of(pid):
    """User and system time of its threads, ended ones left out."""
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
    except OSError:
        pass
    return total / 1e9


# --- one of them --------------------------------------------------------------

class Proxy:
    """One peer: pinned to its core, with one worker."""

    def __init__(self, name, where, locates=True, cores=PROXY_CORE):
        self.name, self.port, self.tls_port = name, free_port(), free_port()
        self.dir = os.path.join(where, name)
        os.makedirs(self.dir)
        self.process, self.cores = None, cores
        self.is_anchor = False          # does nothing but move bytes
        self.locates = locates          # does the whole job

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self, command, patience=120):
        with open(os.path.join(self.dir, "log"), "w") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", self.cores, *command], stdout=log,
                stderr=log, cwd=self.dir)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                if ask(self.port, "8.8.8.8").status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        with open(os.path.join(self.dir, "log")) as f:
            fail(f"{self.name} does not serve:\n{f.read()[-3000:]}")

    def pids(self):
        """The process and its descendants: whoever works for it counts."""
        if self.process is None:
            return []
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children") as f:
                        todo += [int(p) for p in f.read().split()]
            except OSError:
                pass
        return found

    def cpu_seconds(self):
        """User and system time, by the scheduler's own account (ns)."""
        return sum(cpu_seconds_of(pid) for pid in self.pids())

    def pss_kib(self):
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as f:
                    total += int(re.search(r"^Pss:\s+(\d+)", f.read(),
                                           re.M).group(1))
            except (OSError, AttributeError):
                pass
        return total

    def worker(self):
        """Whoever of them has worked most: the others only look after it."""
        return max(self.pids(), key=cpu_seconds_of)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


# --- the peers, as an expert of each would set them up ---------------------------

def region_map(job, networks):
    with open(os.path.join(ROOT, "tests/data/region-map-6.yaml")) as f:
        text = f.read()
    text = re.sub(r"http://engine-1\.us\.internal:8080",
                  f"http://127.0.0.1:{job.upstream}", text)
    text = re.sub(r"\n *- http://engine-2\.us\.internal:8080", "", text)
    if networks:
        text = re.sub(r"(?m)^networks:.*\n", "", text) + "\nnetworks:\n" + \
            "".join(f'  "{net}": {REGION}\n' for net in networks)
    return text


def start_portolan(job, name="portolan", size=Size(), cores=PROXY_CORE):
    p = Proxy(name, job.where, cores=cores)
    p.write("regions.yaml", region_map(job, size.networks))
    tls = "" if job.certificate is None else f"""\
  - name: tls
    address: 127.0.0.1:{p.tls_port}
    tls: {{certificate: {job.certificate}, key: {job.key}}}
"""
    access = f"{p.dir}/access.log" if job.log else '"off"'
    config = p.write("portolan.yaml", f"""\
region: {REGION}
main_region: {REGION}
regions: regions.yaml
threads: {size.threads}
run_dir: {p.dir}/run
sandbox: {"false" if job.wrapper else "true"}
listeners:
  - name: clients
    address: 127.0.0.1:{p.port}
{tls}hosts:
  global: [{HOST}]
client_address:
  trusted: [127.0.0.0/8]
geo:
  database: {job.database}
engines:
  embedded: 0
  probe: {{path: /health, interval: 5s, timeout: 2s, rise: 1, fall: 3}}
limits:
  requests_per_connection: 0
  idle_upstream: 1024
  connections: 16384
timeouts:
  idle: 5m
log:
  access: {access}
{size.policy}""")
    p.start([*job.wrapper, PORTOLAN, "run", "-c", config],
            300 if job.wrapper else 120)
    return p


def start_nginx(job):
    p = Proxy("nginx", job.where)
    with open(job.database, "rb") as f:
        nested = b"iso_code" in f.read()
    field = "country iso_code" if nested else "country_code"
    by_country = "\n".join(f"    {cc} {r};" for cc, r in job.regions.items())
    by_continent = "\n".join(f"    {cc} {c};" for cc, c in
                             continents().items())
    servers = "\n".join(
        f"  upstream {r} {{ server 127.0.0.1:{job.upstream}; keepalive 1024; "
        "keepalive_requests 1000000000; }" for r in set(job.regions.values()))
    tls = "" if job.certificate is None else f"""\
    listen 127.0.0.1:{p.tls_port} ssl http2 backlog=4096;
    ssl_certificate {job.certificate};
    ssl_certificate_key {job.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
"""
    log = f"{p.dir}/access.log combined buffer=64k flush=1s" if job.log \
        else "off"
    config = p.write("nginx.conf", f"""\
load_module {NGINX_GEOIP2};
worker_processes 1;
daemon off;
pid {p.dir}/nginx.pid;
error_log {p.dir}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 18000; }}
http {{
  access_log {log};
  keepalive_requests 1000000000;
  keepalive_timeout 5m;
  client_body_buffer_size 128k;
  client_body_temp_path {p.dir}/body;
  proxy_temp_path {p.dir}/proxy;
  fastcgi_temp_path {p.dir}/fastcgi;
  uwsgi_temp_path {p.dir}/uwsgi;
  scgi_temp_path {p.dir}/scgi;
  proxy_max_temp_file_size 0;
  set_real_ip_from 127.0.0.0/8;
  real_ip_header X-Forwarded-For;
  real_ip_recursive on;
  geoip2 {job.database} {{ $country {field}; }}
  map $country $continent {{
    default "";
{by_continent}
  }}
  map $country $nearest {{
    default US;
{by_country}
  }}
  map $uri $region {{
    default US;
    ~*^/api/(run|file|social|service/1/data|service/1/file)(/|$) $nearest;
  }}
{servers}
  server {{
    listen 127.0.0.1:{p.port} backlog=4096;
{tls}    server_name {HOST};
    location / {{
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-ManyWho-GeoLocation-Country $country;
      proxy_set_header X-ManyWho-GeoLocation-Continent $continent;
      proxy_hide_header X-ManyWho-Region-Backend;
      proxy_hide_header X-ManyWho-Region-Frontend;
      add_header X-ManyWho-Region-Frontend {REGION} always;
      add_header X-ManyWho-Region-Backend $region always;
      proxy_pass http://$region;
    }}
  }}
}}
""")
    p.start(["nginx", "-p", p.dir, "-c", config])
    return p


def start_haproxy(job):
    p = Proxy("haproxy", job.where)
    table = p.write("countries.map", "".join(
        f"{net} {cc}\n" for net, cc in job.networks))
    by_country, by_continent = (
        p.write(name, "".join(f"{k} {v}\n" for k, v in rows.items()))
        for name, rows in (("regions.map", job.regions),
                           ("continents.map", continents())))
    backends = "\n".join(f"""\
backend {r}
  http-reuse always
  server a 127.0.0.1:{job.upstream} pool-max-conn 1024""" for r in
                         set(job.regions.values()))
    tls = ""
    if job.certificate is not None:
        pem = p.write("both.pem", read(job.certificate) + read(job.key))
        tls = f"""\
  bind 127.0.0.1:{p.tls_port} backlog 4096 ssl crt {pem} alpn h2,http/1.1
"""
    log = "log stdout format raw local0" if job.log else ""
    config = p.write("haproxy.cfg", f"""\
global
  nbthread 1
  maxconn 9000
  {log}
defaults
  mode http
  {"log global" if job.log else ""}
  {"option httplog" if job.log else ""}
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option http-keep-alive
frontend clients
  bind 127.0.0.1:{p.port} backlog 4096
{tls}  http-request set-src hdr(X-Forwarded-For) if {{ src 127.0.0.0/8 }}
  acl runtime path,lower -m reg ^/api/(run|file|social|service/1/data|service/1/file)(/|$)
  http-request set-var(txn.country) src,map_ip({table})
  http-request set-var(txn.region) str(US)
  http-request set-var(txn.region) var(txn.country),map_str({by_country},US) if runtime
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-ManyWho-GeoLocation-Country %[var(txn.country)]
  http-request set-var(txn.continent) var(txn.country),map_str({by_continent})
  http-request set-header X-ManyWho-GeoLocation-Continent %[var(txn.continent)]
  http-after-response set-header X-ManyWho-Region-Frontend {REGION}
  http-after-response set-header X-ManyWho-Region-Backend %[var(txn.region)]
  use_backend %[var(txn.region)]
{backends}
""")
    p.start(["haproxy", "-db", "-f", config])
    return p


def start_h2o(job):
    """Knows neither a trusted peer's X-Forwarded-For as the client's address
    nor a geo database: all but the location.  A bar for HTTP/2."""
    p = Proxy("h2o", job.where, locates=False)
    tls = "" if job.certificate is None else f"""\
listen:
  host: 127.0.0.1
  port: {p.tls_port}
  ssl:
    certificate-file: {job.certificate}
    key-file: {job.key}
    minimum-version: TLSv1.2
"""
    paths = "\n".join(f"""\
      "{path}":
        proxy.reverse.url: "http://127.0.0.1:{job.upstream}/{path.lstrip("/")}"
""" for path in ("/", "/api/run", "/api/file", "/api/social",
                     "/api/service/1/data", "/api/service/1/file"))
    config = p.write("h2o.conf", f"""\
num-threads: 1
user: {getpass.getuser()}
max-connections: 9000
listen:
  host: 127.0.0.1
  port: {p.port}
{tls}http1-request-timeout: 300
http2-idle-timeout: 300
http2-max-concurrent-requests-per-connection: 256
proxy.preserve-host: ON
proxy.timeout.keepalive: 300000
header.unset: X-ManyWho-Region-Backend
header.unset: X-ManyWho-Region-Frontend
header.add: "X-ManyWho-Region-Frontend: {REGION}"
header.add: "X-ManyWho-Region-Backend: {REGION}"
hosts:
  "{HOST}":
    paths:
{paths}
""")
    p.start(["h2o", "-m", "worker", "-c", config])
    return p


# --- anchors: what no proxy can beat ---------------------------------------------

def start_forwarder(job):
    """Bytes from one socket to the other, four system calls a request."""
    p = Proxy("forwarder", job.where)
    p.is_anchor = True
    p.start([os.path.join(OUT, "bench/forwarder"), str(p.port),
             str(job.upstream)])
    return p


def start_direct(job):
    """No proxy at all: the upstream itself."""
    p = Proxy("direct", job.where)
    p.is_anchor = True
    p.port = job.upstream
    return p


STARTERS = {"portolan": start_portolan, "nginx": start_nginx,
            "haproxy": start_haproxy, "h2o": start_h2o, "forwarder": start_forwarder,
            "direct": start_direct}


# --- asking --------------------------------------------------------------------------------

class Answer:
    def __init__(self, response):
        self.status, self.body = response.status, response.read()
        self.frontend, self.backend = (
            response.headers.get_all(f"X-ManyWho-Region-{end}")
            for end in ("Frontend", "Backend"))
        self.regions = (self.status, self.frontend, self.backend)


def insecure():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(port, ip, path="/api/run/1/state", body=None, tls=False, fields=()):
    connection = http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=5, context=insecure()) if tls else \
        http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET" if body is None else "POST", path, body, {
            "Host": HOST, "X-Forwarded-For": ip, **dict(fields)})
        return Answer(connection.getresponse())
    finally:
        connection.close()
