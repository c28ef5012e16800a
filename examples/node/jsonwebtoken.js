// An API whose requests need an access token of Signet, verified with jsonwebtoken (npm install jsonwebtoken), which knows ES256 and
// RS256, but not EdDSA:
//
//   signet api create https://orders.example --permission orders:read
//   ISSUER=http://127.0.0.1:8080 AUDIENCE=https://orders.example PORT=8081 node jsonwebtoken.js
//   curl -H "Authorization: Bearer $token" http://127.0.0.1:8081/orders
import { createPublicKey } from 'node:crypto';
import { createServer } from 'node:http';
import { inflateSync } from 'node:zlib';

import jwt from 'jsonwebtoken';

const { ISSUER = 'http://127.0.0.1:8080', AUDIENCE = 'https://orders.example', PORT = '8081' } = process.env;
const ALGORITHMS = ['ES256', 'RS256'];

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
  const keys = await kept(`${ISSUER}/.well-known/jwks.json`, readKeys);
  let claims;
  try {
    claims = verify(token, keys, { audience: AUDIENCE }, 'at+jwt', ['sub', 'client_id', 'exp', 'iat', 'jti']);
  } catch {
    throw new Refused(401, 'Bearer error="invalid_token"');
  }
  if (claims.cnf || await isRevoked(claims)) throw new Refused(401, 'Bearer error="invalid_token"');
  if (!String(claims.scope ?? '').split(' ').includes(scope)) {
    throw new Refused(403, `Bearer error="insufficient_scope", scope="${scope}"`);
  }
  return claims;
}

/** The claims of a JWT that Signet signed. The algorithm is that of the key, whatever the header says. */
function verify(token, keys, options, typ, required) {
  const header = jwt.decode(token, { complete: true })?.header;
  const key = keys.get(header?.kid);
  if (!key || header.typ !== typ || header.crit) throw new Error('not signed by a key of Signet, or of another type');
  const claims = jwt.verify(token, key.key, { algorithms: [key.alg], issuer: ISSUER, clockTolerance: 5, ...options });
  const missing = required.find((name) => claims[name] === undefined);
  if (missing) throw new Error(`without the claim ${missing}`);
  return claims;
}

/** Whether the status list of a token says that it counts no more (Token Status List §8.3). */
async function isRevoked({ status }) {
  const { uri, idx } = status?.status_list ?? {};
  if (!uri?.startsWith?.(`${ISSUER}/statuslists/`) || !Number.isInteger(idx)) return true;
  const { bits, bytes } = await kept(uri, readList);
  if (idx < 0 || idx >= bytes.length * 8 / bits) return true;
  return (bytes[Math.floor(idx * bits / 8)] >> (idx * bits % 8) & (1 << bits) - 1) !== 0;
}

async function readKeys(text) {
  const usable = JSON.parse(text).keys.filter(({ kid, alg }) => kid && ALGORITHMS.includes(alg));
  const keys = usable.map((jwk) => [jwk.kid, { alg: jwk.alg, key: createPublicKey({ key: jwk, format: 'jwk' }) }]);
  return { value: new Map(keys), ttl: 60, exp: Date.now() / 1000 + 3600 };
}

async function readList(text, uri) {
  const keys = await kept(`${ISSUER}/.well-known/jwks.json`, readKeys);
  const { exp, ttl = 10, status_list: { bits, lst } } = verify(text, keys, { subject: uri }, 'statuslist+jwt', ['iat', 'exp']);
  if (![1, 2, 4, 8].includes(bits)) throw new Error(`${uri} has entries of ${bits} bits`);
  return { value: { bits, bytes: inflateSync(Buffer.from(lst, 'base64url'), { maxOutputLength: 1 << 20 }) }, ttl, exp };
}

const documents = new Map(); // by URL: what all requests share until it is due to be read again

/** What read makes of a document of Signet. It is kept for its ttl in seconds, and until it expires while there is no newer one. */
async function kept(url, read) {
  const known = documents.get(url);
  if (known && Date.now() < known.due) return (await known.document).value;
  const began = Date.now();
  const next = { due: Infinity };
  next.document = load(url, read).catch(async (error) => {
    const old = await known?.document.catch(() => undefined);
    if (!old || Date.now() > old.exp * 1000) throw error;
    return { ...old, ttl: 1 };
  });
  next.document.then(({ ttl }) => { next.due = began + ttl * 1000; }, () => { next.due = 0; });
  for (const [other, { due }] of documents) if (due < Date.now() - 600_000) documents.delete(other);
  documents.set(url, next);
  return (await next.document).value;
}

async function load(url, read) {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return read(await answer.text(), url);
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
