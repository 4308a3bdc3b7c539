# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A scripted origin: an engine whose every byte the story decides.

    def slow_start(conn, request):
        conn.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\n")
        conn.wait(gate)
        conn.send(b"hello")

    origin = Origin("GB", slow_start)

Without a script it answers 200 and echoes what it got as JSON.  Health probes
are answered and kept apart (origin.probes), so origin.requests holds what the
story is about, in order of arrival.
"""
import json
import socket
import threading

from .addresses import listener
from .http import Closed, ProtocolError, Reader
from .story import SCALE, Failed

PROBE_PATH = "/health"


class Connection:
    """One accepted connection, for scripts."""

    def __init__(self, origin, sock):
        self.origin, self.sock, self.reader = origin, sock, Reader(sock)
        self.open, self.method = True, None

    def send(self, data):
        self.sock.sendall(data)

    def receive(self, count=65536):
        """Raw bytes (tunnels); b"" when the peer has closed."""
        if self.reader.data:
            data, self.reader.data = self.reader.data, b""
            return data
        return self.sock.recv(count)

    def answer(self, status=200, body=b"", fields=(), reason="OK"):
        """A response framed by Content-Length, with the region header; to
        HEAD, without the body."""
        lines = [f"HTTP/1.1 {status} {reason}",
                 f"X-ManyWho-Region-Backend: {self.origin.region}"]
        lines += [f"{n}: {v}" for n, v in fields]
        lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.send(head if self.method == "HEAD" else head + body)

    def wait(self, event, seconds=15):
        """Until the story sets the threading.Event."""
        if not event.wait(seconds * SCALE):
            raise Failed("the story never set the event")

    def close(self):
        if self.open:
            self.open = False
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.sock.close()

    def reset(self):
        """Closes with a RST."""
        self.open = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\x01\0\0\0\0\0\0\0")
        self.sock.close()


def echo(conn, request):
    """What an origin without a script says."""
    body = json.dumps({
        "region": conn.origin.region,
        "method": request.method,
        "target": request.target,
        "fields": request.fields,
        "body": request.body.decode("latin-1"),
    }).encode()
    conn.answer(200, body, [("Content-Type", "application/json")])


class Origin:
    """Listens at once; close() or `with` ends it.

    region        what it reports as its own
    script        called with (connection, request) for each request
    early         script is called when the head is there; it reads the body
                  itself, by conn.reader.body(request, False)
    """

    def __init__(self, region, script=echo, early=False, host=None):
        self.region, self.script, self.early = region, script, early
        self.requests, self.probes, self.errors = [], 0, []
        self.connections = []
        self.healthy = True
        self.changed = threading.Condition()
        self.listener = listener(host)
        self.address = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    @property
    def url(self):
        return "http://%s:%d" % self.address

    def close(self):
        """Listens no more and drops every connection."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for conn in list(self.connections):
            conn.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = Connection(self, sock)
            with self.changed:
                self.connections.append(conn)
                self.changed.notify_all()
            threading.Thread(target=self._serve, args=(conn,),
                             daemon=True).start()

    def _serve(self, conn):
        try:
            while conn.open:
                self._one(conn)
        except Closed:
            pass
        except (ProtocolError, OSError, Failed) as e:
            self.errors.append(e)
        finally:
            conn.close()

    def _probe(self, conn):
        self.probes += 1
        if self.healthy:
            conn.answer(200, b"ok")
        else:
            conn.answer(503, b"no", reason="Service Unavailable")

    def _one(self, conn):
        request = conn.reader.head()
        conn.method = request.method
        if request.target.split("?")[0] == PROBE_PATH:
            self._probe(conn)
        else:
            self._play(conn, request)
        if "close" in (request["Connection"] or "").lower():
            conn.close()

    def _play(self, conn, request):
        if not self.early:
            if (request["Expect"] or "").lower() == "100-continue":
                conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            conn.reader.body(request, False)
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        self.script(conn, request)

    def wait_requests(self, count, seconds=10):
        """Until that many have arrived (whole, unless early)."""
        with self.changed:
            if not self.changed.wait_for(
                    lambda: len(self.requests) >= count, seconds * SCALE):
                raise Failed(f"origin {self.region}: {len(self.requests)} "
                             f"requests instead of {count}")
            return list(self.requests)

    def last(self):
        return self.wait_requests(1)[-1]
