// An application on openid-client, as its README has the authorization code flow. Registered at Signet by
//
//   signet client create openid-client --grant authorization_code --grant refresh_token --require-pkce \
//     --redirect-uri http://localhost:3000/callback --post-logout-redirect-uri http://localhost:3000/
import { createServer } from 'node:http';

import * as client from 'openid-client';

const { ISSUER, BASE_URL, CLIENT_ID, CLIENT_SECRET } = process.env;
const insecure = { execute: [client.allowInsecureRequests] }; // plain http, on loopback
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, insecure);

let pending; // the sign-in that has begun
let session; // the one person that is signed in

const pages = {
  async '/'() {
    if (session) return { userinfo: session.userinfo, access_token: session.tokens.access_token };
    pending = { pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: client.randomState(), expectedNonce: client.randomNonce() };
    return client.buildAuthorizationUrl(config, {
      redirect_uri: `${BASE_URL}/callback`,
      scope: 'openid profile email groups offline_access',
      code_challenge: await client.calculatePKCECodeChallenge(pending.pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: pending.expectedState,
      nonce: pending.expectedNonce,
    });
  },

  async '/callback'(url) {
    const tokens = await client.authorizationCodeGrant(config, url, { ...pending, idTokenExpected: true });
    session = { tokens, userinfo: await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub) };
    return new URL(BASE_URL);
  },

  async '/refresh'() {
    session.tokens = { ...session.tokens, ...await client.refreshTokenGrant(config, session.tokens.refresh_token) };
    return new URL(BASE_URL);
  },

  async '/logout'() {
    const url = client.buildEndSessionUrl(config, { id_token_hint: session.tokens.id_token, post_logout_redirect_uri: `${BASE_URL}/` });
    session = undefined;
    return url;
  },
};

createServer(async (request, response) => {
  const url = new URL(request.url, BASE_URL);
  const shown = await pages[url.pathname](url);
  if (shown instanceof URL) return response.writeHead(302, { location: shown.href }).end();
  return response.end(JSON.stringify(shown));
}).listen(new URL(BASE_URL).port);
