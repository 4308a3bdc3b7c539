# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A receiver of the External Storage API, for tests: what a tenant runs beside
his database.  It checks what the vendor's checks, and as strictly; the
cryptography is python3-cryptography's, so that our own is not its own judge.

    with Receiver(dialect="mysql") as store: ...
"""
import base64
import datetime
import json
import os
import re
import ssl
import threading
import time
import uuid
import zlib

from cryptography.hazmat.primitives import hashes, hmac, keywrap, padding
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from .http import Reader
from .origin import Origin

WRAPS = {"ECDH-ES+A192KW": 24, "ECDH-ES+A256KW": 32}
CONTENTS = {"A192CBC-HS384": (24, hashes.SHA384),
            "A256CBC-HS512": (32, hashes.SHA512)}
INFLATED_MAX = 204800
GUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?"
                  r"(Z|[+-]\d\d:\d\d)")


class Refused(Exception):
    """With the status that the vendor's receiver answers."""

    def __init__(self, status, why):
        super().__init__(f"{status}: {why}")
        self.status = status


def check(good, why, status=500):
    if not good:
        raise Refused(status, why)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def curve_point(jwk):
    return ec.EllipticCurvePublicNumbers(
        int.from_bytes(unb64(jwk["x"]), "big"),
        int.from_bytes(unb64(jwk["y"]), "big"), ec.SECP384R1())


def public_key(jwk):
    return curve_point(jwk).public_key()


def private_key(jwk):
    return ec.EllipticCurvePrivateNumbers(
        int.from_bytes(unb64(jwk["d"]), "big"),
        curve_point(jwk)).private_key()


def jws_sign(payload, jwk):
    head = b64(json.dumps({"alg": "ES384", "kid": jwk["kid"]}).encode()) + \
        "." + b64(payload)
    r, s = utils.decode_dss_signature(private_key(jwk).sign(
        head.encode(), ec.ECDSA(hashes.SHA384())))
    return head + "." + b64(r.to_bytes(48, "big") + s.to_bytes(48, "big"))


def jws_verify(token, keys):
    head, payload, signature = token.split(".")
    header = json.loads(unb64(head))
    check(header["alg"] == "ES384", "alg")
    check(header.get("kid", "").lower() in keys, "kid")
    raw = unb64(signature)
    check(len(raw) == 96, "signature")
    der = utils.encode_dss_signature(int.from_bytes(raw[:48], "big"),
                                     int.from_bytes(raw[48:], "big"))
    public_key(keys[header["kid"].lower()]).verify(
        der, f"{head}.{payload}".encode(), ec.ECDSA(hashes.SHA384()))
    return unb64(payload)


def key_of(own, peer, alg):
    size = WRAPS[alg]
    info = len(alg).to_bytes(4, "big") + alg.encode() + bytes(8) + \
        (size * 8).to_bytes(4, "big")
    return ConcatKDFHash(hashes.SHA256(), size, info).derive(
        own.exchange(ec.ECDH(), peer))


def tag_of(enc, key, head, iv, cipher):
    half, digest = CONTENTS[enc]
    mac = hmac.HMAC(key[:half], digest())
    mac.update(head.encode() + iv + cipher +
               (len(head) * 8).to_bytes(8, "big"))
    return mac.finalize()[:half]


def jwe_encrypt(plain, jwk, alg="ECDH-ES+A192KW", enc="A192CBC-HS384"):
    """Always deflated, as the vendor's answers are."""
    half, _ = CONTENTS[enc]
    ephemeral = ec.generate_private_key(ec.SECP384R1())
    point = ephemeral.public_key().public_numbers()
    head = b64(json.dumps({
        "zip": "DEF", "cty": "JWT", "alg": alg, "enc": enc,
        "kid": jwk["kid"], "epk": {
            "kty": "EC", "crv": "P-384", "x": b64(point.x.to_bytes(48, "big")),
            "y": b64(point.y.to_bytes(48, "big"))}}).encode())
    key, iv = os.urandom(2 * half), os.urandom(16)
    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(plain) + deflate.flush()
    pad = padding.PKCS7(128).padder()
    run = Cipher(algorithms.AES(key[half:]), modes.CBC(iv)).encryptor()
    cipher = run.update(pad.update(packed) + pad.finalize()) + run.finalize()
    wrapped = keywrap.aes_key_wrap(key_of(ephemeral, public_key(jwk), alg),
                                   key)
    return ".".join([head, b64(wrapped), b64(iv), b64(cipher),
                     b64(tag_of(enc, key, head, iv, cipher))])


