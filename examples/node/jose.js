// An API whose requests need an access token of Signet, verified with jose (npm install jose):
//
//   signet api create https://orders.example --permission orders:read
//   ISSUER=http://127.0.0.1:8080 AUDIENCE=https://orders.example PORT=8081 node jose.js
//   curl -H "Authorization: Bearer $token" http://127.0.0.1:8081/orders
import { createServer } from 'node:http';
import { inflateSync } from 'node:zlib';

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const { ISSUER = 'http://127.0.0.1:8080', AUDIENCE = 'https://orders.example', PORT = '8081' } = process.env;
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), { cacheMaxAge: 60_000, cooldownDuration: 10_000 });
const common = { issuer: ISSUER, algorithms: ['ES256', 'EdDSA', 'RS256'], clockTolerance: 5 };

/** A request is answered with a status and, by WWW-Authenticate, with what its token lacks (RFC 6750 §3). */
class Refused extends Error {
  constructor(status, challenge) {
    super(challenge);
    Object.assign(this, { status, challenge });
  }
}

/** The claims of a request's access token (RFC 9068 §4), if that is valid and has the scope. */
async function authenticate(request, scope) {
  const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!token) throw new Refused(401, `Bearer scope="${scope}"`);
  const claims = await verify(token, {
    audience: AUDIENCE, typ: 'at+jwt', requiredClaims: ['sub', 'client_id', 'exp', 'iat', 'jti'],
  });
  if (claims.cnf || await isRevoked(claims)) throw new Refused(401, 'Bearer error="invalid_token"');
  if (!String(claims.scope ?? '').split(' ').includes(scope)) {
    throw new Refused(403, `Bearer error="insufficient_scope", scope="${scope}"`);
  }
  return claims;
}

async function verify(token, options) {
  try {
    return (await jwtVerify(token, keys, { ...common, ...options })).payload;
  } catch (error) {
    const unreachable = !(error instanceof errors.JOSEError) || ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'].includes(error.code);
    throw unreachable ? error : new Refused(401, 'Bearer error="invalid_token"');
  }
}

/** Whether the status list of a token says that it counts no more (Token Status List §8.3). */
async function isRevoked({ status }) {
  const { uri, idx } = status?.status_list ?? {};
  if (!uri?.startsWith?.(`${ISSUER}/statuslists/`) || !Number.isInteger(idx)) return true;
  const { bits, bytes } = await statusList(uri);
  if (idx < 0 || idx >= bytes.length * 8 / bits) return true;
  return (bytes[Math.floor(idx * bits / 8)] >> (idx * bits % 8) & (1 << bits) - 1) !== 0;
}

const lists = new Map(); // by URI: what all requests share until it is due to be read again

function statusList(uri) {
  const known = lists.get(uri);
  if (known && Date.now() < known.due) return known.list;
  const began = Date.now();
  const next = { due: Infinity };
  next.list = readList(uri).catch(async (error) => {
    const old = await known?.list.catch(() => undefined); // counts until it expires, while there is no newer one
    if (!old || Date.now() > old.exp * 1000) throw error;
    return { ...old, ttl: 1 };
  });
  next.list.then(({ ttl }) => { next.due = began + ttl * 1000; }, () => { next.due = 0; });
  for (const [other, { due }] of lists) if (due < Date.now() - 600_000) lists.delete(other);
  lists.set(uri, next);
  return next.list;
}

async function readList(uri) {
  const answer = await fetch(uri, { redirect: 'error', signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${uri} answers ${answer.status}`);
  const options = { ...common, subject: uri, typ: 'statuslist+jwt', requiredClaims: ['iat', 'exp'] };
  const { payload: { exp, ttl = 10, status_list: { bits, lst } } } = await jwtVerify(await answer.text(), keys, options);
  if (![1, 2, 4, 8].includes(bits)) throw new Error(`${uri} has entries of ${bits} bits`);
  return { exp, ttl, bits, bytes: inflateSync(Buffer.from(lst, 'base64url'), { maxOutputLength: 1 << 20 }) };
}

createServer(async (request, response) => {
  const answer = (status, body, headers) => response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
  try {
    const claims = await authenticate(request, 'orders:read');
    answer(200, { sub: claims.sub });
  } catch (error) {
    if (error instanceof Refused) {
      answer(error.status, { error: 'refused' }, { 'WWW-Authenticate': error.challenge });
    } else {
      console.error(error.message);
      answer(503, { error: 'Access tokens cannot be judged at the moment.' }, { 'Retry-After': '1' });
    }
  }
}).listen(Number(PORT), '127.0.0.1');
