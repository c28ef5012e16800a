// An MCP server and an MCP client on @modelcontextprotocol/sdk, as its README has them. The API and the client are registered at Signet by
//
//   signet api create http://localhost:3000/mcp --permission notes:read --permission notes:write
//   signet role create writer --grant http://localhost:3000/mcp#notes:read --grant http://localhost:3000/mcp#notes:write
//   signet client create editor --public --grant authorization_code --grant refresh_token --session-refresh-tokens \
//     --redirect-uri http://localhost:3000/callback --api http://localhost:3000/mcp
//
// DOCUMENT_URL is where the client describes itself. /?as=registered, as=document and as=dynamic are the three ways to be known.
import { randomUUID } from 'node:crypto';

import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, BASE_URL, CLIENT_ID, DOCUMENT_URL } = process.env;
const app = createMcpExpressApp();

// The server.

const resource = new URL('/mcp', BASE_URL);
const oauthMetadata = await (await fetch(`${ISSUER}/.well-known/oauth-authorization-server`)).json();
const jwks = createRemoteJWKSet(new URL(oauthMetadata.jwks_uri));
const verifier = {
  async verifyAccessToken(token) {
    const { payload } = await jwtVerify(token, jwks, { issuer: ISSUER, audience: resource.href, typ: 'at+jwt' })
      .catch((error) => { throw new InvalidTokenError(error.code); });
    return { token, clientId: payload.client_id, scopes: payload.scope?.split(' ') ?? [], expiresAt: payload.exp, resource, extra: { sub: payload.sub } };
  },
};
app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: resource, scopesSupported: ['notes:read', 'notes:write'] }));

const needs = (...requiredScopes) => requireBearerAuth({
  verifier, requiredScopes, expectedResource: resource, resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
});
const read = needs('notes:read');
const write = needs('notes:read', 'notes:write');

app.post(resource.pathname, (request, response, next) => (request.body.params?.name === 'write' ? write : read)(request, response, next), async (request, response) => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  for (const name of ['read', 'write']) {
    server.registerTool(name, {}, ({ authInfo }) => ({
      content: [{ type: 'text', text: JSON.stringify({ did: name, client_id: authInfo.clientId, scopes: authInfo.scopes, ...authInfo.extra }) }],
    }));
  }
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
app.all(resource.pathname, (request, response) => response.sendStatus(405));

// The client.

const redirectUrl = `${BASE_URL}/callback`;
const clientMetadata = {
  client_name: 'Editor', redirect_uris: [redirectUrl], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none',
};

class Provider {
  redirectUrl = redirectUrl;
  clientMetadata = clientMetadata;

  constructor(as) {
    if (as === 'registered') this.client = { client_id: CLIENT_ID };
    if (as === 'document') this.clientMetadataUrl = DOCUMENT_URL;
  }

  state() { return this.expectedState = randomUUID(); }
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  // Where a call needs more, the SDK would use the refresh token, which gives no more, and then give up.
  tokens() { return this.needsMore ? { ...this.saved, refresh_token: undefined } : this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  redirectToAuthorization(url) { this.address = url; }
}

let session; // the one person that is signed in

async function call(name) {
  const client = new Client({ name: 'editor', version: '1.0.0' });
  session.transport = new StreamableHTTPClientTransport(resource, { authProvider: session.provider });
  await client.connect(session.transport);
  const { content: [{ text }] } = await client.callTool({ name });
  await client.close();
  return { userinfo: JSON.parse(text), access_token: session.provider.saved.access_token };
}

async function show(name, response) {
  session.wanted = name;
  try {
    response.json(await call(name));
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    response.redirect(session.provider.address.href);
  }
}

app.get('/', (request, response) => {
  if (request.query.as) session = { provider: new Provider(request.query.as) };
  return show('read', response);
});

app.get('/write', (request, response) => {
  session.provider.needsMore = true;
  return show('write', response);
});

// The access token is spoilt, as if it had expired: the SDK refreshes.
app.get('/refresh', (request, response) => {
  session.provider.saved.access_token += 'x';
  return show('read', response);
});

app.get('/callback', async (request, response) => {
  if (request.query.state !== session.provider.expectedState || request.query.iss !== ISSUER) throw new Error('not what was asked for');
  await session.transport.finishAuth(request.query.code);
  session.provider.needsMore = false;
  await show(session.wanted, response);
});

app.listen(new URL(BASE_URL).port, '127.0.0.1');
