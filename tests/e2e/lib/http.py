# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A strict reader of HTTP/1.1 messages that forgives nothing and hides
nothing: what was on the wire stays in Message.raw."""
import re
import socket

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


class ProtocolError(Exception):
    """The peer broke HTTP, or left in the middle of a message."""


class Closed(ProtocolError):
    """The peer closed before the first byte of a message."""


class Message:
    """A request or a response: start line, fields in order, body, trailers."""

    def __init__(self, start, fields, raw):
        self.start, self.fields, self.raw = start, fields, raw
        self.body, self.trailers = b"", []
        self.interim = []               # 1xx messages before a final response

    def all(self, name):
        """Every value of a field."""
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def __getitem__(self, name):
        """The one value of a field; None without, an error with several."""
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolError(f"{len(values)} fields {name}: {values}")
        return values[0] if values else None

    @property
    def status(self):
        return int(self.start.split(" ")[1])

    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]

    def __repr__(self):
        return f"<{self.start!r} {len(self.body)} bytes>"


class Reader:
    """Reads whole messages from a socket; what is left over stays here."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def more(self):
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError:
            piece = b""
        except socket.timeout:
            raise ProtocolError("the peer is silent; so far came "
                                f"{self.data[:200]!r}") from None
        self.data += piece
        return piece != b""

    def until(self, mark):
        while mark not in self.data:
            if not self.more():
                if not self.data:
                    raise Closed("closed before a message")
                raise ProtocolError(f"closed inside a head: {self.data[:200]!r}")
        at = self.data.index(mark) + len(mark)
        taken, self.data = self.data[:at], self.data[at:]
        return taken

    def exactly(self, count):
        while len(self.data) < count:
            if not self.more():
                raise ProtocolError(f"closed {count - len(self.data)} bytes "
                                    "before the end of a body")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def rest(self):
        while self.more():
            pass
        taken, self.data = self.data, b""
        return taken

    def head(self):
        raw = self.until(b"\r\n\r\n")
        lines = raw[:-4].split(b"\r\n")
        fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not TOKEN.match(name) or b"\n" in line:
                raise ProtocolError(f"bad field line {line!r}")
            fields.append((name.decode(), value.strip(b" \t").decode("latin-1")))
        if b"\n" in lines[0]:
            raise ProtocolError(f"bad start line {lines[0]!r}")
        return Message(lines[0].decode("latin-1"), fields, raw)

    def chunked(self, message):
        parts = []
        while True:
            line = self.until(b"\r\n")
            message.raw += line
            size = line[:-2].split(b";")[0]
            if not re.fullmatch(rb"[0-9A-Fa-f]+", size):
                raise ProtocolError(f"bad chunk size {line!r}")
            if int(size, 16) == 0:
                break
            part = self.exactly(int(size, 16))
            end = self.exactly(2)
            message.raw += part + end
            if end != b"\r\n":
                raise ProtocolError(f"chunk ends with {end!r}")
            parts.append(part)
        while True:
            line = self.until(b"\r\n")
            message.raw += line
            if line == b"\r\n":
                break
            name, colon, value = line[:-2].partition(b":")
            if not colon or not TOKEN.match(name):
                raise ProtocolError(f"bad trailer line {line!r}")
            message.trailers.append((name.decode(),
                                     value.strip(b" \t").decode("latin-1")))
        message.body = b"".join(parts)

    def body(self, message, until_close):
        """Reads the body that the fields announce."""
        coding, length = message["Transfer-Encoding"], message["Content-Length"]
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise ProtocolError(f"framing: {coding} and {length}")
            self.chunked(message)
        elif length is not None:
            message.body = self.exactly(int(length))
            message.raw += message.body
        elif until_close:
            message.body = self.rest()
            message.raw += message.body

    def request(self):
        """A whole request (the origin's end)."""
        message = self.head()
        self.body(message, False)
        return message

    def response(self, method="GET"):
        """The final response to a request of that method; interim ones are
        in its .interim."""
        interim = []
        while True:
            message = self.head()
            if not re.fullmatch(r"HTTP/1\.1 [1-5][0-9][0-9] [^\r\n]*",
                                message.start):
                raise ProtocolError(f"bad status line {message.start!r}")
            if message.status >= 200 or message.status == 101:
                break
            interim.append(message)
        message.interim = interim
        bare = method == "HEAD" or message.status in (101, 204, 304)
        if not bare:
            self.body(message, True)
        return message
