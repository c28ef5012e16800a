// A service whose tokens are encrypted to it, with jose. Each line of stdin is a token. For each it prints the token inside, which it has
// verified, and that once more encrypted by jose to each of its keys.
import { createInterface } from 'node:readline';

import { CompactEncrypt, compactDecrypt, createRemoteJWKSet, importJWK, jwtVerify } from 'jose';

const { issuer, audience, keys } = JSON.parse(process.argv[2]);
const jwks = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
const privateKey = ({ kid }) => {
  const jwk = keys.find((key) => key.kid === kid);
  return importJWK(jwk, jwk.alg);
};

for await (const token of createInterface({ input: process.stdin })) {
  const { plaintext, protectedHeader } = await compactDecrypt(token, privateKey, {
    keyManagementAlgorithms: ['RSA-OAEP-256', 'ECDH-ES'], contentEncryptionAlgorithms: ['A256GCM'],
  });
  const inside = new TextDecoder().decode(plaintext);
  const { payload } = await jwtVerify(inside, jwks, { issuer, audience, typ: 'at+jwt', algorithms: ['ES256', 'EdDSA', 'RS256'] });
  console.log(JSON.stringify({ inside, protectedHeader, payload }));
  for (const { kid, alg, d, p, q, dp, dq, qi, ...rest } of keys) {
    console.log(await new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg, enc: 'A256GCM', kid, cty: 'JWT' })
      .encrypt(await importJWK(rest, alg)));
  }
}
