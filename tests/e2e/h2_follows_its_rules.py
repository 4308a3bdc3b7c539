#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""HTTP/2 and HPACK, rule by rule: a row for each, with its section of RFC 9113
(or of RFC 7541, marked H; 5.3.1 is RFC 7540's), what a client sends on a new
connection, and what must come of it.  Each case of h2spec 2.6, the strict one
too, has its row here."""
import struct
import sys
import threading

from lib import Failed, Origin, Platform, same, story
from lib import hpack
from lib.h2 import (
    ACK, COMPRESSION_ERROR, CONTINUATION, DATA, ENABLE_PUSH,
    END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, H2,
    HEADERS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, NO_ERROR, PADDED, PING,
    PREFACE, PRIORITIZED, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE,
    REFUSED_STREAM, RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, frame,
    rst, settings, window_update)

BOTH = END_HEADERS | END_STREAM
ASK = [(":method", "GET"), (":scheme", "http"), (":path", "/api/run/1"),
       (":authority", "flow.example.com")]
POST = [(":method", "POST")] + ASK[1:]


def block(fields, coded=False):
    return hpack.encode(fields, coded)


def ask(stream=1, flags=BOTH, fields=None, more=()):
    return frame(HEADERS, flags, stream,
                 block(list(fields or ASK) + list(more)))


def post(stream=1, *more):
    """A request whose body is still to come."""
    return ask(stream, END_HEADERS, POST, more)


def data(text=b"x", stream=1, flags=END_STREAM, **how):
    return frame(DATA, flags, stream, text, **how)


def without(name):
    return [f for f in ASK if f[0] != name]


def instead(name, value):
    return [(n, value if n == name else v) for n, v in ASK]


def priority(stream, on, weight=15, kind=PRIORITY):
    return frame(kind, 0, stream, struct.pack(">IB", on, weight))


# --- what must come of it ---------------------------------------------------------

def answered(*streams, status=200):
    """Each of them, and the connection lives."""
    def look(h):
        for stream in streams or (1,):
            a = h.answer(stream)
            if a.reset not in (None, NO_ERROR):
                raise Failed(f"stream {stream} was reset: {a.reset}")
            same(f"stream {stream}", a.status, status)
        h.ping()
    return look


def lives(h):
    h.ping()


def leaves(h):
    """What was asked is answered, then all is closed."""
    same("status", h.answer(1).status, 200)
    h.rest()


def ends(*errors):
    """The whole connection, with one of these; closing says as much."""
    def look(h):
        h.rest()
        if h.goaway is None:
            raise Failed("closed without a word")
        if h.goaway.error not in errors:
            raise Failed(f"GOAWAY {h.goaway.error} instead of {errors}")
    return look


def resets(*errors, stream=1):
    """The stream alone, with one of these: the connection goes on."""
    def look(h):
        a = h.answer(stream)
        if a.reset not in errors:
            raise Failed(f"stream {stream} {a.status} reset {a.reset} "
                         f"instead of {errors}")
        h.ping()
        same("another request", h.answer(h.ask(ASK)).status, 200)
    return look


def fails(*errors, stream=1):
    """The stream or the connection, with one of these."""
    def look(h):
        def over():
            a = h.streams.get(stream)
            return h.goaway is not None or \
                (a is not None and a.reset not in (None, NO_ERROR))
        h.until("an error", over)
        error = h.goaway.error if h.goaway else h.streams[stream].reset
        if error not in errors:
            raise Failed(f"error {error} instead of {errors}")
    return look


def status(code, stream=1):
    def look(h):
        same("status", h.answer(stream).status, code)
        h.ping()
    return look


P, S, F, C = (PROTOCOL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR,
              COMPRESSION_ERROR)

# --- what is right -----------------------------------------------------------------

GOOD = [
    ("3.4", "a request after the preface", ask(), answered()),
    ("4.1", "a frame of unknown type is passed over",
     frame(0x16, 0, 0, b"12345678") + ask(), answered()),
    ("4.1", "flags without meaning are passed over",
     frame(PING, 0x16, 0, b"x" * 8) + ask(), answered()),
    ("4.1", "the reserved bit is passed over",
     frame(PING, 0, 0x80000000, b"y" * 8) + ask(), answered()),
    ("4.2", "16384 bytes in a DATA frame", post() + data(b"x" * 16384),
     answered()),
    ("5.1", "PRIORITY of an idle stream", priority(3, 0) + ask(), answered()),
    ("5.1", "WINDOW_UPDATE of a half-closed stream",
     ask() + window_update(1, 1), answered()),
    ("5.1", "PRIORITY of a half-closed stream", ask() + priority(1, 0),
     answered()),
    ("5.1", "RST_STREAM of a half-closed stream",
     ask() + rst(1) + ask(3), answered(3)),
    ("5.1", "PRIORITY of a closed stream", post() + rst(1) + priority(1, 0),
     lives),
    ("5.1", "WINDOW_UPDATE of a closed stream",
     post() + rst(1) + window_update(1, 1), lives),
    ("5.1", "RST_STREAM of a closed stream", post() + rst(1) + rst(1), lives),
    ("5.1.1", "numbers may be left out", ask(1) + ask(7) + ask(101),
     answered(1, 7, 101)),
    ("5.5", "an unknown frame of a stream", ask() + frame(0xff, 0, 1, b"?"),
     answered()),
    ("6.1", "one DATA frame", post() + data(), answered()),
    ("6.1", "several DATA frames",
     post() + data(flags=0) + data(flags=0) + data(), answered()),
    ("6.1", "a padded DATA frame",
     post() + data(b"\5body" + bytes(5), flags=END_STREAM | PADDED),
     answered()),
    ("6.1", "an empty last DATA frame", post() + data(b""), answered()),
    ("6.2", "a padded HEADERS frame",
     frame(HEADERS, BOTH | PADDED, 1, b"\4" + block(ASK) + bytes(4)),
     answered()),
    ("6.2", "HEADERS with a priority", frame(
        HEADERS, BOTH | PRIORITIZED, 1, struct.pack(">IB", 0, 255) +
        block(ASK)), answered()),
    ("6.2", "HEADERS padded and with a priority", frame(
        HEADERS, BOTH | PRIORITIZED | PADDED, 1, b"\1" +
        struct.pack(">IB", 0x80000000, 0) + block(ASK) + b"\0"), answered()),
    ("6.3", "PRIORITY of least weight", priority(1, 0, 0) + ask(), answered()),
    ("6.3", "PRIORITY of most weight", priority(1, 0, 255) + ask(),
     answered()),
    ("6.3", "PRIORITY on another stream", priority(1, 5) + ask(), answered()),
    ("6.3", "exclusive PRIORITY", priority(1, 0x80000000 | 3) + ask(),
     answered()),
    ("6.4", "RST_STREAM ends a stream", post() + rst(1) + ask(3),
     answered(3)),
    ("6.5", "SETTINGS", settings((1, 4096), (3, 100)) + ask(), answered()),
    ("6.5", "empty SETTINGS", settings() + ask(), answered()),
    ("6.5.2", "an unknown setting is passed over",
     settings((0xff, 7), (0xabcd, 0xffffffff)) + ask(), answered()),
    ("6.5.2", "the largest frames allowed",
     settings((MAX_FRAME_SIZE, 16777215)) + ask(), answered()),
    ("6.5.2", "the largest window",
     settings((INITIAL_WINDOW_SIZE, 0x7fffffff)) + ask(), answered()),
    ("6.7", "PING", frame(PING, 0, 0, b"12345678"), lives),
    ("6.7", "an answer to no PING", frame(PING, ACK, 0, b"12345678"), lives),
    ("6.8", "GOAWAY while a request is on its way",
     ask() + frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)),
     lambda h: same("status", h.answer(1).status, 200)),
    ("6.9", "WINDOW_UPDATE of the connection", window_update(0, 1) + ask(),
     answered()),
    ("6.9", "WINDOW_UPDATE of a stream", post() + window_update(1, 1) +
     data(), answered()),
    ("6.10", "one CONTINUATION", frame(
        HEADERS, END_STREAM, 1, block(ASK)[:9]) + frame(
        CONTINUATION, END_HEADERS, 1, block(ASK)[9:]), answered()),
    ("6.10", "several CONTINUATIONs", frame(
        HEADERS, END_STREAM, 1, block(ASK)[:5]) + frame(
        CONTINUATION, 0, 1, block(ASK)[5:6]) + frame(
        CONTINUATION, 0, 1, b"") + frame(
        CONTINUATION, END_HEADERS, 1, block(ASK)[6:]), answered()),
    ("7", "an unknown error in RST_STREAM", post() + rst(1, 0xff), lives),
    ("7", "an unknown error in GOAWAY ends nothing before its time",
     ask() + frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0xff)), leaves),
    ("8.1", "HEAD", ask(fields=instead(":method", "HEAD")), answered()),
    ("8.1", "POST with trailers", post() + data(flags=0) + frame(
        HEADERS, BOTH, 1, block([("x-sum", "1")])), answered()),
    ("8.2.2", "TE: trailers", ask(more=[("te", "trailers")]), answered()),
    ("8.2.3", "Cookie in crumbs", ask(more=[("cookie", "a=b"), ("x", "y"),
                                            ("cookie", "c=d")]), answered()),
    ("8.3.1", "Host in place of :authority", ask(fields=without(
        ":authority") + [("host", "flow.example.com")]), answered()),
    ("8.3.1", "Host beside the same :authority",
     ask(more=[("host", "FLOW.example.com")]), answered()),
    ("8.3.1", "* for OPTIONS", ask(fields=[
        (":method", "OPTIONS"), (":scheme", "http"), (":path", "*"),
        (":authority", "flow.example.com")]), lives),
    ("8.1.1", "a true Content-Length", post(1, ("content-length", "4")) +
     data(b"ab", flags=0) + data(b"cd"), answered()),
]

# --- what is wrong with frames --------------------------------------------------------

WRONG = [
    ("4.2", "a DATA frame that is too large", post() + data(b"x" * 16385),
     fails(F)),
    ("4.2", "a HEADERS frame that is too large", frame(
        HEADERS, BOTH, 1, block(ASK) + block([("x", "y" * 16385)])), ends(F)),
    ("4.3", "a header block cut short", frame(HEADERS, BOTH, 1, b"\x40"),
     ends(C)),
    ("4.3", "PRIORITY within a header block", ask(flags=END_STREAM) +
     priority(1, 0), ends(P)),
    ("4.3", "another stream within a header block", ask(flags=END_STREAM) +
     ask(3), ends(P)),
    ("5.1", "DATA on an idle stream", data(), ends(P)),
    ("5.1", "RST_STREAM of an idle stream", rst(1), ends(P)),
    ("5.1", "WINDOW_UPDATE of an idle stream", window_update(1, 9), ends(P)),
    ("5.1", "CONTINUATION on an idle stream", frame(
        CONTINUATION, END_HEADERS, 1, block(ASK)), ends(P)),
    ("5.1", "DATA on a half-closed stream", ask(1) + data(), fails(S)),
    ("5.1", "HEADERS on a half-closed stream", ask(1) + ask(1), fails(S)),
    ("5.1", "CONTINUATION on a half-closed stream", ask(1) + frame(
        CONTINUATION, END_HEADERS, 1, block(ASK)), ends(S, P)),
    ("5.1", "HEADERS on a stream that was reset", post() + rst(1) + ask(1),
     fails(S)),
    ("5.1", "DATA on a stream that was reset", post() + rst(1) + data(),
     resets(S)),
    ("5.1", "two more after that one", post() + rst(1) + data() + ask(1) +
     ask(3), answered(3)),
    ("5.1", "CONTINUATION on a stream that was reset", post() + rst(1) +
     frame(CONTINUATION, END_HEADERS, 1, block(ASK)), ends(S, P)),
    ("5.1.1", "a stream of even number", ask(2), ends(P)),
    ("5.1.1", "a stream of a lower number", ask(5) + ask(3), ends(P)),
    ("5.1.1", "one that was passed over", ask(7) + ask(5), ends(P)),
    ("5.3.1", "HEADERS that depend on themselves", frame(
        HEADERS, BOTH | PRIORITIZED, 1, struct.pack(">IB", 1, 255) +
        block(ASK)), fails(P)),
    ("5.3.1", "PRIORITY that depends on itself", priority(1, 1, 255),
     ends(P)),
    ("5.3.1", "the same, and alone", priority(1, 0x80000001), ends(P)),
    ("5.3.1", "the same on an open stream", post() + priority(1, 1), ends(P)),
    ("5.5", "an unknown frame within a header block", ask(
        flags=END_STREAM) + frame(0xff, 0, 0, b"?"), ends(P)),
    ("6.1", "DATA on stream 0", data(stream=0), ends(P)),
    ("6.1", "DATA padded beyond its length", post() + data(
        b"\x09body", flags=END_STREAM | PADDED), ends(P)),
    ("6.1", "DATA padded, without a length", post() + data(
        b"", flags=END_STREAM | PADDED), ends(F, P)),
    ("6.2", "HEADERS on stream 0", ask(0), ends(P)),
    ("6.2", "HEADERS padded beyond their length", frame(
        HEADERS, BOTH | PADDED, 1, b"\xff" + block(ASK)), ends(P)),
    ("6.2", "HEADERS too short for a priority", frame(
        HEADERS, BOTH | PRIORITIZED, 1, b"\0\0"), ends(F, P)),
    ("6.3", "PRIORITY of stream 0", priority(0, 1), ends(P)),
    ("6.3", "PRIORITY of four bytes", frame(PRIORITY, 0, 1, bytes(4)),
     fails(F)),
    ("6.4", "RST_STREAM of stream 0", rst(0), ends(P)),
    ("6.4", "RST_STREAM of three bytes", post() + frame(
        RST_STREAM, 0, 1, bytes(3)), ends(F)),
    ("6.5", "an acknowledgement with settings", frame(
        SETTINGS, ACK, 0, bytes(6)), ends(F)),
    ("6.5", "SETTINGS of a stream", frame(SETTINGS, 0, 1, bytes(6)), ends(P)),
    ("6.5", "SETTINGS of three bytes", frame(SETTINGS, 0, 0, bytes(3)),
     ends(F)),
    ("6.5.2", "ENABLE_PUSH of 2", settings((ENABLE_PUSH, 2)), ends(P)),
    ("6.5.2", "a window that is too large", settings(
        (INITIAL_WINDOW_SIZE, 0x80000000)), ends(FLOW_CONTROL_ERROR)),
    ("6.5.2", "frames that are too small", settings(
        (MAX_FRAME_SIZE, 16383)), ends(P)),
    ("6.5.2", "frames that are too large", settings(
        (MAX_FRAME_SIZE, 16777216)), ends(P)),
    ("6.6", "PUSH_PROMISE of a client", ask() + frame(
        PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + block(ASK)),
     ends(P)),
    ("6.7", "PING of a stream", frame(PING, 0, 1, bytes(8)), ends(P)),
    ("6.7", "PING of six bytes", frame(PING, 0, 0, bytes(6)), ends(F)),
    ("6.8", "GOAWAY of a stream", frame(GOAWAY, 0, 1, bytes(8)), ends(P)),
    ("6.8", "GOAWAY of four bytes", frame(GOAWAY, 0, 0, bytes(4)), ends(F)),
    ("6.9", "WINDOW_UPDATE of nothing", window_update(0, 0), ends(P)),
    ("6.9", "WINDOW_UPDATE of nothing on a stream", post() +
     window_update(1, 0), fails(P)),
    ("6.9", "WINDOW_UPDATE of three bytes", frame(
        WINDOW_UPDATE, 0, 0, bytes(3)), ends(F)),
    ("6.9.1", "a connection's window beyond 2^31-1", window_update(
        0, 0x7fffffff) * 2, ends(FLOW_CONTROL_ERROR)),
    ("6.9.1", "a stream's window beyond 2^31-1", post() + window_update(
        1, 0x7fffffff) * 2, resets(FLOW_CONTROL_ERROR)),
    ("6.9.2", "a setting that takes a window beyond it", post() +
     window_update(1, 0x7fffffff - 65535) + settings(
         (INITIAL_WINDOW_SIZE, 65536)), fails(FLOW_CONTROL_ERROR)),
    ("6.10", "something else after CONTINUATION", ask(flags=END_STREAM) +
     frame(CONTINUATION, 0, 1, b"") + data(), ends(P)),
    ("6.10", "CONTINUATION on stream 0", ask(flags=END_STREAM) + frame(
        CONTINUATION, END_HEADERS, 0, b""), ends(P)),
    ("6.10", "CONTINUATION after END_HEADERS", post() + frame(
        CONTINUATION, END_HEADERS, 1, b""), ends(P)),
    ("6.10", "CONTINUATION after the last CONTINUATION", ask(
        flags=END_STREAM) + frame(CONTINUATION, END_HEADERS, 1, b"") * 2,
     ends(P)),
    ("6.10", "CONTINUATION after DATA", post() + data(flags=0) + frame(
        CONTINUATION, END_HEADERS, 1, b""), ends(P)),
    ("6.10", "CONTINUATION of another stream", ask(flags=END_STREAM) + frame(
        CONTINUATION, END_HEADERS, 3, b""), ends(P)),
    ("8.1", "HEADERS after a body, without END_STREAM", post() + data(
        flags=0) + frame(HEADERS, END_HEADERS, 1, block([("x", "y")])),
     fails(P)),
]


# --- what is wrong with fields ----------------------------------------------------------

def malformed(section, what, fields=None, more=()):
    return section, what, ask(fields=fields, more=more), resets(P)


FIELDS = [
    malformed("8.2.1", "a name in upper case", more=[("X-Upper", "1")]),
    malformed("8.2.1", "a name with a space", more=[("a b", "1")]),
    malformed("8.2.1", "a name with a colon", more=[("a:b", "1")]),
    malformed("8.2.1", "an empty name", more=[("", "1")]),
    malformed("8.2.1", "a name with a byte beyond ASCII", more=[("\xe4", "1")]),
    malformed("8.2.1", "CR in a value", more=[("x", "a\rb")]),
    malformed("8.2.1", "LF in a value", more=[("x", "a\nb")]),
    malformed("8.2.1", "CR LF and a field in a value",
              more=[("x", "a\r\nX-ManyWho-Region-Backend: GB")]),
    malformed("8.2.1", "NUL in a value", more=[("x", "a\0b")]),
    malformed("8.2.1", "a space before a value", more=[("x", " a")]),
    malformed("8.2.1", "a tab behind a value", more=[("x", "a\t")]),
    malformed("8.2.2", "Connection", more=[("connection", "keep-alive")]),
    malformed("8.2.2", "Connection that is empty", more=[("connection", "")]),
    malformed("8.2.2", "Keep-Alive", more=[("keep-alive", "1")]),
    malformed("8.2.2", "Proxy-Connection", more=[("proxy-connection", "x")]),
    malformed("8.2.2", "Transfer-Encoding",
              more=[("transfer-encoding", "chunked")]),
    malformed("8.2.2", "Upgrade", more=[("upgrade", "h2c")]),
    malformed("8.2.2", "TE with something else",
              more=[("te", "trailers, deflate")]),
    malformed("8.3", "an unknown pseudo-field", more=[(":test", "ok")]),
    malformed("8.3", "an unknown one at the front",
              [(":test", "ok")] + ASK),
    malformed("8.3", "a response's in a request", ASK + [(":status", "200")]),
    malformed("8.3", "one behind a field",
              without(":path") + [("x", "y"), (":path", "/")]),
    malformed("8.3", "one twice: :method", [ASK[0]] + ASK),
    malformed("8.3", "one twice: :scheme", [ASK[1]] + ASK),
    malformed("8.3", "one twice: :path", [ASK[2]] + ASK),
    malformed("8.3", "one twice: :authority", [ASK[3]] + ASK),
    malformed("8.3.1", "an empty :path", instead(":path", "")),
    malformed("8.3.1", "no :method", without(":method")),
    malformed("8.3.1", "no :scheme", without(":scheme")),
    malformed("8.3.1", "no :path", without(":path")),
    malformed("8.3.1", "a :path without its slash", instead(":path", "api")),
    malformed("8.3.1", "a :path with a scheme",
              instead(":path", "http://flow.example.com/")),
    malformed("8.3.1", "a space in :path",
              instead(":path", "/ HTTP/1.1\r\nX: y")),
    malformed("8.3.1", "a space in :method",
              instead(":method", "GET / HTTP/1.1")),
    malformed("8.3.1", "an empty :method", instead(":method", "")),
    malformed("8.3.1", "an unknown :scheme", instead(":scheme", "ftp")),
    malformed("8.3.1", "CR LF in :authority",
              instead(":authority", "a\r\nx: y")),
    malformed("8.3.1", "a Host that differs from :authority",
              more=[("host", "other.example.com")]),
    malformed("8.3.1", "two Hosts", more=[("host", "flow.example.com")] * 2),
    malformed("8.5", "CONNECT with a :path", [(":method", "CONNECT")] +
              ASK[1:]),
    malformed("8.5", "CONNECT without :authority", [(":method", "CONNECT")]),
    ("8.1.1", "a Content-Length of more than comes",
     post(1, ("content-length", "2")) + data(b"x"), fails(P)),
    ("8.1.1", "a Content-Length of less than comes",
     post(1, ("content-length", "2")) + data(b"x", flags=0) + data(b"yz"),
     fails(P)),
    ("8.1.1", "a Content-Length without a body",
     ask(more=[("content-length", "2")]), resets(P)),
    ("8.1.1", "two Content-Lengths", post(
        1, ("content-length", "1"), ("content-length", "1")) + data(),
     fails(P)),
    ("8.1.1", "a Content-Length that is none", post(
        1, ("content-length", "+1")) + data(), fails(P)),
    ("8.1", "a pseudo-field in trailers", post() + data(flags=0) + frame(
        HEADERS, BOTH, 1, block([(":method", "GET")])), fails(P)),
    ("8.1", "a field of the connection in trailers", post() + data(
        flags=0) + frame(HEADERS, BOTH, 1, block([("connection", "x")])),
     fails(P)),
    # Well-formed, but no request of ours.
    ("8.3.1", "a user in :authority", ask(
        fields=instead(":authority", "me@flow.example.com")), status(400)),
    ("8.3.1", "a path in :authority", ask(
        fields=instead(":authority", "flow.example.com/x")), resets(P)),
    ("8.3.1", "an empty :authority", ask(fields=instead(":authority", "")),
     resets(P)),
    ("8.3.1", "no name at all", ask(fields=without(":authority")),
     resets(P)),
    ("8.3.1", "two ports in :authority", ask(
        fields=instead(":authority", "flow.example.com:1:2")), status(400)),
    ("8.3.1", "a list in :authority", ask(
        fields=instead(":authority", "flow.example.com,a")), status(400)),
    ("8.3.1", "a fragment in :path", ask(fields=instead(":path", "/a#b")),
     status(400)),
    ("8.3.1", "* for GET", ask(fields=instead(":path", "*")), resets(P)),
    ("8.5", "a plain CONNECT", ask(fields=[
        (":method", "CONNECT"), (":authority", "flow.example.com:443")],
        flags=END_HEADERS), status(405)),
    ("RFC 8441 4", "a tunnel of an unknown protocol", ask(
        fields=[(":method", "CONNECT"), (":protocol", "connect-udp")] +
        ASK[1:], flags=END_HEADERS), status(501)),
    ("RFC 8441 4", ":protocol without CONNECT", ask(
        fields=[(":protocol", "websocket")] + ASK), resets(P)),
    ("10.5.1", "too many fields", ask(more=[(f"x-{i}", "y")
                                            for i in range(130)]),
     status(431)),
    ("10.5.1", "too large a field", ask(more=[("x", "y" * 9000)]),
     status(431)),
    ("10.5.1", "too many bytes of fields", frame(
        HEADERS, END_STREAM, 1, block(ASK)) + b"".join(frame(
            CONTINUATION, END_HEADERS if i == 5 else 0, 1, block(
                [(f"x-{i}-{k}", "y" * 4000) for k in range(3)]))
            for i in range(6)), status(431)),
]

# --- HPACK ---------------------------------------------------------------------------------


def headers(blocked, stream=1):
    return frame(HEADERS, BOTH, stream, blocked)


GET = block(ASK)
AUTHORITY = hpack.literal("", "flow.example.com", index=1)

LITERALS = [("indexed", 0x40, 6), ("not indexed", 0x00, 4),
            ("never indexed", 0x10, 4)]

HPACK = [
    ("H6.1", "indexed fields", headers(b"\x82\x86\x84" + AUTHORITY),
     answered()),
    ("H6.2.1", "an indexed literal, then its index", headers(
        GET + hpack.literal("x-a", "1", first=0x40, prefix=6)) + headers(
        GET + b"\xbe", 3), answered(1, 3)),
    ("H6.2.1", "an indexed literal with an indexed name", headers(
        b"\x82\x86\x84" + hpack.literal("", "flow.example.com", first=0x40,
                                        index=1, prefix=6)), answered()),
    ("H6.2.2", "a literal with an indexed name", headers(
        b"\x82\x86\x84" + AUTHORITY), answered()),
    ("H6.2.2", "a literal with a new name", headers(GET), answered()),
    ("H6.2.3", "a literal that is never indexed", headers(
        GET + hpack.literal("x-a", "1", first=0x10)), answered()),
    ("H6.2.3", "the same with an indexed name", headers(
        b"\x82\x86\x84" + hpack.literal("", "flow.example.com", first=0x10,
                                        index=1)), answered()),
    ("H5.2", "strings in Huffman's code", headers(block(ASK, True)),
     answered()),
    *[("H5.2", f"a value in Huffman's code, {how}", headers(
        b"\x82\x86\x84" + hpack.literal("", ASK[3][1], True, first, 1,
                                        prefix)), answered())
      for how, first, prefix in LITERALS],
    *[("H5.2", f"name and value in Huffman's code, {how}", headers(
        GET + hpack.literal("x-a", "some words", True, first, 0, prefix)),
       answered()) for how, first, prefix in LITERALS],
    ("H4.2", "a change of the table's size", headers(b"\x20" + GET),
     answered()),
    ("H4.2", "two changes of the table's size", headers(
        b"\x20" + hpack.integer(4096, 5, 0x20) + GET), answered()),
    ("H4.1", "a field larger than the table empties it", headers(
        GET + hpack.literal("x-a", "1" * 5000, first=0x40, prefix=6)),
     answered()),
    ("H2.3.3", "an index beyond the tables", headers(
        GET + hpack.integer(70, 7, 0x80)), ends(C)),
    ("H2.3.3", "a name's index beyond the tables", headers(
        GET + hpack.literal("", "x", index=70)), ends(C)),
    ("H4.2", "a change of size behind a field", headers(GET + b"\x20"),
     ends(C)),
    ("H6.1", "the index 0", headers(GET + b"\x80"), ends(C)),
    ("H6.3", "a table larger than was allowed", headers(
        hpack.integer(4097, 5, 0x20) + GET), ends(C)),
    ("H5.1", "an integer without end", headers(GET + b"\xff" + b"\xff" * 20),
     ends(C)),
    ("H5.2", "a string longer than its block", headers(
        GET + b"\x00\x01x\x7f\xff\x01"), ends(C)),
    ("H5.2", "Huffman padding of more than seven bits", headers(
        GET + b"\x00\x01x\x84\x49\x50\x9f\xff"), ends(C)),
    ("H5.2", "Huffman padding of zeros", headers(
        GET + b"\x00\x01x\x83\x49\x50\x90"), ends(C)),
    ("H5.2", "the end of string in a Huffman string", headers(
        GET + b"\x00\x01x\x88\x49\x50\x9f\xff\xff\xff\xff\xff"), ends(C)),
]


# --- what a row cannot say ---------------------------------------------------------------------

SPECIAL = []


def special(section, what, **how):
    def keep(fn):
        SPECIAL.append((section, what, how, fn))
        return fn
    return keep


@special("3.4", "another preface", hello=False)
def _(h):
    h.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings())
    h.data = b""
    while h.more():
        pass                            # it speaks HTTP/1.1 to us: 4xx or 505
    same("an error of HTTP/1.1", h.data[:10], b"HTTP/1.1 5")


@special("3.4", "no SETTINGS behind the preface", hello=False)
def _(h):
    h.send(PREFACE + ask())
    ends(P)(h)


@special("3.4", "the preface in pieces", hello=False)
def _(h):
    for i in range(0, 24, 5):
        h.send(PREFACE[i:i + 5])
    h.send(settings() + ask())
    answered()(h)


@special("3.4", "the server's first frame is SETTINGS")
def _(h):
    f = h.frame()
    same("frame", (f.kind, f.flags, f.stream), (SETTINGS, 0, 0))


@special("5.1", "DATA on a stream that we have reset")
def _(h):
    h.send(ask(1, END_HEADERS, [(":method", "POST"), ASK[1],
                                (":path", "/api/run/%2f"), ASK[3]]))
    a = h.answer(1)
    h.until("no more of it", lambda: a.reset is not None)
    h.send(data())                      # it was on its way: no error
    h.send(ask(3))
    answered(3)(h)


@special("5.1", "DATA on a closed stream")
def _(h):
    h.send(ask())
    h.answer(1)
    h.send(data())
    ends(S)(h)


@special("5.1", "HEADERS on a closed stream")
def _(h):
    h.send(ask())
    h.answer(1)
    h.send(ask())
    ends(S)(h)


@special("5.1", "HEADERS on one of several closed streams")
def _(h):
    for stream in (1, 3, 5):
        h.send(ask(stream))
        h.answer(stream)
    h.send(ask(3))
    ends(S)(h)


@special("5.1", "CONTINUATION on a closed stream")
def _(h):
    h.send(ask())
    h.answer(1)
    h.send(frame(CONTINUATION, END_HEADERS, 1, block(ASK)))
    ends(S, P)(h)


@special("5.1.2", "more streams than are allowed")
def _(h):
    h.until("settings", lambda: 3 in h.settings)
    most = h.settings[3]
    h.send(*[post(1 + 2 * i) for i in range(most + 1)])
    fails(P, REFUSED_STREAM, stream=1 + 2 * most)(h)


@special("5.4.1", "GOAWAY tells the last stream, then all is closed")
def _(h):
    h.send(ask(5))
    h.answer(5)
    h.send(frame(PING, 0, 0, b"short"))
    ends(F)(h)
    same("last stream", h.goaway.last_stream, 5)


@special("6.5.3", "SETTINGS are acknowledged, each")
def _(h):
    h.send(settings() * 3)
    h.until("acknowledgements", lambda: h.acked == 4)


@special("6.5.3", "of two values the last counts", updates=False)
def _(h):
    h.send(settings((INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1)) +
           ask())
    h.until("a body", lambda: 1 in h.streams and h.streams[1].body)
    h.ping()
    same("bytes", len(h.streams[1].body), 1)


@special("6.7", "PING comes back as it is")
def _(h):
    h.ping(b"\0\1\2\3\xff\xfe\xfd\xfc")


@special("6.9.1", "no more DATA than the window allows", window=1,
         updates=False)
def _(h):
    h.send(ask())
    h.until("a body", lambda: 1 in h.streams and h.streams[1].body)
    h.ping()
    same("bytes", len(h.streams[1].body), 1)
    h.send(window_update(1, 2))
    h.until("more", lambda: len(h.streams[1].body) == 3)


@special("6.9.2", "a window that opens by a setting", window=0,
         updates=False)
def _(h):
    h.send(ask())
    h.until("a head", lambda: 1 in h.streams and h.streams[1].fields)
    h.ping()
    same("bytes", h.streams[1].body, b"")
    h.send(settings((INITIAL_WINDOW_SIZE, 1)))
    h.until("a byte", lambda: len(h.streams[1].body) == 1)


@special("6.9.2", "a window below zero", window=3, updates=False)
def _(h):
    h.send(ask())
    h.until("3 bytes", lambda: 1 in h.streams and
            len(h.streams[1].body) == 3)
    h.send(settings((INITIAL_WINDOW_SIZE, 2)) + window_update(1, 1))
    h.ping()
    same("none yet", len(h.streams[1].body), 3)
    h.send(window_update(1, 1))
    h.until("one more", lambda: len(h.streams[1].body) == 4)


@special("6.9.1", "more DATA than the window allows")
def _(h):
    h.until("settings", lambda: 4 in h.settings)
    frames = h.settings[4] // 16384 + 1
    h.send(ask(1, END_HEADERS, [(":method", "CONNECT"),
                                (":protocol", "websocket"), ASK[1],
                                (":path", "/api/run/1/hold"), ASK[3]]))
    h.send(*[data(b"x" * 16384, flags=0)] * frames)
    fails(FLOW_CONTROL_ERROR)(h)


@special("8.1", "a request that was answered early may stop")
def _(h):
    h.send(ask(1, END_HEADERS, [(":method", "POST"), ASK[1],
                                (":path", "/api/run/%2f"), ASK[3]]))
    a = h.answer(1)
    same("status", a.status, 400)
    h.until("no more of it", lambda: a.reset is not None)
    same("without error", a.reset, NO_ERROR)


def early(h):
    """A request that is refused by its head alone, and the answer to it."""
    stream = h.ask([(":method", "POST"), ASK[1], (":path", "/api/run/%2f"),
                    ASK[3]], end=False)
    a = h.answer(stream)
    same("status", a.status, 400)
    return stream, a


@special("8.1", "a short rest of it may come after the answer")
def _(h):
    stream, a = early(h)
    h.ping()
    same("no reset at once", a.reset, None)
    h.send(data(b"x" * 20, stream))
    h.ping()
    same("no reset behind it", a.reset, None)


@special("8.1", "a long rest of it is stopped")
def _(h):
    stream, a = early(h)
    h.send(*[data(b"x" * 16384, stream, flags=0)] * 5)
    h.until("no more of it", lambda: a.reset is not None)
    same("without error", a.reset, NO_ERROR)


@special("8.6", "no pushes where they are off", pairs=[(ENABLE_PUSH, 0)])
def _(h):
    h.send(ask())
    answered()(h)


@special("9.2", "a request over TLS", tls=True)
def _(h):
    same("status", h.get().status, 200)


@special("9.2.1", "TLS renegotiates nothing, and takes many requests",
         tls=True)
def _(h):
    streams = [h.ask(h.fields()) for _ in range(20)]
    for stream in streams:
        same("status", h.answer(stream).status, 200)


gate = threading.Event()


def engine(conn, request):
    if request.target.endswith("hold"):
        conn.wait(gate, 60)
    conn.answer(200, b"some words")


# --- all of them ----------------------------------------------------------------------------------

def tell(section, what, look, wrong):
    try:
        look()
    except (Failed, hpack.HpackError) as e:
        wrong.append(f"{section}: {what}: {e}")


def row(edge, sent, look):
    with H2(edge.plain) as h:
        h.next = 1001
        h.send(sent)
        look(h)


def one(edge, how, fn):
    tls = how.pop("tls", False)
    with H2(edge.tls if tls else edge.plain,
            tls_name="flow.example.com" if tls else None, **how) as h:
        fn(h)


@story
def main():
    wrong = []
    with Platform(origins={"US": Origin("US", engine)}, tls=True) as p:
        us = p["US"]
        for section, what, sent, look in GOOD + WRONG + FIELDS + HPACK:
            tell(section, what, lambda s=sent, k=look: row(us, s, k), wrong)
        for section, what, how, fn in SPECIAL:
            tell(section, what, lambda h=how, f=fn: one(us, dict(h), f),
                 wrong)
        gate.set()
    total = len(GOOD + WRONG + FIELDS + HPACK + SPECIAL)
    print(f"{total - len(wrong)} of {total} rules", file=sys.stderr)
    if wrong:
        raise Failed("\n".join(wrong))
