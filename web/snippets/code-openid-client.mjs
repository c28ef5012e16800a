import { createServer } from 'node:http';
{{template "imports" .}}

{{template "discover" .}}
const redirectURI = {{quote .RedirectURI}};
// A real application makes these anew for each sign-in, and keeps them in the browser's session.
const checks = { pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: client.randomState(), expectedNonce: client.randomNonce() };

createServer(async (request, response) => {
  const url = new URL(request.url, redirectURI);
  if (!url.searchParams.has('code')) {
    const signIn = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectURI,
      scope: {{quote .Scope}},
      code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: checks.expectedState,
      nonce: checks.expectedNonce,
    });
    return response.writeHead(302, { location: signIn.href }).end();
  }
  const tokens = await client.authorizationCodeGrant(config, url, { ...checks, idTokenExpected: true });
  return response.end(JSON.stringify(tokens.claims()));
}).listen(new URL(redirectURI).port || 3000);
