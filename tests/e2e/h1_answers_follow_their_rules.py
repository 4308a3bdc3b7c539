#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Answers of HTTP/1.1, rule by rule: a row for each, with its section of RFC
9112 (messages), 9110 (semantics) or 9111 (caching), what an engine answers,
and what the client must get of it: the answer, a 502, or an end that nobody
takes for the right one."""
from lib import Origin, Platform, ProtocolError, same, story, truth, wait_for
from lib.rules import (
    HOST, Table, check_message, get, lines, own_fields, post)

FIVE, CHUNKED = b"Content-Length: 5", b"Transfer-Encoding: chunked"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
OLD = b"HTTP/1.0 200 OK"
LONG = b"a" * 7900


def answer(*fields, start=b"HTTP/1.1 200 OK", body=b""):
    return lines(start, *fields) + body


def plain(*fields, **how):
    """With a body of five bytes."""
    return answer(FIVE, *fields, body=b"hello", **how)


def chunks(body, *fields, **how):
    return answer(CHUNKED, *fields, body=body, **how)


def bare(start, *fields):
    return answer(*fields, start=start)


# --- what the client must get ------------------------------------------------------

def gets(start="HTTP/1.1 200 OK", body=b"hello", fields=(), trailers=(),
         interim=(), closes=False):
    """interim: status and fields of each."""
    def look(client, method):
        seen = client.read(method)
        check_message(seen, start, body, dict(fields), list(trailers))
        own_fields(seen)
        same("backend", seen.all("X-ManyWho-Region-Backend"), ["US"])
        same("interim", [m.status for m in seen.interim],
             [status for status, _ in interim])
        for m, (_, wanted) in zip(seen.interim, interim):
            check_message(m, None, None, wanted, [])
        same("Connection", seen["Connection"], "close" if closes else None)
        if closes:
            client.must_close()
        return not closes
    return look


def bad(client, method):
    """Nothing of it, and the client may go on."""
    seen = client.read(method)
    same("status", seen.status, 502)
    same("interim", seen.interim, [])
    own_fields(seen)
    truth("no byte of it", b"hello" not in seen.body)
    same("why", seen["Proxy-Status"].startswith("portolan-us; error="), True)
    return True


def cut(client, method):
    """Begun, and visibly without an end."""
    try:
        seen = client.read(method)
    except ProtocolError:
        return False
    raise ProtocolError(f"taken for whole: {seen!r}")


def row(section, what, said, look=None, ask=None, end="stay", method="GET"):
    """end: what the engine does then ("stay", "close", "reset")."""
    return (section, what, said, look or gets(), ask or get(), end, method)


def bads(section, what, *those, **how):
    return [row(section, f"{what}: {said[:70]!r}", said, bad, **how)
            for said in those]


HEAD = {"ask": get(start=b"HEAD / HTTP/1.1"), "method": "HEAD"}
ASKS_1_0 = get(start=b"GET / HTTP/1.0")
STAYS_1_0 = get(b"Connection: keep-alive", start=b"GET / HTTP/1.0")

# --- RFC 9112 2, 4, 5: lines ----------------------------------------------------------

LINES = [
    row("9112 2.1", "an answer", plain()),
    *bads("9112 2.2", "CR LF ends each line",
          plain().replace(b"\r\n", b"\n"), plain(b"X: a\nY: b"),
          plain(b"X: a\rY: b"), plain(b"X: a\r"),
          plain(start=b"HTTP/1.1 200 O\rK"), plain()[:-9] + b"\nhello"),
    *bads("9112 2.2", "whitespace before the first field",
          answer(b" X: a", FIVE, body=b"hello"),
          answer(b"\tX: a", FIVE, body=b"hello")),
    row("9112 2.3", "a version is of one hop: 1.0 goes on as 1.1",
        plain(start=OLD)),
    row("9110 2.5", "a later minor version is read as ours",
        plain(start=b"HTTP/1.2 200 OK")),
    *bads("9112 2.3", "another major version, and none",
          plain(start=b"HTTP/2.0 200 OK"), plain(start=b"HTTP/0.9 200 OK"),
          plain(start=b"http/1.1 200 OK"), plain(start=b"HTTP/1.10 200 OK"),
          plain(start=b"HTTP/1 200 OK"), plain(start=b"ICY 200 OK"),
          plain(start=b"200 OK"), plain(start=b""),
          plain(start=b"GET / HTTP/1.1"), b"hello\r\n\r\n",
          b"\x15\x03\x03\0\2\2\x28", b"\0\0\0\4\0\0\0\0\0"),
    row("9112 4", "a reason may be anything", plain(
        start=b"HTTP/1.1 200 it's (\xe4) \"fine\""),
        gets("HTTP/1.1 200 it's (\xe4) \"fine\"")),
    row("9112 4", "it may be empty", plain(start=b"HTTP/1.1 200 "),
        gets(None)),
    row("9112 4", "its space may be missing, too",
        plain(start=b"HTTP/1.1 200"), gets(None)),
    *bads("9112 4", "a code of three digits, between single spaces",
          *[plain(start=s) for s in (
              b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 abc OK",
              b"HTTP/1.1 +20 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK",
              b"HTTP/1.1 200\tOK", b" HTTP/1.1 200 OK", b"HTTP/1.1200 OK",
              b"HTTP/1.1 200 O\0K", b"HTTP/1.1 0x2 OK")]),
    *bads("9110 15", "a class there is", plain(start=b"HTTP/1.1 099 OK"),
          plain(start=b"HTTP/1.1 600 OK"), plain(start=b"HTTP/1.1 000 OK"),
          plain(start=b"HTTP/1.1 999 OK")),
    *[row("9110 15", f"{code} passes", plain(
        start=b"HTTP/1.1 %d Odd" % code), gets(f"HTTP/1.1 {code} Odd"))
      for code in (200, 201, 203, 206, 207, 226, 299, 300, 301, 308, 399, 400,
                   401, 404, 407, 418, 431, 451, 499, 500, 501, 507, 599)],
    row("9112 5.1", "whitespace around a value is not of it",
        plain(b"X: \t a b\t ", b"Y:c", b"Z:"),
        gets(fields={"X": "a b", "Y": "c", "Z": ""})),
    *bads("9112 5.1", "whitespace between name and colon", plain(b"X : a"),
          plain(b"X\t: a"), answer(b"Content-Length : 5", body=b"hello")),
    *bads("9112 5.2", "a line that goes on in the next",
          plain(b"X: a\r\n b"), plain(b"X: a\r\n\tb"), plain(b"X:\r\n a")),
    *bads("9110 5.1", "names are tokens", plain(b"X"), plain(b": a"),
          plain(b"X Y: a"), plain(b"X(: a"), plain(b"X\xe9: a"),
          plain(b"X\0: a"), plain(b'"X": a')),
    *bads("9110 5.5", "no control characters in values", plain(b"X: a\0b"),
          plain(b"X: a\x01b"), plain(b"X: a\x7f"), plain(b"X: a\x0bb"),
          plain(b"Location: /\0")),
    row("9110 5.5", "bytes beyond ASCII, and tabs, pass",
        plain(b"X: \xe4\xff", b"Y: a\tb"),
        gets(fields={"X": "\xe4\xff", "Y": "a\tb"})),
    row("9110 5.3", "lines of one name stay in their order, and apart",
        plain(b"Set-Cookie: a=1; Path=/", b"X-A: 1", b"Set-Cookie: b=2",
              b"x-a: 2", b"set-cookie: c=3, d"),
        gets(fields={"Set-Cookie": ["a=1; Path=/", "b=2", "c=3, d"],
                     "X-A": ["1", "2"]})),
    row("9110 5.1", "an unknown field passes", plain(b"Quite_Unknown: a"),
        gets(fields={"Quite_Unknown": "a"})),
    row("9110 5.4", "a value of almost 8 KiB", plain(b"X: " + LONG),
        gets(fields={"X": LONG.decode()})),
    *bads("9110 5.4", "more or larger fields than are read",
          plain(b"X: " + b"a" * 9000),
          plain(*[b"X-%d: a" % i for i in range(200)]),
          plain(*[b"X-%d: " % i + LONG for i in range(6)])),
]

# --- RFC 9112 6 to 8: how long it is -----------------------------------------------------

NOT_MODIFIED, NO_CONTENT = (b"HTTP/1.1 304 Not Modified",
                            b"HTTP/1.1 204 No Content")
GET_304 = "HTTP/1.1 304 Not Modified"
BIG = b"20000\r\n" + b"x" * 0x20000 + b"\r\n"


def broken(*those):
    return [chunks(body) for body in those]


FRAMING = [
    row("9112 6.3", "a length", plain(), gets(fields={
        "Content-Length": "5", "Transfer-Encoding": None})),
    row("9112 6.3", "a length of nothing", answer(b"Content-Length: 0"),
        gets(body=b"", fields={"Content-Length": "0"})),
    row("9110 8.6", "zeros before it change nothing",
        answer(b"Content-Length: 005", body=b"hello"),
        gets(fields={"Content-Length": "5"})),
    row("9112 6.1", "chunks", chunks(HELLO), gets(fields={
        "Transfer-Encoding": "chunked", "Content-Length": None})),
    row("9112 7", "a coding's name in any case",
        answer(b"Transfer-Encoding: CHUNKED", body=HELLO), gets()),
    row("9112 6.3", "neither: until it closes", answer(body=b"hello"),
        gets(fields={"Content-Length": None}), end="close"),
    row("9112 6.3", "the same without a byte", answer(), gets(body=b""),
        end="close"),
    *bads("9112 6.3", "length and coding", answer(FIVE, CHUNKED, body=HELLO),
          answer(CHUNKED, FIVE, body=HELLO)),
    *bads("9112 6.3", "several lengths",
          answer(FIVE, FIVE, body=b"hello"),
          answer(FIVE, b"Content-Length: 6", body=b"hello"),
          answer(b"Content-Length: 5, 5", body=b"hello")),
    *bads("9110 8.6", "a length is of digits, and does not overflow", *[
        answer(b"Content-Length: " + v, body=b"hello") for v in (
            b"", b"+5", b"-5", b"0x5", b"5 5", b"5.0", b"five",
            b"9223372036854775808", b"18446744073709551621")]),
    *bads("9112 6.1", "a coding that was not asked for", *[
        answer(b"Transfer-Encoding: " + v, body=HELLO) for v in (
            b"gzip", b"gzip, chunked", b"identity", b"xchunked", b"",
            b"chunked, chunked", b"chunked, gzip", b"chunked,")],
          answer(CHUNKED, CHUNKED, body=HELLO)),
    *bads("9112 6.1", "a coding in HTTP/1.0", chunks(HELLO, start=OLD)),
    row("9110 9.3.2", "HEAD tells of a body that does not come",
        answer(FIVE), gets(body=b"", fields={"Content-Length": "5"}),
        **HEAD),
    row("9112 6.1", "or of its coding", answer(CHUNKED), gets(
        body=b"", fields={"Content-Length": None}), **HEAD),
    row("9110 9.3.2", "or of nothing", answer(), gets(body=b""), **HEAD),
    row("9110 9.3.2", "what comes all the same is not for anybody",
        plain(), gets(body=b""), **HEAD),
    row("9110 9.3.2", "an error has none either",
        answer(FIVE, start=b"HTTP/1.1 404 Not Found"),
        gets("HTTP/1.1 404 Not Found", b"", {"Content-Length": "5"}),
        **HEAD),
    row("9110 15.4.5", "304 has no body", bare(
        NOT_MODIFIED, b'ETag: "a"', b"Vary: x"),
        gets(GET_304, b"", {"ETag": '"a"', "Vary": "x"})),
    row("9110 8.6", "304 may tell of one", bare(NOT_MODIFIED, FIVE),
        gets(GET_304, b"", {"Content-Length": "5"})),
    row("9112 6.1", "or of its coding", bare(NOT_MODIFIED, CHUNKED),
        gets(GET_304, b"")),
    row("9110 15.3.5", "204 has no body", bare(NO_CONTENT), gets(
        "HTTP/1.1 204 No Content", b"", {"Content-Length": None,
                                         "Transfer-Encoding": None})),
    row("9110 8.6", "204 has no length, and goes on without",
        bare(NO_CONTENT, b"Content-Length: 0"),
        gets("HTTP/1.1 204 No Content", b"", {"Content-Length": None})),
    *bads("9110 8.6", "204 tells of no body", bare(NO_CONTENT, FIVE)),
    *bads("9112 6.1", "nor of its coding",
          answer(CHUNKED, start=NO_CONTENT, body=HELLO)),
    row("9110 15.3.6", "205 says that there is none",
        bare(b"HTTP/1.1 205 Reset Content", b"Content-Length: 0"),
        gets("HTTP/1.1 205 Reset Content", b"", {"Content-Length": "0"})),
    row("9112 7.1", "sizes in either case, and with zeros before",
        chunks(b"00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n"),
        gets(body=b"0123456789" * 2)),
    row("9112 7.1.1", "extensions are left out",
        chunks(b'5;a;b=c ; d="e\\""\r\nhello\r\n0;x\r\n\r\n')),
    *bads("9112 7.1", "chunks that are none", *broken(
        *[s + b"\r\nhello\r\n0\r\n\r\n" for s in (
            b"", b"+5", b"-5", b"0x5", b"5 ", b" 5", b"g", b"5\0", b"5;",
            b"ffffffffffffffff", b"8000000000000000", b"10000000000000005")],
        b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello!0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r\n0\n\n",
        b"5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n")),
    *bads("9112 7.1.2", "trailers that are none", *broken(
        *[b"5\r\nhello\r\n0\r\n" + t + b"\r\n\r\n" for t in (
            b"X", b": a", b"X : a", b" X: a", b"X: a\0", b"X: a\nY: b",
            b"X\xe9: a")])),
    row("9110 6.5", "trailers pass", chunks(
        b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nServer-Timing:  a \r\n\r\n"),
        gets(trailers=[("X-Sum", "1"), ("Server-Timing", "a")])),
    row("9110 6.5.1", "but not what would have changed the answer", chunks(
        b"5\r\nhello\r\n0\r\n" + b"".join(n + b": 1\r\n" for n in (
            b"Content-Length", b"Transfer-Encoding", b"Connection",
            b"Set-Cookie", b"Content-Type", b"Content-Encoding",
            b"Content-Range", b"Cache-Control", b"Trailer", b"TE",
            b"Retry-After", b"X-ManyWho-Region-Frontend",
            b"X-ManyWho-Region-Backend")) + b"X-Sum: 1\r\n\r\n"),
        gets(trailers=[("X-Sum", "1")])),
    row("9112 8", "a length that does not come", answer(FIVE, body=b"hell"),
        cut, end="close"),
    row("9112 8", "chunks without the last", chunks(b"5\r\nhello\r\n"), cut,
        end="close"),
    row("9112 8", "a chunk without its end", chunks(b"5\r\nhel"), cut,
        end="close"),
    row("9112 8", "trailers without their end",
        chunks(b"5\r\nhello\r\n0\r\nX: a\r\n"), cut, end="close"),
    row("9112 8", "until it closes, but it was reset",
        answer(body=b"x" * 0x20000), cut, end="reset"),
    row("9112 7.1", "a bad chunk when the answer has begun",
        chunks(BIG + b"zz\r\n"), cut),
    row("9112 6.3", "a bad trailer when it has", chunks(BIG + b"0\r\nX\r\n\r\n"),
        cut),
    *bads("9112 8", "a head without its end", b"HTTP/1.1 200 OK\r\nX: a",
          b"HTTP/1.1 20", plain()[:-7], end="close", ask=post()),
    *bads("9112 8", "not a byte", b"", end="close", ask=post()),
    *bads("9112 8", "a reset", b"HTTP/1.1 200 OK\r\n", end="reset",
          ask=post()),
]

# --- RFC 9110 6 to 15: from hop to hop ------------------------------------------------------

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
UPGRADE = (b"Connection: Upgrade", b"Upgrade: websocket")
SWITCHING = b"HTTP/1.1 101 Switching Protocols"


def hints(*fields):
    return bare(b"HTTP/1.1 103 Early Hints", *fields)


HOPS = [
    row("9110 6.6.1", "a date is as the engine told it",
        plain(b"Date: " + DATE.encode()), gets(fields={"Date": DATE})),
    row("9110 6.6.1", "and told where it did not", plain()),
    row("9110 7.6.1", "what Connection names stays here", plain(
        b"Connection: X-A, x-b", b"X-A: 1", b"X-B: 2", b"X-C: 3"),
        gets(fields={"X-A": None, "X-B": None, "X-C": "3"})),
    row("9110 7.6.1", "in each line, before it and behind it", plain(
        b"X-B: 2", b"Connection: X-A", b"connection: , X-B", b"X-A: 1"),
        gets(fields={"X-A": None, "X-B": None})),
    row("9110 7.6.1", "what is of one hop stays without it", plain(
        b"Keep-Alive: timeout=5", b"Proxy-Connection: close", b"TE: x",
        b"Upgrade: h2c", b"Proxy-Authenticate: Basic"),
        gets(fields={n: None for n in (
            "Keep-Alive", "Proxy-Connection", "TE", "Upgrade",
            "Proxy-Authenticate")})),
    *bads("9110 7.6.1", "it is a list of tokens, and names no framing",
          plain(b"Connection: a b"), plain(b"Connection: Content-Length"),
          plain(b"Connection: X-A, Transfer-Encoding"),
          plain(b"Connection: X-ManyWho-Region-Backend")),
    row("9110 7.6.3", "Via tells who passed it on", plain(b"Via: 1.0 inner"),
        gets(fields={"Via": ["1.0 inner", "1.1 portolan-us"]})),
    row("9110 7.6.3", "by the version in which it came", plain(start=OLD),
        gets(fields={"Via": "1.0 portolan-us"})),
    row("9110 7.7", "nothing of what it is changes", plain(
        b"Content-Type: text/plain; charset=x", b"Content-Encoding: gzip",
        b"Content-Language: de", b"Content-Location: /y",
        b"Content-Range: bytes 0-4/5", b'ETag: W/"a"',
        b"Last-Modified: " + DATE.encode(), b"Accept-Ranges: bytes",
        b"Vary: *"),
        gets(fields={
            "Content-Type": "text/plain; charset=x", "Vary": "*",
            "Content-Encoding": "gzip", "Content-Language": "de",
            "Content-Location": "/y", "Content-Range": "bytes 0-4/5",
            "ETag": 'W/"a"', "Last-Modified": DATE,
            "Accept-Ranges": "bytes"})),
    row("9110 10.2", "nor what it asks for", plain(
        b"Allow: GET", b"Location: //other.example.com/x#y",
        b"Retry-After: 120", start=b"HTTP/1.1 503 Later"),
        gets("HTTP/1.1 503 Later", fields={
            "Allow": "GET", "Location": "//other.example.com/x#y",
            "Retry-After": "120"})),
    row("9110 11.6.1", "all challenges pass", plain(
        b'WWW-Authenticate: Basic realm="a, b"',
        b"WWW-Authenticate: Newauth x=1", start=b"HTTP/1.1 401 Who"),
        gets("HTTP/1.1 401 Who", fields={"WWW-Authenticate": [
            'Basic realm="a, b"', "Newauth x=1"]})),
    row("9111 5", "caches are told what the engine told", plain(
        b"Cache-Control: private, max-age=0, x=y", b"Age: 7",
        b"Expires: 0", b"Pragma: no-cache"),
        gets(fields={"Cache-Control": "private, max-age=0, x=y", "Age": "7",
                     "Expires": "0", "Pragma": "no-cache"})),
    row("9110 15.2", "interim answers pass, with their fields",
        hints(b"Link: </a>", b"Connection: X-A", b"X-A: 1") +
        bare(b"HTTP/1.1 102 Processing") + hints(b"Link: </b>") + plain(),
        gets(interim=[(103, {"Link": "</a>", "X-A": None,
                             "Connection": None}),
                      (102, {}), (103, {"Link": "</b>"})])),
    row("9110 15.2", "unknown ones, too",
        bare(b"HTTP/1.1 199 Odd", b"X: y") + plain(),
        gets(interim=[(199, {"X": "y"})])),
    row("9110 15.2.1", "so does a 100 that nobody waited for",
        bare(b"HTTP/1.1 100 Continue") + plain(), gets(interim=[(100, {})])),
    row("9110 15.2", "none goes to HTTP/1.0",
        bare(b"HTTP/1.1 100 Continue") + hints(b"Link: </a>") + plain(),
        gets(closes=True), ask=ASKS_1_0),
    *bads("9110 8.6", "none has a body", bare(
        b"HTTP/1.1 103 Early Hints", FIVE) + plain(), bare(
        b"HTTP/1.1 102 Processing", CHUNKED) + plain()),
    *bads("9110 7.8", "nobody switches who was not asked",
          bare(SWITCHING, *UPGRADE), bare(SWITCHING)),
    *bads("9110 7.8", "nor to something else",
          bare(SWITCHING, b"Connection: Upgrade", b"Upgrade: h2c"),
          bare(SWITCHING, b"Upgrade: websocket"),
          bare(SWITCHING, b"Connection: Upgrade"), ask=get(*UPGRADE)),
    row("9112 2.3", "chunks go to HTTP/1.0 without their frame",
        chunks(b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n"),
        gets(fields={"Transfer-Encoding": None, "Content-Length": None},
             closes=True), ask=ASKS_1_0),
    row("9112 9.3", "and it ends with the connection all the same",
        chunks(HELLO), gets(fields={"Transfer-Encoding": None}, closes=True),
        ask=STAYS_1_0),
    row("9112 6.3", "until it closes, in HTTP/1.0 as well",
        answer(body=b"hello"), gets(closes=True), ask=ASKS_1_0, end="close"),
]

# --- RFC 9112 9: the connection ----------------------------------------------------------------

EVIL = plain().replace(b"hello", b"evil!")
CLOSE = b"Connection: close"

CONNECTIONS = [
    row("9112 9.6", "close is of the engine's connection alone",
        plain(CLOSE), gets()),
    row("9112 9.6", "in any case, among others", plain(
        b"Connection: X-A , CLOSE", b"X-A: 1"), gets(fields={"X-A": None})),
    row("9112 9.3", "HTTP/1.0 stays if it says so",
        plain(b"Connection: keep-alive", start=OLD), gets()),
    *[row("9112 9.2", f"what nobody asked for answers nobody: {more[:30]!r}",
          front + more, gets(start, body), **how)
      for start, body, front, how in (
          ("HTTP/1.1 200 OK", b"hello", plain(), {}),
          ("HTTP/1.1 200 OK", b"hello", chunks(HELLO), {}),
          ("HTTP/1.1 204 No Content", b"", bare(NO_CONTENT), {}),
          (GET_304, b"", bare(NOT_MODIFIED, FIVE), {}),
          ("HTTP/1.1 200 OK", b"", answer(FIVE), HEAD))
      for more in (EVIL, b"\r\n", b"evil", plain(
          CLOSE, start=b"HTTP/1.1 408 Request Timeout"))],
]


class Script:
    """Says what the row wants; /clean is answered well."""

    def __init__(self):
        self.said, self.end, self.before = b"", "stay", None

    def __call__(self, conn, request):
        if request.target == "/clean":
            truth("a connection that may be used", conn is not self.before)
            conn.answer(200, b"clean")
            return
        self.before = conn if b"close" in self.said.lower() else None
        conn.send(self.said)
        if self.end == "close":
            conn.close()
        elif self.end == "reset":
            conn.reset()


def then_clean(us, client):
    """The next answer is the next request's."""
    ask = ("GET", "/clean", [("Host", HOST.decode()[6:])])
    if client is not None:
        same("the next answer", client.ask(*ask).body, b"clean")
    else:
        with us.connect() as another:
            same("the next answer", another.ask(*ask).body, b"clean")


def one(us, script, said, look, ask, end, method):
    # Several bad ones in a row take an engine out; a probe brings it back.
    wait_for("up", lambda: us.metric("portolan_upstream_up") == 1)
    script.said, script.end = said, end
    with us.connect() as client:
        client.send(ask)
        then_clean(us, client if look(client, method) else None)


@story
def main():
    script, table = Script(), Table()
    with Platform(origins={"US": Origin("US", script)}, settings={
            "threads": 1, "engines": {"probe": {"fall": 100}}}) as p:
        for section, what, *rest in LINES + FRAMING + HOPS + CONNECTIONS:
            table.tell(section, what, lambda r=rest: one(p["US"], script, *r))
    table.end()
