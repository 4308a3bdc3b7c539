# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A raw HTTP/1.1 client: sends exactly the bytes it is given."""
import socket
import ssl

from .http import ProtocolError, Reader
from .story import SCALE, Failed


def head_bytes(method, target, fields, body):
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{n}: {v}" for n, v in fields]
    names = [n.lower() for n, _ in fields]
    if body is not None and "transfer-encoding" not in names and \
            "content-length" not in names:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class Client:
    """One connection.  source: a loopback address to come from."""

    def __init__(self, address, source=None, tls_name=None, timeout=15):
        self.sock = socket.create_connection(
            address, timeout * SCALE, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls_name is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock, server_hostname=tls_name)
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def finish_sending(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Leaves with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    def read(self, method="GET"):
        """The next response."""
        return self.reader.response(method)

    def ask(self, method, target, fields=(), body=None):
        """One request and its response on this connection."""
        self.send(head_bytes(method, target, list(fields), body) +
                  (body or b""))
        return self.read(method)

    def must_close(self, what="the connection"):
        """The peer closes, and says nothing more."""
        try:
            rest = self.reader.rest()
        except ProtocolError:
            raise Failed(f"{what} stays open") from None
        if rest:
            raise Failed(f"{what} said more: {rest[:200]!r}")
