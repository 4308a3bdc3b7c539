#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What two programs could read differently gets 400 and a closed connection,
and nothing of it reaches an engine: not what it might hide behind itself
either."""
from lib import Platform, same, story

HOST = b"Host: flow.example.com\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(1, 200))
PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\0\1\0\2"


def get(*lines, host=HOST, start=b"GET / HTTP/1.1", end=b""):
    """A head with these lines, and HIDDEN behind it."""
    lines = b"".join(line + b"\r\n" for line in lines)
    return start + b"\r\n" + host + lines + b"\r\n" + end + HIDDEN


def post(*lines, body=b"", version=b"1.1"):
    return get(*lines, start=b"POST / HTTP/" + version, end=body)


# --- the length of the body

LENGTHS = [b"5, 5", b"5,6", b"+5", b"-5", b"-0", b"0x5", b"5.0", b"5e0", b"",
           b"5 5", b'"5"', b"5;", b"1_0", b"five", b"\xef\xbc\x95", b"\xa05",
           b"9223372036854775808", b"18446744073709551621", b"9" * 40]
CODINGS = [b"chunked, chunked", b"chunked,", b",chunked", b"", b"chunked x",
           b"chunked, gzip", b"chunked, identity", b"chunked;q=1",
           b"gzip", b"identity", b"xchunked",
           b'"chunked"', b"chunked\x0b", b"chunked\0", b"\0chunked"]
CODING_LINES = [b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked",
                b" Transfer-Encoding: chunked", b"Transfer_Encoding: chunked",
                b"Transfer-Encoding\x0b: chunked", b"Content_Length: 5",
                b"X: y\rTransfer-Encoding: chunked",
                b"X: y\nTransfer-Encoding: chunked"]
BODIES = [b"0x5\r\nhello\r\n", b"5 \r\nhello\r\n", b" 5\r\nhello\r\n",
          b"+5\r\nhello\r\n", b"-1\r\nhello\r\n", b"5\nhello\n", b"5\rhello\r\n",
          b"5\r\nhello\n", b"5\r\nhello\r", b"5\r\nhello", b"5\r\nhello!\r\n",
          b"\r\nhello\r\n", b"G\r\nhello\r\n", b"5,5\r\nhello\r\n",
          b"5\t\r\nhello\r\n", b"5\0\r\nhello\r\n", b"5;\r\nhello\r\n",
          b"5;;a\r\nhello\r\n", b"5;a=b;\r\nhello\r\n", b"5;a=\0\r\nhello\r\n",
          b'5;a="b\r\nhello\r\n', b"5;a=b\nc\r\nhello\r\n",
          b"5;" + b"a" * 300 + b"\r\nhello\r\n", b"10000000000000005\r\nhello\r\n",
          b"FFFFFFFFFFFFFFFF\r\nhello\r\n", b"8000000000000000\r\nhello\r\n",
          b"00000000000000000005\r\nhello\r\n"]
ENDS = [b"0\n\n", b"0\r\n\n", b"0\r\r\n\r\n", b"0 \r\n\r\n", b"0\r\nX : y\r\n\r\n",
        b"0\r\n X: y\r\n\r\n", b"0\r\nX: y\n\r\n", b"0\r\nX: a\0b\r\n\r\n",
        b"0\r\nX\xff: a\r\n\r\n", b"0\r\nno colon\r\n\r\n",
        b"0\r\nGET / HTTP/1.1\r\n\r\n"]

# --- where the request goes

HOSTS = [b"", b"Host:\r\n", HOST + HOST, HOST + b"Host: evil\r\n",
         b"Host: evil\r\n" + HOST, b"Host : flow.example.com\r\n",
         b"Host:\r\n flow.example.com\r\n"]
HOST_VALUES = [b"flow.example.com, evil", b"evil@flow.example.com",
               b"flow.example.com/x", b"flow.example.com evil",
               b"flow.example.com\tevil", b"flow.example.com:x",
               b"flow.example.com:65536", b"flow.example.com:0",
               b"flow.example.com:80:80", b"flow.example.com..",
               b".flow.example.com", b"flow.example.com\0.evil",
               b"flow%2eexample.com", b"fl\xc3\xb6w.example.com",
               b"flow.example.com\\@evil", b"flow.example.com#evil",
               b"flow.example.com?", b"[::g]", b"[::1", b"a" * 300]
STARTS = [b"GET  / HTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/1.1 ",
          b"GET\t/\tHTTP/1.1", b"GET / HTTP/1.1\t", b"GET / / HTTP/1.1",
          b"GET / HTTP/1.10", b"GET / HTTP/01.1", b"GET / HTTP/1", b"GET /",
          b"GET / http/1.1", b"GET / HTTP/1,1", b"GET / HTTPS/1.1", b"GET", b"",
          b"G(ET / HTTP/1.1", b"GET: / HTTP/1.1", b"G\xc3\x89T / HTTP/1.1",
          b"GET\0 / HTTP/1.1", b"/ HTTP/1.1",
          b"HTTP/1.1 200 OK", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2"]
TARGETS = [b"/\0", b"/\x7f", b"/\x80", b"/\xc3\xa9", b"/#x", b"x", b"?x", b"*",
           b"/?\x01", b"/?\xff", b"//evil/x", b"/a//b", b"/..", b"/../x",
           b"/%2e%2e/x", b"/a%2fb", b"/a%5Cb", b"/a\\b", b"/a%00", b"/a%",
           b"/a%4", b"/a%zz", b"/a%c0%af", b"/api/run;x/1", b"/api/run/..;/x",
           b"/;x/api/run/1", b"/api/;/run/1", b"/api/run%3bx/1", b"/a/..%3b/b",
           b"/api/run%2f1", b"http:///x", b"http://evil.example/x",
           b"http://user@flow.example.com/", b"ftp://flow.example.com/",
           b"http://flow.example.com:99999/", b"http://[::1/", b"http:/x"]

# --- fields

LINES = [b"X: a\r\n b", b"X: a\r\n\tb", b" X: a", b"\tX: a", b"X : a", b"X\t: a",
         b"X", b": a", b"X: a\0b", b"X: a\x01b", b"X: a\x7fb", b"X: a\x0bb",
         b"X: a\rb", b"X: a\nb", b"X: a\r", b"X\xff: a", b"X\x80Y: a", b"X Y: a",
         b"X(Y): a", b'X"Y: a', b"X[]: a", b"X@: a", b"X/Y: a", b"X=Y: a",
         b"\0X: a", b"X\0: a", b"\rX: a", b"X_Forwarded_For: 192.0.2.1",
         b"X_ManyWho_Region_Backend: GB", b"ManyWho_Tenant: t",
         b"X-Portolan_Client: 192.0.2.1"]
CONNECTIONS = [b"Host", b"Content-Length", b"Transfer-Encoding", b"Via",
               b"X-Forwarded", b"X-ManyWho-Region-Frontend",
               b"X-Portolan-Client", b"Authorization", b"ManyWhoTenant",
               b"manywhostate", b"Content-Type", b"X-Request-Id",
               b"X-A, X-ManyWho-Region-Backend", b"a b", b'"close"', b"close;q=1", b"("]
TWICE = [(b"ManyWhoTenant: a", b"ManyWhoTenant: b"),
         (b"ManyWhoState: a", b"ManyWhoState: b"),
         (b"Content-Type: a/b", b"Content-Type: c/d"),
         (b"Authorization: a", b"Authorization: b"),
         (b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c")]


def refused():
    """Each request with what it is about."""
    yield "length and chunks", post(b"Content-Length: 5", CHUNKED,
                                    body=b"0\r\n\r\n")
    yield "chunks and length", post(CHUNKED, b"Content-Length: 5",
                                    body=b"0\r\n\r\n")
    yield "one length twice", post(*[b"Content-Length: 5"] * 2, body=b"hello")
    yield "two lengths", post(b"Content-Length: 5", b"content-length: 6",
                              body=b"hello")
    yield "chunks in HTTP/1.0", post(CHUNKED, b"Connection: keep-alive",
                                     body=b"0\r\n\r\n", version=b"1.0")
    yield "two codings", post(CHUNKED, b"Transfer-Encoding: identity",
                              body=b"0\r\n\r\n")
    for value in LENGTHS:
        yield value, post(b"Content-Length: " + value, body=b"hello")
    for value in CODINGS:
        yield value, post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n")
    for line in CODING_LINES:
        yield line, post(line, body=b"0\r\n\r\n")
    for body in BODIES:
        yield body, post(CHUNKED, body=body + b"0\r\n\r\n")
    for body in ENDS:
        yield body, post(CHUNKED, body=b"5\r\nhello\r\n" + body)
    for host in HOSTS:
        yield host, get(host=host)
    for value in HOST_VALUES:
        yield value, get(host=b"Host: " + value + b"\r\n")
    for start in STARTS:
        yield start, get(start=start)
    for target in TARGETS:
        yield target, get(start=b"GET " + target + b" HTTP/1.1")
    for line in LINES:
        yield line, get(line)
    for value in CONNECTIONS:
        yield value, get(b"Connection: " + value, b"X-A: 1")
    for lines in TWICE:
        yield lines, get(*lines)
    yield "another authority", get(start=b"CONNECT evil.example:443 HTTP/1.1")
    yield "bare LF", get().replace(b"\r\n", b"\n")
    yield "an end of LF", get(b"\n" + HIDDEN)
    yield "CR CR", get().replace(b"\r\n", b"\r\r") + b"\r\n\r\n"
    yield "empty lines before", b"\r\n\r\n\r\n" + get()
    yield "a bare LF before", b"\n" + get()
    yield "a blank before", b" \r\n" + get()
    yield "a NUL before", b"\0" + get()
    yield "a mark of UTF-8 before", b"\xef\xbb\xbf" + get()
    yield "TLS", TLS_HELLO
    yield "PROXY in bytes", PROXY_2 + get()


# What is plain, but nothing that is served; the connection ends all the same.
OTHERS = [
    (505, get(start=b"GET / HTTP/2.0")),
    (505, get(start=b"GET / HTTP/0.9")),
    (505, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    (501, get(start=b"A" * 40 + b" / HTTP/1.1")),
    (501, post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    (417, post(b"Expect: x", b"Content-Length: 5", body=b"hello")),
    (417, post(b"Expect: 100-continue, x", b"Content-Length: 5", body=b"hello")),
    (414, get(start=b"GET /" + b"a" * 9000 + b" HTTP/1.1")),
    (431, get(b"X: " + b"a" * 9000)),
    (431, get(b"X" * 9000 + b": a")),
    (431, get(*[b"X-%d: a" % i for i in range(101)])),
    (431, get(*[b"X-%d: " % i + b"a" * 3000 for i in range(11)])),
    (431, post(CHUNKED, body=b"0\r\nX: " + b"a" * 9000 + b"\r\n\r\n")),
    (413, post(b"Content-Length: 9223372036854775807")),
]


def refuse(edge, what, request, status):
    with edge.connect() as client:
        client.send(request)
        answer = client.read()
        same(f"status of {what!r}", answer.status, status)
        same(f"frontend of {what!r}",
             answer.all("X-ManyWho-Region-Frontend"), ["US"])
        client.must_close(what)


@story
def main():
    with Platform() as platform:
        edge, origin = platform["US"], platform.origin("US")
        count = 0
        for what, request in refused():
            refuse(edge, what, request, 400)
            count += 1
        for status, request in OTHERS:
            refuse(edge, request[:60], request, status)
        same("what arrived", [r.start for r in origin.requests], [])
        same("and it still serves", edge.get("/").status, 200)
        print(f"{count + len(OTHERS)} requests refused")
