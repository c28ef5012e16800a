{{template "imports" .}}

{{template "discover" .}}
const here = new URL(location.href);
if (here.searchParams.has('code')) {
  const checks = JSON.parse(sessionStorage.getItem('checks'));
  const tokens = await client.authorizationCodeGrant(config, here, { ...checks, idTokenExpected: true });
  console.log(tokens.claims());
} else {
  const checks = { pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: client.randomState(), expectedNonce: client.randomNonce() };
  sessionStorage.setItem('checks', JSON.stringify(checks));
  location.assign(client.buildAuthorizationUrl(config, {
    redirect_uri: {{quote .RedirectURI}},
    scope: {{quote .Scope}},
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  }));
}
