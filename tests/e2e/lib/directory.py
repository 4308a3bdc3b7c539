# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A directory that users log in to: a service's answers to /authentication
and /authorization.  It knows Ada (u-1), who may, and Bob (u-2), who may
not."""
import base64
import json
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .service import guid

WHO = {"directoryId": "dir", "directoryName": "Staff", "email": "ada@x.example",
       "firstName": "Ada", "lastName": "L", "status": "200", "token": "inner",
       "userId": "u-1", "username": "ada", "tenantName": "x",
       "identityProvider": "ours", "statusMessage": None}


class Directory:
    """What the service says of whom; a story may change it."""

    def __init__(self):
        self.kind, self.url = "USERNAME_PASSWORD", "https://login.example"
        self.may = {"u-1"}

    def answers(self):
        """For a Service."""
        return {"/api/authorization": self.authorization,
                "/api/authentication": self.authentication}

    def authorization(self, asked):
        who = asked.json["authorization"]["runningAuthenticationId"]
        status = "200" if who in self.may else "401"
        return {"objectData": [{"properties": [
            {"developerName": n, "contentValue": v} for n, v in (
                ("Directory Id", "dir"), ("Directory Name", "Staff"),
                ("AuthenticationType", self.kind), ("LoginUrl", self.url),
                ("Status", status))]}]}

    def authentication(self, asked):
        if asked.json.get("code") == "c-1":
            return WHO
        if asked.json.get("samlResponse") == "PHNhbWw+":
            return WHO
        if (asked.json.get("username"), asked.json.get("password")) == \
                ("ada", "engine"):
            return WHO
        if asked.json.get("username") == "bob":
            return {**WHO, "userId": "u-2", "firstName": "Bob"}
        return {"status": "401", "statusMessage": "Wrong password"}


def auth(kind, **more):
    """Of a flow or a lane, by the directory that service 80 is."""
    return {"globalAuthenticationType": kind, "serviceElementId": guid(80),
            **more}


ADA_ALONE = auth("SPECIFIED", users=[{"authenticationId": "u-1"}])


def log_in(engine, state, name="ada", password="engine", **more):
    return engine.ask("POST", f"/api/run/1/authentication/{state}", {
        "username": name, "password": password, "token": None}, **more)


def with_token(token):
    return [("Authorization", token)]


# --- tokens as the engine seals them

def _bytes(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _key(engine):
    with open(f"{engine.store}/token.key", encoding="ascii") as f:
        return AESGCM(bytes.fromhex(f.read().strip()))


def opened(engine, token):
    """What the engine has put into it."""
    header, _, iv, text, tag = token.split(".")
    return json.loads(_key(engine).decrypt(
        _bytes(iv), _bytes(text) + _bytes(tag), header.encode()))


def sealed_anew(engine, token, **changed):
    """The same token with something else in it, under the engine's key."""
    header, iv = token.split(".")[0], os.urandom(12)
    out = _key(engine).encrypt(
        iv, json.dumps({**opened(engine, token), **changed}).encode(),
        header.encode())
    return ".".join((header, "", _text(iv), _text(out[:-16]),
                     _text(out[-16:])))
