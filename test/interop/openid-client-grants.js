// What openid-client does beside signing people in: it acts for itself, introspects, uses and ends the tokens of a user and signs the
// user out. Settings come as JSON in argv; what a browser does happens elsewhere: addresses to open go out on stdout, the address that
// the browser was sent back to comes in on stdin.
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline/promises';

import * as oauth from 'openid-client';

const { issuer, audience, scope, callback, bye, web, machine, service } = JSON.parse(process.argv[2]);
const insecure = { execute: [oauth.allowInsecureRequests] }; // plain http, on loopback
const discover = (c, authentication) => oauth.discovery(new URL(issuer), c.client_id, c.client_secret, authentication, insecure);

// A machine's own token, judged by the service that it is for.
const machineConfig = await discover(machine, oauth.ClientSecretBasic(machine.client_secret));
const serviceConfig = await discover(service, oauth.ClientSecretPost(service.client_secret));
const own = await oauth.clientCredentialsGrant(machineConfig, { scope, resource: audience });
const introspected = await oauth.tokenIntrospection(serviceConfig, own.access_token);
assert.equal(introspected.active, true);
assert.equal(introspected.sub, machine.client_id);
await oauth.tokenRevocation(machineConfig, own.access_token);
assert.deepEqual(await oauth.tokenIntrospection(serviceConfig, own.access_token), { active: false });

// A user signs in.
const webConfig = await discover(web);
assert.ok(webConfig.serverMetadata().supportsPKCE());
const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
const expectedState = oauth.randomState();
const expectedNonce = oauth.randomNonce();
console.log(oauth.buildAuthorizationUrl(webConfig, {
  redirect_uri: callback,
  scope: `openid profile email offline_access ${scope}`,
  resource: audience,
  code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
}).href);
const stdin = createInterface({ input: process.stdin });
const back = await new Promise((resolve) => { stdin.once('line', resolve); });
stdin.close();
const tokens = await oauth.authorizationCodeGrant(webConfig, new URL(back), {
  pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,
});
const { sub } = tokens.claims();
const user = await oauth.fetchUserInfo(webConfig, tokens.access_token, sub);
assert.equal(user.email, 'alice@people.example');

const renewed = await oauth.refreshTokenGrant(webConfig, tokens.refresh_token);
assert.notEqual(renewed.access_token, tokens.access_token);
assert.equal((await oauth.tokenIntrospection(serviceConfig, renewed.access_token)).sub, sub);
await oauth.tokenRevocation(webConfig, renewed.refresh_token);
for (const { access_token } of [tokens, renewed]) {
  assert.deepEqual(await oauth.tokenIntrospection(serviceConfig, access_token), { active: false });
}
await assert.rejects(oauth.refreshTokenGrant(webConfig, renewed.refresh_token), { error: 'invalid_grant' });

// The user signs out there, too.
console.log(oauth.buildEndSessionUrl(webConfig, { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state: 'bye' }).href);
console.log('done');
