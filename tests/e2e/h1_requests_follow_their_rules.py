#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Requests of HTTP/1.1, rule by rule: a row for each, with its section of RFC
9112 (messages), 9110 (semantics) or 9111 (caching), what a client sends on a
new connection, and what must come of it at both ends."""
from lib import Origin, Platform, same, story
from lib.rules import (
    HOST, NEXT, Table, answered, chunks, get, passes, post, refused)

LONG = b"a" * 7900
CHUNKED = b"Transfer-Encoding: chunked"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
FIVE = b"Content-Length: 5"


def start(line, **how):
    return get(start=line, **how)


def refuses(section, what, *requests, status=400):
    """The same rule, broken in several ways."""
    return [(section, f"{what}: {r[:60]!r}", r, refused(
        status, method="HEAD" if r.startswith(b"HEAD ") else "GET"))
            for r in requests]


# --- RFC 9112 2 and 3: lines, versions, methods -----------------------------------

MESSAGES = [
    ("9112 2.1", "a request and the one behind it", get(),
     passes("GET / HTTP/1.1")),
    ("9112 2.2", "an empty line before a request is passed over",
     b"\r\n" + get(), passes("GET / HTTP/1.1")),
    ("9112 2.2", "one behind a body is passed over, too",
     post(FIVE, body=b"hello\r\n"), passes("POST / HTTP/1.1", b"hello")),
    ("9112 2.2", "bytes beyond ASCII in a value pass as they are",
     get(b"X: \xe4\xff\x80"), passes(fields={"X": "\xe4\xff\x80"})),
    *refuses("9112 2.2", "LF alone ends no line",
             get().replace(b"\r\n", b"\n"), b"GET / HTTP/1.1\n" + get()[16:],
             get(b"X: a\nY: b"), get()[:-2] + b"\n"),
    *refuses("9112 2.2", "CR alone is none", get(b"X: a\rb"),
             get(b"X: a\r"), start(b"GET /\r HTTP/1.1"),
             start(b"GET\r / HTTP/1.1"), get().replace(b"\r\n", b"\r")),
    *refuses("9112 2.2", "whitespace before the first field",
             get(host=b" " + HOST), get(host=b"\t" + HOST),
             get(host=b" X: y")),
    *refuses("9112 2.2", "no HTTP at all", b"HELO flow.example.com\r\n\r\n",
             b"\0\0\0\0\r\n\r\n", b"{}\r\n\r\n"),
    ("9112 2.3", "a version is of one hop: 1.0 arrives as 1.1",
     start(b"GET / HTTP/1.0"), passes("GET / HTTP/1.1", closes=True)),
    *refuses("9112 2.3", "the version's name is in upper case",
             start(b"GET / http/1.1"), start(b"GET / Http/1.1")),
    *refuses("9112 2.3", "one digit, a dot, one digit",
             start(b"GET / HTTP/1.10"), start(b"GET / HTTP/01.1"),
             start(b"GET / HTTP/1."), start(b"GET / HTTP/1"),
             start(b"GET / HTTP/1,1"), start(b"GET / HTTP/1.x"),
             start(b"GET / HTTP1.1"), start(b"GET /")),
    ("9110 2.5", "a later minor version is read as ours",
     start(b"GET / HTTP/1.2"), passes("GET / HTTP/1.1")),
    ("9110 2.5", "the latest of them", start(b"GET / HTTP/1.9"),
     passes("GET / HTTP/1.1")),
    *refuses("9110 15.6.6", "another major version", start(b"GET / HTTP/2.0"),
             start(b"GET / HTTP/3.0"), start(b"GET / HTTP/0.9"), status=505),
    *refuses("9112 3", "one space between the parts",
             start(b"GET  / HTTP/1.1"), start(b"GET /  HTTP/1.1"),
             start(b"GET\t/ HTTP/1.1"), start(b"GET /\tHTTP/1.1"),
             start(b"GET / HTTP/1.1 "), start(b" GET / HTTP/1.1"),
             start(b"GET\x0b/ HTTP/1.1"), start(b"GET\xa0/ HTTP/1.1")),
    *refuses("9112 3", "three parts", start(b"GET"), start(b"GET "),
             start(b"GET / / HTTP/1.1"), start(b"/ HTTP/1.1"),
             start(b"HTTP/1.1 200 OK")),
    ("9112 3", "a method longer than any there is",
     start(b"A" * 40 + b" / HTTP/1.1"), refused(501)),
    ("9112 3", "a request line of 8000 bytes",
     start(b"GET /" + LONG + b" HTTP/1.1" + b"").replace(
         LONG, LONG + b"a" * (8000 - 14 - len(LONG))),
     passes("GET /" + "a" * (8000 - 14) + " HTTP/1.1")),
    ("9112 3", "a target longer than is read",
     start(b"GET /" + b"a" * 9000 + b" HTTP/1.1"), refused(414)),
    ("9110 9.1", "methods are told by their case",
     start(b"get / HTTP/1.1"), passes("get / HTTP/1.1")),
    ("9110 9.1", "an unknown method is its origin's business",
     start(b"BREW / HTTP/1.1"), passes("BREW / HTTP/1.1")),
    ("9110 9.1", "so is one of all that a token may hold",
     start(b"M-1!#$%&'*+.^_`|~ / HTTP/1.1"),
     passes("M-1!#$%&'*+.^_`|~ / HTTP/1.1")),
    *[("9110 9.3", f"{m.decode()} without a body",
       start(m + b" /x HTTP/1.1"), passes(m.decode() + " /x HTTP/1.1"))
      for m in (b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")],
    *refuses("9110 9.3.2", "HEAD has no body when it is refused, either",
             b"HEAD / HTTP/1.1\r\n\r\n", b"HEAD /\0 HTTP/1.1\r\n\r\n"),
    ("9110 9.3.2", "HEAD has no body, and the next answer is the next",
     start(b"HEAD /x HTTP/1.1"), passes("HEAD /x HTTP/1.1", method="HEAD")),
    ("9110 9.3.8", "TRACE tells nobody what came", start(
        b"TRACE / HTTP/1.1"), answered(405, (
            "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))),
    *refuses("9110 5.6.2", "no token is a method", start(b"G(T / HTTP/1.1"),
             start(b"GET: / HTTP/1.1"), start(b"G\xc3\x89T / HTTP/1.1"),
             start(b"GET\0 / HTTP/1.1"), start(b'"GET" / HTTP/1.1'),
             start(b"GE,T / HTTP/1.1")),
]

# --- RFC 9112 3.2 and 3.3: where it goes ---------------------------------------------

FLOW = {"Host": "flow.example.com"}

TARGETS = [
    ("9112 3.2.1", "a query passes byte by byte",
     start(b"GET /a?b=%2F&&c=d?e/../f;g=%zz HTTP/1.1"),
     passes("GET /a?b=%2F&&c=d?e/../f;g=%zz HTTP/1.1")),
    ("9112 3.2.1", "an empty query is not none", start(b"GET /a? HTTP/1.1"),
     passes("GET /a? HTTP/1.1")),
    ("9112 3.2.1", "all that a path may hold",
     start(b"GET /-._~!$&'()*+,=:@%C3%A9 HTTP/1.1"),
     passes("GET /-._~!$&'()*+,=:@%C3%A9 HTTP/1.1")),
    *refuses("9112 3.2", "no target, and none with whitespace",
             start(b"GET  HTTP/1.1"), start(b"GET /a b HTTP/1.1"),
             start(b"GET /a\tb HTTP/1.1"), start(b"GET a HTTP/1.1"),
             start(b"GET ?a HTTP/1.1"), start(b"GET /a#b HTTP/1.1"),
             start(b"GET /\0 HTTP/1.1"), start(b"GET /\x7f HTTP/1.1"),
             start(b"GET /\xe9 HTTP/1.1")),
    ("9112 3.2.2", "absolute-form", start(
        b"GET http://flow.example.com/x?y HTTP/1.1"),
     passes("GET /x?y HTTP/1.1", fields=FLOW)),
    ("9112 3.2.2", "absolute-form without a path", start(
        b"GET http://flow.example.com HTTP/1.1"),
     passes("GET / HTTP/1.1", fields=FLOW)),
    ("9112 3.2.2", "absolute-form, a query alone", start(
        b"GET http://flow.example.com?y HTTP/1.1"),
     passes("GET /?y HTTP/1.1", fields=FLOW)),
    ("9112 3.2.2", "a scheme in any case", start(
        b"GET HTTP://flow.example.com/x HTTP/1.1"),
     passes("GET /x HTTP/1.1", fields=FLOW)),
    ("9112 3.2.2", "its authority is Host where there is none", start(
        b"GET http://flow.example.com/x HTTP/1.0", host=None),
     passes("GET /x HTTP/1.1", fields=FLOW, closes=True)),
    *refuses("9112 3.2.2", "a Host that differs from it",
             start(b"GET http://flow.example.com/ HTTP/1.1",
                   host=b"Host: other.example.com"),
             start(b"GET http://other.example.com/ HTTP/1.1"),
             start(b"GET http://flow.example.com:81/ HTTP/1.1"),
             start(b"GET http://flow.example.com/ HTTP/1.1", host=None)),
    *refuses("9110 4.2.1", "an authority without a host",
             start(b"GET http:/// HTTP/1.1"), start(b"GET http:// HTTP/1.1"),
             start(b"GET http://:80/ HTTP/1.1"),
             start(b"GET http:/x HTTP/1.1")),
    *refuses("9110 4.2.4", "a user before the host",
             start(b"GET http://me@flow.example.com/ HTTP/1.1"),
             get(host=b"Host: me@flow.example.com")),
    *refuses("9112 3.2.3", "authority-form is for CONNECT",
             start(b"GET flow.example.com:80 HTTP/1.1"),
             start(b"OPTIONS flow.example.com:80 HTTP/1.1")),
    ("9112 3.2.3", "CONNECT opens nothing", start(
        b"CONNECT flow.example.com:443 HTTP/1.1",
        host=b"Host: flow.example.com:443"),
     answered(405, ("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, "
                    "OPTIONS"))),
    *refuses("9112 3.2.3", "CONNECT has no other form",
             start(b"CONNECT / HTTP/1.1"), start(b"CONNECT * HTTP/1.1"),
             start(b"CONNECT flow.example.com HTTP/1.1"),
             start(b"CONNECT http://flow.example.com:443/ HTTP/1.1")),
    ("9112 3.2.4", "asterisk-form", start(b"OPTIONS * HTTP/1.1"),
     passes("OPTIONS * HTTP/1.1")),
    ("9112 3.2.4", "it comes of an absolute-form without a path", start(
        b"OPTIONS http://flow.example.com HTTP/1.1"),
     passes("OPTIONS * HTTP/1.1", fields=FLOW)),
    ("9112 3.2.4", "but not of one with a path", start(
        b"OPTIONS http://flow.example.com/ HTTP/1.1"),
     passes("OPTIONS / HTTP/1.1", fields=FLOW)),
    ("9112 3.2.4", "nor of one with a query", start(
        b"OPTIONS http://flow.example.com?y HTTP/1.1"),
     passes("OPTIONS /?y HTTP/1.1", fields=FLOW)),
    *refuses("9112 3.2.4", "asterisk-form is for OPTIONS",
             start(b"GET * HTTP/1.1"), start(b"HEAD * HTTP/1.1"),
             start(b"POST * HTTP/1.1"), start(b"OPTIONS *a HTTP/1.1")),
    *refuses("9112 3.2", "no Host", get(host=None),
             get(b"X: y", host=None)),
    *refuses("9112 3.2", "more than one Host", get(HOST),
             get(b"host: other.example.com"), get(b"HOST:")),
    *refuses("9112 3.2", "a Host that is none",
             *[get(host=b"Host: " + v) for v in (
                 b"", b"a b", b"a,flow.example.com", b"flow.example.com/",
                 b"flow.example.com?", b"flow.example.com#", b"[::1",
                 b"[::g]", b"flow.example.com:x", b"flow.example.com:65536",
                 b"flow.example.com:80:80", b"http://flow.example.com",
                 b"flow.ex\0ample.com", b"flow.ex\xe4mple.com")]),
    ("9112 3.2", "HTTP/1.0 without Host: no name is served here", start(
        b"GET / HTTP/1.0", host=None), refused(400)),
    ("9110 7.2", "a port in Host, and another case",
     get(host=b"hOST: FLOW.Example.com:8080"),
     passes(fields={"Host": "FLOW.Example.com:8080"})),
    ("9110 7.2", "a port of no digits in Host",
     get(host=b"Host: flow.example.com:"),
     passes(fields={"Host": "flow.example.com:"})),
    ("9110 7.4", "a name that is served elsewhere",
     get(host=b"Host: elsewhere.example.com"), answered(421)),
]

# --- RFC 9112 5 and RFC 9110 5: fields --------------------------------------------------

ORDER = [b"X-A: 1", b"X-B: b", b"x-a: 2", b"X-A:", b"X-A: 3, 4"]
TOKENS = b"X!#$%&'*+-.^`|~9: v"

FIELDS = [
    ("9112 5.1", "whitespace around a value is not of it",
     get(b"X: \t a b\t \t", b"Y:c", b"Z:", b"V: \t "),
     passes(fields={"X": "a b", "Y": "c", "Z": "", "V": ""})),
    *refuses("9112 5.1", "whitespace between name and colon",
             get(b"X : a"), get(b"X\t: a"), get(host=b"Host : " + HOST[6:]),
             post(b"Content-Length : 5", body=b"hello"),
             post(b"Transfer-Encoding : chunked", body=HELLO)),
    *refuses("9112 5.2", "a line that goes on in the next",
             get(b"X: a\r\n b"), get(b"X: a\r\n\tb"), get(b"X: a\r\n "),
             get(b"X:\r\n a"), post(b"Transfer-Encoding:\r\n chunked",
                                    body=HELLO)),
    *refuses("9112 5", "a line without a name or colon", get(b"X"),
             get(b": a"), get(b":"), get(b"GET / HTTP/1.1")),
    *refuses("9110 5.1", "a name is a token", get(b"X Y: a"),
             get(b"X(Y): a"), get(b'X"Y: a'), get(b"X/Y: a"), get(b"X@Y: a"),
             get(b"X[]: a"), get(b"X=Y: a"), get(b"X;Y: a"), get(b"X,Y: a"),
             get(b"X\xe9: a"), get(b"X\0: a"), get(b"\x7fX: a")),
    ("9110 5.1", "an unknown field passes", get(b"Quite-Unknown: a"),
     passes(fields={"Quite-Unknown": "a"})),
    ("9110 5.1", "a name of all that a token may hold", get(TOKENS),
     passes(fields={TOKENS.decode()[:-3]: "v"})),
    ("9110 5.3", "lines of one name stay in their order", get(*ORDER),
     passes(fields={"X-A": ["1", "2", "", "3, 4"], "X-B": "b"})),
    ("9110 5.3", "lists over several lines stay so",
     get(b"Accept: a/b", b"Accept: c/d;q=0.5, e/f"),
     passes(fields={"Accept": ["a/b", "c/d;q=0.5, e/f"]})),
    ("9110 5.4", "a value of almost 8 KiB", get(b"X: " + LONG),
     passes(fields={"X": LONG.decode()})),
    ("9110 5.4", "a hundred fields", get(*[b"X-%d: a" % i
                                           for i in range(99)]),
     passes(fields={"X-98": "a"})),
    *refuses("9110 5.4", "more or larger ones than are read",
             get(*[b"X-%d: a" % i for i in range(100)]),
             get(b"X: " + b"a" * 9000), get(b"X" * 9000 + b": a"),
             get(*[b"X-%d: " % i + LONG for i in range(5)]), status=431),
    *refuses("9110 5.5", "CR, LF, NUL and other controls in a value",
             get(b"X: a\0b"), get(b"X: a\x01b"), get(b"X: a\x0bb"),
             get(b"X: a\x0cb"), get(b"X: a\x1fb"), get(b"X: a\x7fb"),
             get(b"X: a\x08")),
    ("9110 5.5", "a tab in a value is as good as a space", get(b"X: a\tb"),
     passes(fields={"X": "a\tb"})),
    ("9110 5.6.1", "empty elements of a list are none",
     get(b"Connection: , ,X-A,,", b"X-A: 1", b"TE: , ,"),
     passes(fields={"X-A": None, "Connection": None, "TE": None})),
    ("9110 5.6.4", "commas within quotes stay there",
     get(b'X: "a, b", "c\\", d"'),
     passes(fields={"X": '"a, b", "c\\", d"'})),
    ("9110 8", "what a body is passes with it", post(
        FIVE, b"Content-Type: text/plain; charset=x", b"Content-Language: de",
        b"Content-Encoding: gzip", b"Content-Location: /y", body=b"hello"),
     passes("POST / HTTP/1.1", b"hello", {
         "Content-Type": "text/plain; charset=x", "Content-Language": "de",
         "Content-Encoding": "gzip", "Content-Location": "/y"})),
    ("9110 11.6.2", "who asks passes", get(b"Authorization: Basic eDp5"),
     passes(fields={"Authorization": "Basic eDp5"})),
    ("9110 11.7.2", "who asks a proxy does not",
     get(b"Proxy-Authorization: Basic eDp5"),
     passes(fields={"Proxy-Authorization": None})),
    ("9110 12.5", "what is preferred passes",
     get(b"Accept-Encoding: br, *;q=0", b"Accept-Language: de"),
     passes(fields={"Accept-Encoding": "br, *;q=0",
                    "Accept-Language": "de"})),
    ("9110 13.1", "conditions pass", get(
        b'If-Match: "a"', b'If-None-Match: W/"b"',
        b"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"),
     passes(fields={"If-Match": '"a"', "If-None-Match": 'W/"b"',
                    "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"})),
    ("9110 14.2", "ranges pass", get(b"Range: bytes=0-1,-2",
                                     b'If-Range: "a"'),
     passes(fields={"Range": "bytes=0-1,-2", "If-Range": '"a"'})),
    ("9111 5.2", "directives for caches pass",
     get(b"Cache-Control: no-cache, max-age=0, x=y", b"Pragma: no-cache"),
     passes(fields={"Cache-Control": "no-cache, max-age=0, x=y",
                    "Pragma": "no-cache"})),
]

# --- RFC 9112 6 to 8: how long it is -------------------------------------------------------

HEX = b"%x\r\n" % 10 + b"0123456789\r\n" + b"A\r\n0123456789\r\n0\r\n\r\n"


def lengths(*values):
    return [post(b"Content-Length: " + v, body=b"hello") for v in values]


def codings(*values):
    return [post(b"Transfer-Encoding: " + v, body=HELLO) for v in values]


def bodies(*those):
    return [chunks(body) for body in those]


FRAMING = [
    ("9112 6.3", "a length, and no byte more", post(FIVE, body=b"hello"),
     passes("POST / HTTP/1.1", b"hello", {"Content-Length": "5",
                                          "Transfer-Encoding": None})),
    ("9112 6.3", "no length is no body", post(),
     passes("POST / HTTP/1.1", b"", {"Transfer-Encoding": None})),
    ("9112 6.3", "a length of nothing", post(b"Content-Length: 0"),
     passes("POST / HTTP/1.1", b"", {"Content-Length": "0"})),
    ("9112 6.3", "a request is never as long as its connection",
     start(b"POST / HTTP/1.0"), passes("POST / HTTP/1.1", closes=True)),
    *[("9110 9.3", f"{m.decode()} with a body",
       start(m + b" /x HTTP/1.1", body=b"").replace(
           b"\r\n\r\n", b"\r\n" + FIVE + b"\r\n\r\nhello"),
       passes(m.decode() + " /x HTTP/1.1", b"hello", {"Content-Length": "5"}))
      for m in (b"GET", b"DELETE", b"OPTIONS", b"BREW")],
    *refuses("9112 6.3", "length and coding", post(FIVE, CHUNKED, body=HELLO),
             post(CHUNKED, FIVE, body=HELLO),
             post(b"Content-Length: 0", CHUNKED, body=HELLO)),
    *refuses("9112 6.3", "several lengths", post(FIVE, FIVE, body=b"hello"),
             post(FIVE, b"Content-Length: 6", body=b"hello"),
             *lengths(b"5, 5", b"5,6", b"5,")),
    *refuses("9110 8.6", "a length is of digits", *lengths(
        b"", b"+5", b"-5", b"0x5", b"5 5", b"5.0", b'"5"', b"5;", b"\xb2",
        b"five")),
    *refuses("9110 8.6", "no length overflows", *lengths(
        b"9223372036854775808", b"18446744073709551616",
        b"18446744073709551621", b"9" * 100)),
    ("9110 8.6", "zeros before it change nothing",
     post(b"Content-Length: 0005", body=b"hello"),
     passes("POST / HTTP/1.1", b"hello", {"Content-Length": "5"})),
    ("9112 6.1", "chunked", chunks(HELLO),
     passes("POST / HTTP/1.1", b"hello", {"Transfer-Encoding": "chunked",
                                          "Content-Length": None})),
    ("9112 7", "a coding's name in any case",
     post(b"Transfer-Encoding: cHuNkEd", body=HELLO),
     passes("POST / HTTP/1.1", b"hello")),
    *refuses("9112 6.1", "chunked more than once", *codings(
        b"chunked, chunked"), post(CHUNKED, CHUNKED, body=HELLO)),
    *refuses("9112 6.3", "a coding that is not chunked at its end", *codings(
        b"gzip", b"identity", b"chunked, gzip", b"xchunked", b"", b"chunked,",
        b",chunked", b"chunked;q=1", b'"chunked"', b"chunked x",
        b"chunked\x0b")),
    *refuses("9112 6.1", "a coding that nobody understands", *codings(
        b"gzip, chunked", b"x, y, chunked"), status=501),
    *refuses("9112 6.1", "a coding in HTTP/1.0", get(
        CHUNKED, start=b"POST / HTTP/1.0", body=HELLO), get(
        CHUNKED, b"Connection: keep-alive", start=b"POST / HTTP/1.0",
        body=HELLO)),
    ("9112 7.1", "sizes in either case", chunks(HEX),
     passes("POST / HTTP/1.1", b"0123456789" * 2)),
    ("9112 7.1", "zeros before a size", chunks(b"005\r\nhello\r\n00\r\n\r\n"),
     passes("POST / HTTP/1.1", b"hello")),
    ("9112 7.1", "an empty body", chunks(b"0\r\n\r\n"),
     passes("POST / HTTP/1.1", b"")),
    *refuses("9112 7.1", "a size is of hexadecimal digits", *bodies(
        *[s + b"\r\nhello\r\n0\r\n\r\n" for s in (
            b"", b"+5", b"-5", b"0x5", b"5 ", b" 5", b"g", b"5,5", b"5\0",
            b"\xef\xbc\x95")])),
    *refuses("9112 7.1", "no size overflows", *bodies(
        *[s + b"\r\nhello\r\n0\r\n\r\n" for s in (
            b"8000000000000000", b"ffffffffffffffff", b"10000000000000005",
            b"0" * 17 + b"5")])),
    *refuses("9112 7.1", "CR LF ends a size and its chunk", *bodies(
        b"5\nhello\r\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\r0\r\n\r\n", b"5\r\nhelloo\r\n0\r\n\r\n",
        b"5\r\nhell\r\n0\r\n\r\n", b"0\n\n", b"0\r\n\n", b"5\r\r\nhello\r\n")),
    ("9112 7.1.1", "unknown extensions are left out", chunks(
        b'5;a;b=c ; d="e;\\"f"\r\nhello\r\n0;x=y\r\n\r\n'),
     passes("POST / HTTP/1.1", b"hello")),
    *refuses("9112 7.1.1", "malformed or endless ones", *bodies(
        b"5;\r\nhello\r\n0\r\n\r\n", b"5;=b\r\nhello\r\n0\r\n\r\n",
        b'5;a="b\r\nhello\r\n0\r\n\r\n', b"5;a=b\nc\r\nhello\r\n0\r\n\r\n",
        b"5;a=\x01\r\nhello\r\n0\r\n\r\n", b"5 a\r\nhello\r\n0\r\n\r\n",
        b"5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n")),
    ("9110 6.5", "trailers pass", chunks(
        b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Sum:  2 \r\n\r\n"),
     passes("POST / HTTP/1.1", b"hello",
            trailers=[("X-Sum", "1"), ("X-Sum", "2")])),
    ("9110 6.5.1", "but not what would have changed the request", chunks(
        b"0\r\n" + b"".join(n + b": 1\r\n" for n in (
            b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection",
            b"TE", b"Trailer", b"Authorization", b"Content-Type",
            b"Max-Forwards", b"Cache-Control", b"Expect", b"Range",
            b"Content-Encoding", b"X-Forwarded-For",
            b"X-ManyWho-Region-Backend")) + b"X-Sum: 1\r\n\r\n"),
     passes("POST / HTTP/1.1", trailers=[("X-Sum", "1")])),
    *refuses("9112 7.1.2", "trailers are fields", *bodies(*[
        b"0\r\n" + t + b"\r\n\r\n" for t in (
            b"X", b": a", b"X : a", b" X: a", b"X: a\r\n b", b"X: a\0",
            b"X: a\nY: b", b"X\xe9: a", b"X: a\rb")])),
    ("9110 5.4", "more trailers than are read", chunks(
        b"0\r\nX: " + b"a" * 9000 + b"\r\n\r\n"), refused(431)),
]

# --- RFC 9110 7.6 to 10.1: from hop to hop ---------------------------------------------------

GONE = {"X-A": None, "Connection": None}
OPTIONS = b"OPTIONS /x HTTP/1.1"
ALLOW = ("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")

HOPS = [
    ("9110 7.6.1", "what Connection names stays here",
     get(b"Connection: X-A", b"X-A: 1", b"X-B: 2"),
     passes(fields={**GONE, "X-B": "2"})),
    ("9110 7.6.1", "before it and behind it, in any case, in each line",
     get(b"x-a: 0", b"CONNECTION: x-A", b"X-A: 1", b"Connection: X-C, x-d",
         b"X-C: 2", b"X-D: 3"), passes(fields={**GONE, "X-C": None,
                                               "X-D": None})),
    ("9110 7.6.1", "it may name what is not there", get(b"Connection: X-Z"),
     passes(fields={"Connection": None})),
    ("9110 7.6.1", "what is of one hop stays without it",
     get(b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive",
         b"TE: trailers", b"Upgrade: websocket"),
     passes(fields={"Keep-Alive": None, "Proxy-Connection": None, "TE": None,
                    "Upgrade": None})),
    *refuses("9110 7.6.1", "it names no field of the whole way",
             *[get(b"Connection: " + v, b"X-Forwarded-For: 192.0.2.1")
               for v in (b"Host", b"Content-Length", b"Transfer-Encoding",
                         b"Via", b"X-Request-Id",
                         b"Authorization", b"X-ManyWho-Region-Frontend",
                         b"X-A, Host")]),
    ("9110 7.6.1", "the way the client came is of the whole way",
     get(b"Connection: X-Forwarded-For, Forwarded, X-Forwarded-Proto"),
     passes(fields={"Connection": None, "X-Forwarded-Proto": "http"})),
    *refuses("9110 7.6.1", "its options are tokens", get(b"Connection: a b"),
             get(b'Connection: "close"'), get(b"Connection: close;q=1"),
             get(b"Connection: ("), get(b"Connection: X-A, /")),
    ("9110 7.6.2", "Max-Forwards of 0: OPTIONS goes no further", get(
        b"Max-Forwards: 0", start=OPTIONS), answered(200, ALLOW)),
    ("9110 7.6.2", "nor does it for all", get(
        b"Max-Forwards: 0", start=b"OPTIONS * HTTP/1.1"),
     answered(200, ALLOW)),
    ("9110 7.6.2", "otherwise it is one less", get(
        b"Max-Forwards: 10", start=OPTIONS),
     passes("OPTIONS /x HTTP/1.1", fields={"Max-Forwards": "9"})),
    ("9110 7.6.2", "the last one goes to the origin", get(
        b"max-forwards: 1", start=OPTIONS),
     passes("OPTIONS /x HTTP/1.1", fields={"Max-Forwards": "0"})),
    ("9110 7.6.2", "one that no number holds is the most we count", get(
        b"Max-Forwards: " + b"9" * 30, start=OPTIONS),
     passes("OPTIONS /x HTTP/1.1", fields={"Max-Forwards": "255"})),
    *refuses("9110 7.6.2", "one that is none", get(
        b"Max-Forwards: -1", start=OPTIONS), get(
        b"Max-Forwards: 1, 2", start=OPTIONS), get(
        b"Max-Forwards: 1", b"Max-Forwards: 2", start=OPTIONS)),
    ("9110 7.6.2", "TRACE is refused, far or near", get(
        b"Max-Forwards: 0", start=b"TRACE /x HTTP/1.1"),
     answered(405, ALLOW)),
    ("9110 7.6.2", "it binds no other method", get(b"Max-Forwards: 0"),
     passes("GET / HTTP/1.1", fields={"Max-Forwards": "0"})),
    ("9110 7.6.3", "Via tells who received it, and how", get(),
     passes(fields={"Via": "1.1 portolan-us"})),
    ("9110 7.6.3", "by the version in which it came",
     start(b"GET / HTTP/1.0"), passes(fields={"Via": "1.0 portolan-us"},
                                      closes=True)),
    ("9110 7.6.3", "behind those before us",
     get(b"Via: 1.0 fred, HTTP/1.1 wilma (a, b)"),
     passes(fields={"Via": ["1.0 fred, HTTP/1.1 wilma (a, b)",
                            "1.1 portolan-us"]})),
    ("9110 7.6", "a request that has been here before",
     get(b"Via: 1.1 fred, 1.1 portolan-us"), answered(502)),
    ("9110 7.8", "nobody switches without Connection",
     get(b"Upgrade: websocket"), passes(fields={"Upgrade": None})),
    ("9110 7.8", "nor in HTTP/1.0", get(
        b"Connection: Upgrade", b"Upgrade: websocket",
        start=b"GET / HTTP/1.0"), passes(fields={"Upgrade": None},
                                         closes=True)),
    ("9110 7.8", "what nobody here speaks is not asked for",
     get(b"Connection: Upgrade", b"Upgrade: h2c, TLS/1.0"),
     passes(fields={"Upgrade": None, "Connection": None})),
    ("9110 7.8", "one that is refused leaves the connection as it was",
     get(b"Connection: Upgrade", b"Upgrade: WebSocket"),
     passes(fields={"Upgrade": "WebSocket", "Connection": "Upgrade"})),
    *refuses("9110 7.8", "protocols are tokens",
             get(b"Connection: Upgrade", b"Upgrade: "),
             get(b"Connection: Upgrade", b"Upgrade: a b"),
             get(b"Connection: Upgrade", b"Upgrade: a/b/c")),
    ("9110 10.1.1", "an expectation goes to whoever can meet it", post(
        b"Expect: 100-continue", FIVE, body=b"hello"),
     passes("POST / HTTP/1.1", b"hello", {"Expect": "100-continue"})),
    ("9110 10.1.1", "in any case", post(b"Expect: 100-Continue", FIVE,
                                        body=b"hello"),
     passes("POST / HTTP/1.1", b"hello", {"Expect": "100-continue"})),
    ("9110 10.1.1", "without a body it expects nothing",
     get(b"Expect: 100-continue"), passes(fields={"Expect": None})),
    ("9110 10.1.1", "in HTTP/1.0 it is passed over", get(
        b"Expect: 100-continue", FIVE, start=b"POST / HTTP/1.0",
        body=b"hello"),
     passes("POST / HTTP/1.1", b"hello", {"Expect": None}, closes=True)),
    *refuses("9110 10.1.1", "any other expectation",
             post(b"Expect: x", FIVE, body=b"hello"),
             post(b"Expect: 100-continue, x", FIVE, body=b"hello"),
             post(b"Expect: 200-ok", FIVE, body=b"hello"), status=417),
    ("9110 10.1.4", "TE: trailers is said anew",
     get(b"Connection: TE", b"TE: gzip;q=0.5, trailers"),
     passes(fields={"TE": "trailers", "Connection": "TE"})),
    ("9110 10.1.4", "other codings are not",
     get(b"Connection: TE", b"TE: gzip, deflate;q=0.5"),
     passes(fields={"TE": None, "Connection": None})),
    ("9110 10.1.5", "who asks with what, and from where, passes",
     get(b"User-Agent: a/1 (b; c)", b"Referer: http://flow.example.com/x?y",
         b"From: me@example.com"),
     passes(fields={"User-Agent": "a/1 (b; c)", "From": "me@example.com",
                    "Referer": "http://flow.example.com/x?y"})),
]

# --- RFC 9112 9: the connection ---------------------------------------------------------------


def stays(times, version):
    """That many answers on it, in their order."""
    def look(turn):
        for _ in range(times):
            answer = turn.client.read()
            same("status", answer.status, 200)
            same("Connection", answer["Connection"],
                 "keep-alive" if version == b"1.0" else None)
        same("arrived", [s.split()[1] for s in turn.starts()],
             [f"/{i}" for i in range(times)])
    return look


def pipeline(times, version, *fields):
    return b"".join(get(*fields, start=b"GET /%d HTTP/%s" % (i, version))
                    for i in range(times))


def left(sent):
    """The client closes in the midst of it."""
    def look(turn):
        turn.client.send(sent)
        turn.client.finish_sending()
        turn.client.reader.rest()
        same("arrived", turn.starts(), [])
    return look


CONNECTIONS = [
    ("9112 9.3", "HTTP/1.1 stays", pipeline(3, b"1.1"), stays(3, b"1.1")),
    ("9112 9.3", "HTTP/1.0 does not", start(b"GET / HTTP/1.0"),
     passes(closes=True)),
    ("9112 9.3", "unless it asks", pipeline(
        3, b"1.0", b"Connection: Keep-Alive"), stays(3, b"1.0")),
    ("9112 9.3.2", "thirty at once are answered in their order",
     pipeline(30, b"1.1"), stays(30, b"1.1")),
    ("9112 9.6", "close: it is the last one", get(b"Connection: close"),
     passes(closes=True)),
    ("9112 9.6", "in any case, among others", get(
        b"Connection: X-A , CLOSE, keep-alive", b"X-A: 1"),
     passes(fields=GONE, closes=True)),
    ("9112 9.6", "with a body", post(FIVE, b"Connection: close",
                                     body=b"hello"),
     passes("POST / HTTP/1.1", b"hello", closes=True)),
    ("9112 9.6", "keep-alive of HTTP/1.0 with close", get(
        b"Connection: keep-alive, close", start=b"GET / HTTP/1.0"),
     passes(closes=True)),
    ("9112 8", "left within the request line", b"", left(b"GET / HT")),
    ("9112 8", "left within a field", b"", left(get()[:-6])),
    ("9112 8", "left before the empty line", b"", left(get()[:-2])),
    ("9112 8", "left within a body", b"", left(post(FIVE, body=b"hell"))),
    ("9112 8", "left within a chunk", b"", left(chunks(b"5\r\nhel"))),
    ("9112 8", "left before the last chunk", b"",
     left(chunks(b"5\r\nhello\r\n"))),
    ("9112 8", "left before the end of the trailers", b"",
     left(chunks(b"5\r\nhello\r\n0\r\nX: a\r\n"))),
    ("9112 9.3", "a client that has said all is answered", b"",
     lambda turn: (turn.client.send(get()), turn.client.finish_sending(),
                   same("status", turn.client.read().status, 200))),
]


def engine(conn, request):
    conn.answer(200, b"some words")


@story
def main():
    table = Table()
    with Platform(origins={"US": Origin("US", engine)}, settings={
            "threads": 1, "client_address": {"trusted": []}}) as p:
        for rows in (MESSAGES, TARGETS, FIELDS, FRAMING, HOPS, CONNECTIONS):
            table.requests(p["US"], p.origin("US"), rows)
        same("it still serves", p["US"].get("/").status, 200)
    table.end()