def jwe_decrypt(token, keys):
    head, wrapped, iv, cipher, tag = token.split(".")
    header = json.loads(unb64(head))
    alg, enc = header["alg"], header["enc"]
    check(alg in WRAPS and enc in CONTENTS, "algorithms")
    check(header.get("cty", "").upper() == "JWT", "cty")
    check(header.get("kid", "").lower() in keys, "kid")
    own = private_key(keys[header["kid"].lower()])
    key = keywrap.aes_key_unwrap(key_of(own, public_key(header["epk"]), alg),
                                 unb64(wrapped))
    half, _ = CONTENTS[enc]
    iv, cipher = unb64(iv), unb64(cipher)
    check(tag_of(enc, key, head, iv, cipher) == unb64(tag), "tag")
    run = Cipher(algorithms.AES(key[half:]), modes.CBC(iv)).decryptor()
    unpad = padding.PKCS7(128).unpadder()
    plain = unpad.update(run.update(cipher) + run.finalize()) + \
        unpad.finalize()
    if "zip" in header:
        inflate = zlib.decompressobj(-15)
        plain = inflate.decompress(plain, INFLATED_MAX)
        check(not inflate.unconsumed_tail, "inflates to too much")
    return plain


def check_time(claims, longest, status):
    now = time.time()
    check(isinstance(claims.get("exp"), (int, float)), "exp", status)
    check(now < claims["exp"] <= now + longest, "exp", status)
    check(claims.get("nbf", 0) <= now, "nbf", status)


def instant(text):
    """In microseconds, which is what databases keep."""
    m = TIME.fullmatch(text)
    check(m is not None, f"time {text}")
    zone = "+00:00" if m[3] == "Z" else m[3]
    whole = datetime.datetime.fromisoformat(m[1] + zone)
    return int(whole.timestamp()) * 1000000 + \
        round(float("0" + (m[2] or ".0")) * 1000000)


def without_duplicates(pairs):
    check(len({k for k, _ in pairs}) == len(pairs), "duplicate members")
    return dict(pairs)


