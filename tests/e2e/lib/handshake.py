# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""TLS clients of several kinds, and listeners for them."""
import os
import ssl

from .client import Client
from .http import Reader


def tls_client(version=None, chain=None):
    """A context that believes every server.  chain: PATH of PATH.pem, .key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        context.maximum_version = version
    if chain is not None:
        context.load_cert_chain(chain + ".pem", chain + ".key")
    return context


class Shaken:
    """A handshake, and one request after it: what was shown and answered."""

    def __init__(self, address, name, host=None, context=None, session=None,
                 source=None):
        with Client(address, source=source) as c:
            c.sock = (context or tls_client()).wrap_socket(
                c.sock, server_hostname=name, session=session)
            c.reader = Reader(c.sock)
            self.reused = c.sock.session_reused
            self.certificate = c.sock.getpeercert(binary_form=True)
            self.answer = c.ask("GET", "/api/run/1/x",
                                [("Host", host or name)])
            self.status = self.answer.status
            self.session = c.sock.session


def refused(address, name, context, session=None):
    """Whether the handshake fails; TLS 1.3 tells with the first answer."""
    try:
        Shaken(address, name, context=context, session=session)
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def certificate_der(directory, name):
    with open(os.path.join(directory, f"{name}.pem")) as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def listener(name, address, pairs, **more):
    """A TLS listener; pairs: names of tls/NAME.pem, the default first."""
    first, *others = [{"certificate": f"tls/{n}.pem", "key": f"tls/{n}.key"}
                      for n in pairs]
    return {"name": name, "address": "%s:%d" % address,
            "tls": {**first, **({"more": others} if others else {}), **more}}
