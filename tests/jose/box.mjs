// SPDX-License-Identifier: Apache-2.0
// Copyright the Portolan authors
//
// What a receiver of the External Storage API does with tokens, by npm's
// `jose`: one JSON question a line, one JSON answer a line.
//
//	{do: "verify", token, keys}		 the payload's text
//	{do: "open", token, keys}		 what was encrypted
//	{do: "seal", text, signer, reader}	 signed, deflated, encrypted
import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { createDeflateRaw, createInflateRaw } from "node:zlib";

// What `jose` takes for granted, and Debian 12's Node (18) has under other
// names: so nothing else needs to be installed.
const streams = (make) => function (format) {
  if (format !== "deflate-raw") throw new TypeError(format);
  return Duplex.toWeb(make());
};
if (globalThis.crypto === undefined) {
  Object.assign(globalThis, { crypto: webcrypto, CryptoKey: webcrypto.CryptoKey,
    CompressionStream: streams(createDeflateRaw),
    DecompressionStream: streams(createInflateRaw) });
}
const jose = await import("jose");

const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (string) => new TextEncoder().encode(string);
const only = ({ d, ...rest }) => rest;
const alg = "ECDH-ES+A192KW", enc = "A192CBC-HS384";

// As the vendor's lists have it.
const opening = {
  keyManagementAlgorithms: ["ECDH-ES+A192KW", "ECDH-ES+A256KW"],
  contentEncryptionAlgorithms: ["A192CBC-HS384", "A256CBC-HS512"],
  maxDecompressedLength: 204800,
};

function named(keys, kid) {
  const key = keys[(kid ?? "").toLowerCase()];
  if (key === undefined) throw new Error(`no key ${kid}`);
  return key;
}

const does = {
  async verify({ token, keys }) {
    const done = await jose.compactVerify(token, async (header) =>
      jose.importJWK(only(named(keys, header.kid)), "ES384"), { algorithms: ["ES384"] });
    return text(done.payload);
  },
  async open({ token, keys }) {
    const done = await jose.compactDecrypt(token, async (header) =>
      jose.importJWK(named(keys, header.kid), header.alg), opening);
    if ((done.protectedHeader.cty ?? "").toUpperCase() !== "JWT") throw new Error("cty");
    return text(done.plaintext);
  },
  async seal({ text: claims, signer, reader }) {
    const jws = await new jose.CompactSign(bytes(claims))
      .setProtectedHeader({ alg: "ES384", kid: signer.kid })
      .sign(await jose.importJWK(signer, "ES384"));
    return new jose.CompactEncrypt(bytes(jws))
      .setProtectedHeader({ alg, enc, zip: "DEF", cty: "JWT", kid: reader.kid })
      .encrypt(await jose.importJWK(only(reader), alg));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = { good: await does[question.do](question) };
  } catch (e) {
    answer = { bad: String(e) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
