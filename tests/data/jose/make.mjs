// SPDX-License-Identifier: Apache-2.0
// Copyright the Portolan authors
//
// Makes vectors.json beside it with another implementation, npm's `jose`
// (6.x): keys of a platform and a receiver, tokens that must open, and tokens
// that must not.  Run once; the tests read what it wrote.
import { writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import * as jose from "jose";

async function pair(kid) {
  const { privateKey } = await jose.generateKeyPair("ES384", { extractable: true });
  return { kid, ...(await jose.exportJWK(privateKey)) };
}

const only = ({ d, ...rest }) => rest;
const as = (jwk, alg) => jose.importJWK(jwk, alg);
const platform = await pair(randomUUID());
const receiver = await pair(randomUUID());
const stranger = await pair(platform.kid);

async function sign(claims, key, header = {}) {
  return new jose.CompactSign(new TextEncoder().encode(claims))
    .setProtectedHeader({ alg: "ES384", kid: key.kid, ...header })
    .sign(await as(key, "ES384"));
}

async function encrypt(plain, { alg, enc, zip, key = receiver, ...header }) {
  return new jose.CompactEncrypt(new TextEncoder().encode(plain))
    .setProtectedHeader({
      alg, enc, cty: "JWT", kid: key.kid, ...(zip ? { zip: "DEF" } : {}), ...header,
    })
    .encrypt(await as(only(key), alg));
}

const claims = JSON.stringify({ iss: "manywho", content: '{"text":"Grüße \u{1F30D}"}' });
const signed = await sign(claims, platform);
const usual = { alg: "ECDH-ES+A192KW", enc: "A192CBC-HS384" };
const tokens = [];
for (const alg of ["ECDH-ES+A192KW", "ECDH-ES+A256KW"])
  for (const enc of ["A192CBC-HS384", "A256CBC-HS512"])
    for (const zip of [false, true])
      tokens.push({ alg, enc, zip, token: await encrypt(signed, { alg, enc, zip }) });
tokens.push({ ...usual, zip: false, token: await encrypt(signed, { ...usual, cty: "jwt" }) });

const bad = [];
const refuse = (why, token) => bad.push({ why, token });
for (const alg of ["ECDH-ES", "ECDH-ES+A128KW"])
  refuse("none of the algorithms", await encrypt(signed, { ...usual, alg }));
for (const enc of ["A128CBC-HS256", "A256GCM", "A192GCM"])
  refuse("none of the algorithms", await encrypt(signed, { ...usual, enc }));
refuse("does not hold a JWT", await encrypt(signed, { ...usual, cty: "text/plain" }));
refuse("names no key", await encrypt(signed, { ...usual, kid: randomUUID() }));
refuse("not encrypted for this key", await encrypt(signed, { ...usual, key: { ...stranger, kid: receiver.kid } }));
refuse("larger than", await encrypt("a".repeat(1 << 20), { ...usual, zip: true }));
const badSignatures = [
  { why: "signature is not good", token: await sign(claims, stranger) },
  { why: "names no key", token: await sign(claims, { ...platform, kid: randomUUID() }) },
];

writeFileSync(new URL("vectors.json", import.meta.url), JSON.stringify(
  { platform, receiver, claims, signed, tokens, bad, badSignatures }, null, 1) + "\n");
