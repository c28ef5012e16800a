// An application on oauth4webapi, step by step as its example of the code flow with refresh tokens. Registered at Signet by
//
//   signet client create oauth4webapi --grant authorization_code --grant refresh_token --require-pkce \
//     --redirect-uri http://localhost:3000/callback --post-logout-redirect-uri http://localhost:3000/
import { createServer } from 'node:http';

import * as oauth from 'oauth4webapi';

const { ISSUER, BASE_URL, CLIENT_ID, CLIENT_SECRET } = process.env;
const insecure = { [oauth.allowInsecureRequests]: true }; // plain http, on loopback
const redirectURI = `${BASE_URL}/callback`;

const issuer = new URL(ISSUER);
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
const client = { client_id: CLIENT_ID };
const clientAuth = oauth.ClientSecretBasic(CLIENT_SECRET);

let pending; // the sign-in that has begun
let session; // the one person that is signed in

const pages = {
  async '/'() {
    if (session) return { userinfo: session.userinfo, access_token: session.tokens.access_token };
    pending = { codeVerifier: oauth.generateRandomCodeVerifier(), state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce() };
    const url = new URL(as.authorization_endpoint);
    url.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: redirectURI,
      response_type: 'code',
      scope: 'openid profile email groups offline_access',
      code_challenge: await oauth.calculatePKCECodeChallenge(pending.codeVerifier),
      code_challenge_method: 'S256',
      state: pending.state,
      nonce: pending.nonce,
    });
    return url;
  },

  async '/callback'(url) {
    const { codeVerifier, state, nonce } = pending;
    const params = oauth.validateAuthResponse(as, client, url, state);
    const response = await oauth.authorizationCodeGrantRequest(as, client, clientAuth, params, redirectURI, codeVerifier, insecure);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, response, insecure);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const userInfo = await oauth.userInfoRequest(as, client, tokens.access_token, insecure);
    session = { tokens, userinfo: await oauth.processUserInfoResponse(as, client, sub, userInfo) };
    return new URL(BASE_URL);
  },

  async '/refresh'() {
    const response = await oauth.refreshTokenGrantRequest(as, client, clientAuth, session.tokens.refresh_token, insecure);
    session.tokens = { ...session.tokens, ...await oauth.processRefreshTokenResponse(as, client, response) };
    return new URL(BASE_URL);
  },

  async '/logout'() {
    const url = new URL(as.end_session_endpoint);
    url.search = new URLSearchParams({ id_token_hint: session.tokens.id_token, post_logout_redirect_uri: `${BASE_URL}/` });
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
