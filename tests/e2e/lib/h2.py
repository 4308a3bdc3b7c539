# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A raw HTTP/2 client (RFC 9113): sends exactly the frames it is given, and
reads strictly what comes back."""
import socket
import ssl
import struct

from . import hpack
from .story import SCALE, Failed

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY,
 WINDOW_UPDATE, CONTINUATION) = range(10)
NAMES = ("DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY "
         "WINDOW_UPDATE CONTINUATION").split()
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITIZED = 0x4, 0x8, 0x20
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR,
 SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL,
 COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM,
 INADEQUATE_SECURITY) = range(13)
(HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE,
 MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE) = range(1, 7)
ENABLE_CONNECT_PROTOCOL = 8


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """The bytes of a frame; length: told instead of the payload's."""
    if length is None:
        length = len(payload)
    return struct.pack(">I", length)[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(
        struct.pack(">HI", k, v) for k, v in pairs))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def rst(stream, error=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", error))


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream = kind, flags, stream
        self.payload = payload

    @property
    def error(self):
        """Of RST_STREAM or GOAWAY."""
        at = 4 if self.kind == GOAWAY else 0
        return struct.unpack_from(">I", self.payload, at)[0]

    @property
    def last_stream(self):
        return struct.unpack_from(">I", self.payload)[0] & 0x7fffffff

    def __repr__(self):
        name = NAMES[self.kind] if self.kind < len(NAMES) else self.kind
        return f"<{name} {self.flags:#x} stream {self.stream} " \
            f"{len(self.payload)} bytes>"


class Answer:
    """What came on one stream."""

    def __init__(self):
        self.interim, self.fields, self.trailers = [], None, None
        self.body, self.ended, self.reset = b"", False, None
        self.frames = []

    @property
    def status(self):
        return None if self.fields is None else int(dict(self.fields)[":status"])

    def all(self, name):
        return [v for n, v in self.fields or [] if n == name.lower()]

    def __getitem__(self, name):
        values = self.all(name)
        if len(values) > 1:
            raise Failed(f"{len(values)} fields {name}: {values}")
        return values[0] if values else None

    @property
    def done(self):
        return self.ended or self.reset is not None


class H2:
    """One connection.  tls_name: over TLS with ALPN; alpn: what is offered.

    window     of each stream, as the settings tell it; None: the default
    updates    windows are opened again for what came
    hello      the preface and settings are sent
    """

    def __init__(self, address, tls_name=None, alpn=("h2",), window=None,
                 updates=True, hello=True, pairs=(), host="flow.example.com",
                 timeout=15, source=None):
        self.sock = socket.create_connection(
            address, timeout * SCALE, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls, self.host = tls_name is not None, host
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(list(alpn))
            self.sock = context.wrap_socket(self.sock,
                                            server_hostname=tls_name)
        self.data, self.streams, self.next = b"", {}, 1
        self.decoder, self.updates = hpack.Decoder(), updates
        self.settings, self.goaway, self.closed = {}, None, False
        self.block, self.pongs, self.acked = None, [], 0
        self.opened = {}                # by WINDOW_UPDATE, of each stream
        if hello:
            pairs = list(pairs)
            if window is not None:
                pairs.append((INITIAL_WINDOW_SIZE, window))
            self.send(PREFACE + settings(*pairs))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, *frames):
        """False if the server does not listen any more."""
        try:
            self.sock.sendall(b"".join(frames))
            return True
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            return False

    # --- asking

    def fields(self, method="GET", path="/api/run/1", *more, **pseudo):
        """Those of a request; pseudo: authority=..., scheme=None leaves out."""
        have = {"method": method, "scheme": "https" if self.tls else "http",
                "path": path, "authority": self.host, **pseudo}
        return [(":" + k, v) for k, v in have.items() if v is not None] + \
            list(more)

    def headers(self, stream, fields, flags=END_HEADERS | END_STREAM,
                coded=False):
        return frame(HEADERS, flags, stream, hpack.encode(fields, coded))

    def ask(self, fields, body=None, end=True, trailers=None):
        """Sends a request; the number of its stream."""
        stream, self.next = self.next, self.next + 2
        ends = end and body is None and trailers is None
        out = self.headers(stream, fields,
                           END_HEADERS | (END_STREAM if ends else 0))
        if body is not None:
            out += self.body(stream, body, end and trailers is None)
        if trailers is not None:
            out += self.headers(stream, trailers)
        self.send(out)
        return stream

    def get(self, path="/api/run/1", *more, **pseudo):
        return self.answer(self.ask(self.fields("GET", path, *more, **pseudo)))

    def post(self, path, body, *more, **pseudo):
        return self.answer(self.ask(self.fields("POST", path, *more, **pseudo),
                                    body))

    @staticmethod
    def body(stream, body, end=True):
        pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)] or \
            [b""]
        return b"".join(
            frame(DATA, END_STREAM if end and i == len(pieces) - 1 else 0,
                  stream, piece) for i, piece in enumerate(pieces))

    # --- hearing

    def more(self):
        if self.closed:
            return False
        try:
            piece = self.sock.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            piece = b""
        except socket.timeout:
            raise Failed("the server is silent") from None
        self.data += piece
        self.closed = piece == b""
        return not self.closed

    def frame(self):
        """The next frame, taken note of; None when the server has closed."""
        while len(self.data) < 9 or len(self.data) < 9 + int.from_bytes(
                self.data[:3], "big"):
            if not self.more():
                return None
        length = int.from_bytes(self.data[:3], "big")
        kind, flags = self.data[3], self.data[4]
        stream = int.from_bytes(self.data[5:9], "big") & 0x7fffffff
        f = Frame(kind, flags, stream, self.data[9:9 + length])
        self.data = self.data[9 + length:]
        if length > 16384:
            raise Failed(f"{f!r} is larger than was allowed")
        self._note(f)
        return f

    def _note(self, f):
        if (self.block is not None) != (f.kind == CONTINUATION):
            raise Failed(f"{f!r} in the middle of something else")
        if f.kind == SETTINGS and f.flags & ACK:
            self.acked += 1
        elif f.kind == SETTINGS:
            self.settings.update(struct.iter_unpack(">HI", f.payload))
            self.send(frame(SETTINGS, ACK))
        elif f.kind == PING:
            if f.flags & ACK:
                self.pongs.append(f.payload)
            else:
                self.send(frame(PING, ACK, 0, f.payload))
        elif f.kind == GOAWAY:
            self.goaway = f
        elif f.kind in (HEADERS, CONTINUATION):
            self._note_headers(f)
        elif f.kind == DATA:
            self._note_data(f)
        elif f.kind == RST_STREAM:
            self._of(f.stream).reset = f.error
        elif f.kind == WINDOW_UPDATE:
            self.opened[f.stream] = self.opened.get(f.stream, 0) + \
                int.from_bytes(f.payload, "big")
        elif f.kind == PUSH_PROMISE:
            raise Failed("nobody asked for a push")

    def _of(self, stream):
        return self.streams.setdefault(stream, Answer())

    def _note_headers(self, f):
        a = self._of(f.stream)
        if f.kind == HEADERS:
            self.block, self.block_end = f.payload, f.flags & END_STREAM
        else:
            self.block += f.payload
        if not f.flags & END_HEADERS:
            return
        fields, self.block = self.decoder.decode(self.block), None
        if a.done:
            raise Failed(f"{f!r} after the end")
        if any(n != n.lower() for n, _ in fields):
            raise Failed(f"upper case in {fields}")
        if a.fields is not None:
            a.trailers = fields
        elif dict(fields)[":status"].startswith("1"):
            a.interim.append(fields)
        else:
            a.fields = fields
        a.ended = bool(self.block_end)
        a.frames.append(f)

    def _note_data(self, f):
        a = self._of(f.stream)
        if a.ended or a.fields is None:
            raise Failed(f"{f!r} out of place")
        a.body += f.payload
        a.frames.append(f)
        a.ended = bool(f.flags & END_STREAM)
        if self.updates and f.payload:
            self.send(window_update(0, len(f.payload)) + (
                b"" if a.ended else window_update(f.stream, len(f.payload))))

    def until(self, what, question):
        """Reads frames until the question's answer is true."""
        while True:
            answer = question()
            if answer:
                return answer
            if self.frame() is None:
                raise Failed(f"the server closed before {what}; "
                             f"{self.goaway and self.goaway.error}")

    def answer(self, stream):
        """The whole answer, or as far as it came before a reset."""
        self.until(f"an answer on stream {stream}", lambda: stream in
                   self.streams and self.streams[stream].done)
        return self.streams[stream]

    def ping(self, data=b"portolan"):
        """A round trip: all that was said before has been heard."""
        self.send(frame(PING, 0, 0, data))
        self.until("a PING's answer", lambda: data in self.pongs)
        self.pongs.clear()

    def rest(self):
        """Everything until the server closes."""
        while self.frame() is not None:
            pass

    def must_end(self, *errors):
        """The server says GOAWAY with one of these errors, and closes."""
        self.rest()
        if self.goaway is None:
            raise Failed("closed without GOAWAY")
        if self.goaway.error not in errors:
            raise Failed(f"GOAWAY {self.goaway.error} instead of {errors}")


def h2_of(edge, **how):
    """A connection in clear text to an edge of the platform."""
    return H2(edge.plain, **how)


def h2_tls_of(edge, **how):
    return H2(edge.tls, **{"tls_name": "flow.example.com", **how})
