#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""An engine's answer that two programs could read differently becomes a 502,
or ends before its end; what follows it on the engine's connection is never
taken for the answer to anybody's next request."""
from lib import Origin, Platform, ProtocolError, same, story, truth, wait_for

LENGTH, CHUNKED = b"Content-Length: 5", b"Transfer-Encoding: chunked"
OK = b"HTTP/1.1 200 OK"
EVIL = OK + b"\r\nContent-Length: 4\r\n\r\nevil"


def answer(*lines, start=OK, body=b""):
    lines = b"".join(line + b"\r\n" for line in lines)
    return start + b"\r\n" + lines + b"\r\n" + body


PLAIN = answer(LENGTH, body=b"hello")

LENGTHS = [b"5, 5", b"5,6", b"+5", b"-5", b"", b"5 5", b"0x5",
           b"18446744073709551621"]
CODINGS = [b"gzip", b"gzip, chunked", b"identity", b"chunked, chunked",
           b"chunked, gzip", b"xchunked", b"", b"chunked,"]
STARTS = [b"HTTP/1.1  200 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK",
          b"HTTP/1.1 099 OK", b"HTTP/1.1 600 OK", b"HTTP/1.1 abc OK",
          b"HTTP/1.1 -20 OK", b"HTTP/1.1 +20 OK", b"HTTP/1.1 200OK",
          b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 O\rK", b"HTTP/1.1\t200 OK",
          b"HTTP/2.0 200 OK", b"http/1.1 200 OK",
          b"ICY 200 OK", b" HTTP/1.1 200 OK", b"\r\nHTTP/1.1 200 OK", b"200 OK",
          b"", b"HTTP/1.1", b"HTTP/1.1 200 " + b"a" * 9000,
          b"GET / HTTP/1.1", b"\x15\x03\x03\0\2\2\x28",
          b"\0\0\0\4\0\0\0\0\0", b"SSH-2.0-OpenSSH"]
LINES = [b"X: a\r\n b", b"X : a", b" X: a", b"X", b": a", b"X: a\0b",
         b"X: a\rb", b"X: a\nb", b"X\xff: a", b"X Y: a", b"X(: a",
         b"X: a\x01b", b"X: " + b"a" * 9000, b"Connection: a b",
         b"Connection: Content-Length", b"Set-Cookie: a=b\r"]
BODIES = [b"0x5\r\nhello\r\n", b"5 \r\nhello\r\n", b"5\nhello\n", b"5\r\nhello!",
          b"G\r\n", b"FFFFFFFFFFFFFFFF\r\nhello", b"8000000000000000\r\nhello",
          b"10000000000000005\r\nhello\r\n", b"-1\r\nhello\r\n",
          b"5;" + b"a" * 300 + b"\r\nhello\r\n",
          b"5\r\nhello\r\n0\r\nX : y\r\n", b"5\r\nhello\r\n0\r\nX: a\nY: b\r\n",
          b"5\r\nhello\r\n0\r\n" + b"X: a\r\n" * 3000]

BAD = [
    answer(LENGTH, CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
    answer(LENGTH, LENGTH, body=b"hello"),
    answer(LENGTH, b"Content-Length: 6", body=b"hello"),
    answer(CHUNKED, start=b"HTTP/1.0 200 OK", body=b"5\r\nhello\r\n0\r\n\r\n"),
    *[answer(b"Content-Length: " + v, body=b"hello") for v in LENGTHS],
    *[answer(b"Transfer-Encoding: " + v, body=b"5\r\nhello\r\n0\r\n\r\n")
      for v in CODINGS],
    *[answer(LENGTH, start=v, body=b"hello") for v in STARTS],
    *[answer(line, LENGTH, body=b"hello") for line in LINES],
    PLAIN.replace(b"\r\n", b"\n"),
    answer(*[b"X-%d: a" % i for i in range(200)], LENGTH, body=b"hello"),
    answer(*[b"X-%d: " % i + b"a" * 3000 for i in range(14)], LENGTH,
           body=b"hello"),
    answer(start=b"HTTP/1.1 100 Continue") * 1000 + PLAIN,
    answer(LENGTH, start=b"HTTP/1.1 102 Processing") + PLAIN,
    answer(CHUNKED, start=b"HTTP/1.1 103 Early Hints") + PLAIN,
    answer(LENGTH, start=b"HTTP/1.1 204 No Content"),
    answer(CHUNKED, start=b"HTTP/1.1 204 No Content",
           body=b"5\r\nhello\r\n0\r\n\r\n"),
    answer(start=b"HTTP/1.1 101 Switching Protocols"),
    answer(b"Connection: Upgrade", b"Upgrade: websocket",
           start=b"HTTP/1.1 101 Switching Protocols"),
]

# Good by their heads, but what is wrong comes in the same packet.
CHUNKS = [answer(CHUNKED, body=body + b"\r\n0\r\n\r\n") for body in BODIES]

# Begun when it shows: behind the first read.
CUT = [answer(CHUNKED, body=b"20000\r\n" + b"x" * 0x20000 + b"\r\nzz\r\n")]

# Good answers with something behind them that was not asked for.
MORE = [PLAIN + EVIL, PLAIN + b"junk", PLAIN + b"\r\n",
        answer(CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n") + EVIL,
        answer(b"Content-Length: 0", start=b"HTTP/1.1 204 No Content") + EVIL,
        answer(LENGTH, start=b"HTTP/1.1 304 Not Modified") + EVIL,
        PLAIN + b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"]


class Script:
    """Says its answer, and keeps the connection as if all were well."""

    def __call__(self, conn, request):
        if request.target == "/clean":
            conn.answer(200, b"clean")
        else:
            conn.send(self.answer)


def then_clean(client, what):
    same(f"the next answer after {what!r}",
         client.ask("GET", "/clean", [("Host", "flow.example.com")]).body,
         b"clean")


@story
def main():
    script = Script()
    with Platform(origins={"US": Origin("US", script)}, settings={
            "threads": 1, "engines": {"probe": {"fall": 100}},
            "timeouts": {"response_idle": "1s"}}) as p:
        us = p["US"]

        def up():
            return us.metric("portolan_upstream_up") == 1

        def ask(client, method="GET"):
            # Several in a row take an engine out; a probe brings it back.
            wait_for("up", up)
            return client.ask(method, "/", [("Host", "flow.example.com")])

        with us.connect() as c:
            for script.answer in BAD + CHUNKS:
                got = ask(c)
                same(f"status of {script.answer[:80]!r}", got.status, 502)
                truth(f"not a byte of {script.answer[:80]!r}",
                      b"hello" not in got.body)
                then_clean(c, script.answer[:80])
            for script.answer in MORE:
                got = ask(c)
                truth(f"an answer of {script.answer[:80]!r}",
                      got.status in (200, 204, 304) and
                      got.body in (b"hello", b""))
                then_clean(c, script.answer[:80])
            # To HEAD there is no body, so what comes as one is not asked for.
            for script.answer in (PLAIN, *CHUNKS):
                same("HEAD", ask(c, "HEAD").status, 200)
                then_clean(c, script.answer[:80])
        for script.answer in CUT:
            with us.connect() as c:
                try:
                    ask(c)
                    raise AssertionError("a cut answer was taken for whole")
                except ProtocolError:
                    pass
        print(f"{len(BAD) + len(CHUNKS) + len(CUT) + len(MORE)} answers")
