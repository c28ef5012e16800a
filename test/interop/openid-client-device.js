// openid-client on a device without a browser (RFC 8628), as its documentation has it. Settings come as JSON in argv; the page to open goes
// out on stdout, then the access token that the device got once its user had allowed it there.
//
//   signet client create tv --public --grant urn:ietf:params:oauth:grant-type:device_code --grant refresh_token --api https://orders.example
import assert from 'node:assert/strict';

import * as oauth from 'openid-client';

const { issuer, tv, scope } = JSON.parse(process.argv[2]);
const insecure = { execute: [oauth.allowInsecureRequests] }; // plain http, on loopback
const config = await oauth.discovery(new URL(issuer), tv.client_id, undefined, oauth.None(), insecure);

const asked = await oauth.initiateDeviceAuthorization(config, { scope: `openid offline_access ${scope}` });
console.log(asked.verification_uri_complete);
const tokens = await oauth.pollDeviceAuthorizationGrant(config, asked);
assert.ok(tokens.claims().sub);
const renewed = await oauth.refreshTokenGrant(config, tokens.refresh_token);
console.log(renewed.access_token);
