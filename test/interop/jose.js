// A service that verifies tokens by the JWKS alone, with jose. Each line of stdin is a token, each line of stdout a verdict.
import { createInterface } from 'node:readline';

import { createRemoteJWKSet, jwtVerify } from 'jose';

const { issuer, audience } = JSON.parse(process.argv[2]);
const jwks = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), { cooldownDuration: 0 });

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { payload } = await jwtVerify(token, jwks, { issuer, audience, typ: 'at+jwt', requiredClaims: ['exp', 'sub', 'jti'] });
    console.log(`valid ${payload.jti}`);
  } catch (error) {
    console.log(`invalid ${error.code}`);
  }
}