class Receiver(Origin):
    """
    dialect      "postgresql" (an update as old as what is there is taken, and
                 members come back in another order) or "mysql" (it is not,
                 and expiresAt must be there)
    tls          names of a certificate's and its key's files, or None
    fails        a status that saves are answered with, or None
    """

    def __init__(self, dialect="postgresql", tls=None):
        self.dialect, self.fails, self.login = dialect, None, None
        self.tls = None
        if tls is not None:             # file names: certificate, key
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.platform, self.receiver = {}, {}
        self.rows, self.dropped, self.refused = {}, 0, []
        self.lock = threading.Lock()
        super().__init__("store", Receiver._answer)

    def keys(self, store):
        """Those of the API's answer to the making of a store or a set."""
        platform = json.loads(store["platformKey"])
        receiver = json.loads(store["receiverKey"])
        assert "d" not in platform and "d" in receiver
        self.platform[platform["kid"]] = platform
        self.receiver[receiver["kid"]] = receiver

    @property
    def endpoint(self):
        scheme = "http" if self.tls is None else "https"
        return "%s://%s:%d/api/storage/1" % (scheme, *self.address)

    def _serve(self, conn):
        try:
            if self.tls is not None:
                conn.sock = self.tls.wrap_socket(conn.sock, server_side=True)
                conn.reader = Reader(conn.sock)
        except OSError as e:            # whoever does not trust us
            self.refused.append(repr(e))
            conn.close()
            return
        super()._serve(conn)

    # --- cryptography, which another library may do as well

    def verify(self, token, keys):
        return jws_verify(token, keys)

    def open(self, token, keys):
        return jwe_decrypt(token, keys).decode()

    def seal(self, text, signer, reader):
        return jwe_encrypt(jws_sign(text.encode(), signer).encode(), reader)

    # --- the API

    @staticmethod
    def _answer(conn, request):
        self = conn.origin
        try:
            status, body = self._do(request)
        except Refused as e:
            self.refused.append(str(e))
            status, body = e.status, b""
        except Exception as e:          # as the vendor's: everything else
            self.refused.append(repr(e))
            status, body = 500, b""
        conn.answer(status, body, [("Content-Type", "application/json")],
                    "As it is")

    def _do(self, request):
        path = request.target.split("?")[0]
        m = re.fullmatch("/api/storage/1/states/([^/]+)(?:/([^/]+))?", path)
        check(m is not None and "?" not in request.target, "path", 404)
        check(request["Accept"] in ("application/json", "*/*"), "Accept", 406)
        if request.method != "GET":
            check(request["Content-Type"] == "application/json", "type", 415)
        platform, receiver = (str(uuid.UUID(
            request[f"X-ManyWho-{n}-Key-ID"] or "")) for n in
            ("Platform", "Receiver"))
        if self.login is not None:
            check(request["Authorization"] == "Basic " + base64.b64encode(
                self.login.encode()).decode(), "login", 401)
        self._check_signature(request["X-ManyWho-Signature"], m[1], path)
        check(GUID.fullmatch(m[1]), "tenant", 404)
        if self.fails is not None and request.method != "GET":
            raise Refused(self.fails, "told to fail")
        with self.lock:
            if request.method == "GET":
                return 200, self._find(m[1], m[2], platform, receiver)
            check(m[2] is None, "method", 405)
            if request.method == "POST":
                return self._save(m[1], json.loads(request.body))
            check(request.method == "DELETE", "method", 405)
            return self._delete(m[1], json.loads(request.body))

    def _check_signature(self, signature, tenant, path):
        try:
            claims = json.loads(self.verify(signature or "", self.platform))
        except Exception as e:
            raise Refused(401, f"signature {e!r}")
        check(claims["iss"] == "manywho" and claims["aud"] == tenant and
              claims.get("sub"), "claims", 401)
        check_time(claims, 300, 401)
        check(claims["path"] == path, "path claim", 401)

    def _find(self, tenant, state, platform, receiver):
        row = self.rows.get(state)
        check(row is not None and row["tenant"] == tenant, "state", 404)
        content = row["content"]
        if self.dialect == "postgresql":
            content = json.dumps(dict(sorted(json.loads(content).items(),
                                             key=lambda i: len(i[0]))))
        now = time.time()
        claims = {"iss": tenant, "aud": "manywho", "sub": state,
                  "exp": now + 600, "iat": now, "nbf": now - 120,
                  "jti": str(uuid.uuid4()), "content": content}
        token = self.seal(json.dumps(claims), self.receiver[receiver],
                          self.platform[platform])
        return json.dumps({"token": token}).encode()

    def _save(self, tenant, items):
        check(isinstance(items, list) and items, "list")
        states = [self._read(tenant, item["token"]) for item in items]
        for state in states:
            old = self.rows.get(state["id"])
            if old is not None and (
                    old["at"] > state["at"] or
                    (self.dialect == "mysql" and old["at"] == state["at"])):
                self.dropped += 1
            else:
                self.rows[state["id"]] = state
        return 204, b""

    def _read(self, tenant, token):
        claims = json.loads(self.verify(self.open(token, self.receiver),
                                        self.platform))
        check(claims["iss"] == "manywho" and claims["aud"] == tenant and
              claims.get("sub"), "claims")
        check_time(claims, 300 * 60, 500)
        for name in ("id", "tenant", "flow", "flowVersion"):
            check(GUID.fullmatch(claims[name]), name)
        for name in ("parent", "currentMapElement", "currentUser"):
            check(claims[name] is None or GUID.fullmatch(claims[name]), name)
        check(isinstance(claims["isDone"], bool), "isDone")
        instant(claims["createdAt"])
        check(claims["expiresAt"] is not None or self.dialect != "mysql",
              "expiresAt")
        if claims["expiresAt"]:
            instant(claims["expiresAt"])
        json.loads(claims["content"], object_pairs_hook=without_duplicates)
        check("\\u0000" not in claims["content"], "NUL")
        return {**claims, "at": instant(claims["updatedAt"])}

    def _delete(self, tenant, ids):
        check(isinstance(ids, list) and ids, "list")
        for state in ids:
            check(GUID.fullmatch(state), "id")
            if self.rows.get(state, {}).get("tenant") == tenant:
                del self.rows[state]
        return 204, b""
