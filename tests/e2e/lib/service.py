# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A service that flows call: what it answers is decided by the story, what it
was asked is kept.  And the parts of which stories make flows that call it."""
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .story import SCALE, Failed

CALLED_HERE = {"allow": ["127.0.0.0/8"]}


class Asked:
    """One request of the engine: path, method, headers, body (JSON)."""

    def __init__(self, handler, body):
        self.path, self.method = handler.path, handler.command
        self.headers, self.bytes = handler.headers, body
        try:
            self.json = json.loads(body) if body else None
        except ValueError:
            self.json = None


class Hang(Exception):
    """Raised by an answer: never say anything."""


class Close(Exception):
    """Raised by an answer: close the connection."""


class Service:
    """answers: path -> function(asked) -> JSON, (status, JSON) or bytes; fields
    stand in every answer."""

    def __init__(self, answers, at="127.0.0.1", fields=None):
        self.answers, self.asked = answers, queue.Queue()
        self.stopped = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body go apart

            def serve(self):
                length = int(self.headers.get("Content-Length", 0))
                asked = Asked(self, self.rfile.read(length))
                service.asked.put(asked)
                try:
                    self.reply(service.answers[self.path](asked))
                except KeyError:
                    self.reply((404, {"message": "no such thing"}))
                except Hang:
                    service.stopped.wait(60 * SCALE)
                    self.close_connection = True
                except Close:
                    self.close_connection = True

            def reply(self, answer):
                status, content = answer if isinstance(answer, tuple) \
                    else (200, answer)
                if not isinstance(content, bytes):
                    content = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                for name, text in (fields or {}).items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = serve

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass            # the engine has left

        self.server = Server((at, 0), Handler)
        self.uri = f"http://{at}:{self.server.server_address[1]}/api"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()

    def next(self, path=None):
        """The next request; path: of this path, others are dropped."""
        while True:
            try:
                asked = self.asked.get(timeout=15 * SCALE)
            except queue.Empty:
                raise Failed(f"nobody asked the service {path or ''}")
            if path is None or asked.path == path:
                return asked

    def count(self):
        return self.asked.qsize()


# --- flows that call it

def guid(number):
    return f"00000000-0000-0000-0000-{number:>012}"


FAULT = "318B0F3A-A570-4C5D-835C-21C1EEB17787"


def to(element, number, **more):
    return {"id": guid(number), "nextMapElementId": guid(element), **more}


def value(number, name, kind="ContentString", text=None, access="PRIVATE",
          **more):
    return {"id": guid(number), "developerName": name, "access": access,
            "contentType": kind, "defaultContentValue": text, **more}


def named(name, ref, key="valueElementToReferenceId", kind=None):
    return {"developerName": name, "contentType": kind, key: {"id": guid(ref)}}


def message(name, inputs=(), outputs=(), service=80, order=0):
    """inputs, outputs: (name, number of the value)."""
    return {"developerName": name, "uriPart": f"actions/{name}",
            "serviceElementId": guid(service), "order": order,
            "inputs": [named(n, v) for n, v in inputs],
            "outputs": [named(n, v, "valueElementToApplyId")
                        for n, v in outputs]}


def element(number, kind, *outcomes, **more):
    return {"id": guid(number), "elementType": kind,
            "developerName": f"{kind} {number}", "outcomes": list(outcomes),
            **more}


def step(number, text, *outcomes):
    return element(number, "step", *outcomes, userContent=text)


def flow(number, uri, elements, values=(), **more):
    """Begins at element 20; its service is 80."""
    return {"id": {"id": guid(number), "versionId": guid(number + 1000)},
            "developerName": f"Flow {number}", "startMapElementId": guid(10),
            "valueElements": list(values), "serviceElements": [{
                "id": guid(80), "elementType": "SERVICE",
                "developerName": "Helper", "uri": uri,
                "configurationValues": [named("Key", 90)]}],
            "mapElements": [element(10, "START", to(20, 11)), *elements],
            **{**more, "valueElements": [
                value(90, "Key", text="sesame"), *values]}}
