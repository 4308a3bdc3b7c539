# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine worker alone (`portolan engine`), and a player's calls to it."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from .addresses import DATA, ROOT
from .client import head_bytes
from .command import PROGRAM, no_sanitizer_report
from .http import ProtocolError, Reader
from .story import SCALE, Failed, wait_for

TENANT = "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a01"
FLOW = "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c10"    # conf/flows/greeting.json


def part(number):
    """The id of a part of that flow."""
    return f"0c9f2d6e-3a1b-4c55-9e10-{number:>012}"


START, ASK, NEXT = part("1"), part("2"), part("201")
WELCOME, TOO_YOUNG, AGAIN = part("5"), part("6"), part("601")
NAME_INPUT, AGE_INPUT = part("a03"), part("a04")


class Engine:
    def __init__(self, region="GB", restrictions=None, flows=None,
                 engines=None, store=None, services=None, cors=None):
        """flows: a directory, or a list of snapshots."""
        self.dir = tempfile.mkdtemp(prefix="portolan-engine-")
        self.region, self.socket = region, f"{self.dir}/engine.sock"
        self.flows = f"{self.dir}/flows"
        self.store = store or f"{self.dir}/state"
        self.log = f"{self.dir}/error.log"
        self.process = None
        if isinstance(flows, list):
            os.mkdir(self.flows)
            for i, flow in enumerate(flows):
                with open(f"{self.flows}/{i:03}.json", "w") as f:
                    json.dump(flow, f, indent=1)
        else:
            shutil.copytree(flows or f"{ROOT}/conf/flows", self.flows)
        shutil.copy(f"{DATA}/region-map-3.yaml", f"{self.dir}/regions.yaml")
        config = {
            "region": "US", "main_region": "US", "regions": "regions.yaml",
            "run_dir": self.dir,
            "listeners": [{"name": "l", "address": "127.0.0.1:0"}],
            "hosts": {"global": ["flow.example.com"]},
            "timeouts": {"drain": "3s"},
        }
        if engines is not None:
            config["engines"] = engines
        if cors is not None:
            config["cors"] = {"origins": cors}
        if services is not None:
            config["services"] = services
        if restrictions is not None:
            config["policy"] = {"restrictions": "restrictions.yaml"}
            with open(f"{self.dir}/restrictions.yaml", "w") as f:
                json.dump({"version": "1", "tenants": restrictions}, f,
                          indent=1)
        with open(f"{self.dir}/portolan.yaml", "w") as f:
            json.dump(config, f, indent=1)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        try:
            if self.process is not None:
                self.stop()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "engine", "-c", f"{self.dir}/portolan.yaml",
                 "--region", self.region, *self.listens(), "--store",
                 self.store, "--flows", self.flows],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        last = None

        def serves():
            nonlocal last
            if self.process.poll() is not None:
                raise Failed(f"the engine ended with "
                             f"{self.process.returncode}:\n{self.errors()}")
            try:
                last = self.ask("GET", "/healthz").status
            except (OSError, ProtocolError) as e:
                last = e
            return last == 200

        try:
            wait_for("an engine that serves", serves, 20)
        except Failed as e:
            raise Failed(f"{e}: {last!r}\n{self.errors()}") from None

    def listens(self):
        return ["--socket", self.socket]

    def errors(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def says(self, words, seconds=10):
        """Another process may tell it a moment after its effect is seen."""
        wait_for(f"the engine's log says: {words}",
                 lambda: words in self.errors(), seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(15 * SCALE)
        self.process = None
        no_sanitizer_report(self.errors(), "engine")
        return code

    # --- speaking to it

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(15 * SCALE)
        sock.connect(self.socket)
        return sock

    def ask(self, method, target, body=None, tenant=TENANT, fields=()):
        """One request on a connection of its own; body: JSON, or bytes."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        fields = [("Host", "engine"), *fields]
        if tenant is not None:
            fields.append(("ManyWhoTenant", tenant))
        with self.connect() as sock:
            sock.sendall(head_bytes(method, target, fields, body) +
                         (body or b""))
            answer = Reader(sock).response(method)
        answer.json = json.loads(answer.body) if answer.body else None
        return answer

    def initialize(self, flow=FLOW, tenant=TENANT, fields=(), **more):
        return self.ask("POST", "/api/run/1", {
            "flowId": {"id": flow, "versionId": None}, **more}, tenant,
            fields)

    def invoke(self, last, kind="FORWARD", outcome=None, inputs=None,
               tenant=TENANT, fields=(), **more):
        """Goes on from an earlier answer's JSON, as the player does."""
        return self.ask("POST", f"/api/run/1/state/{last['stateId']}",
                        invoke_body(last, kind, outcome, inputs, **more),
                        tenant, fields)


class Worker(Engine):
    """An embedded one, asked past its edge: that spares those which are busy
    with long questions, so it may not pick one for many times."""

    def __init__(self, edge, number):
        self.socket = f"{edge.run_dir}/engine-{edge.region}-{number}.sock"


def workers(edge):
    return [Worker(edge, n) for n in range(edge.platform.embedded)]


def know_the_key(edge, key):
    """Whichever worker is asked next."""
    for worker in workers(edge):
        wait_for("a worker knows the key", lambda w=worker: w.ask(
            "GET", "/api/admin/1/tenant",
            fields=[("x-boomi-flow-api-key", key)]).status == 200, 15)


def invoke_body(last, kind="FORWARD", outcome=None, inputs=None, **more):
    request = {"selectedOutcomeId": outcome, "pageRequest": {
        "pageComponentInputResponses": None if inputs is None else [
            {"pageComponentId": i, "contentValue": text, "objectData": None}
            for i, text in inputs.items()]}}
    return {"stateId": last["stateId"], "stateToken": last["stateToken"],
            "currentMapElementId": last["currentMapElementId"],
            "invokeType": kind, "mapElementInvokeRequest": request, **more}


def page(answer):
    """The page of an answer: its one map element's."""
    [element] = answer.json["mapElementInvokeResponses"]
    return element["pageResponse"]


def shown(answer):
    """What a STEP shows."""
    [data] = page(answer)["pageComponentDataResponses"]
    return data["content"]
