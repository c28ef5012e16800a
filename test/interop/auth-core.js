// An application on Auth.js (@auth/core, which next-auth and the other integrations wrap). Registered at Signet by
//
//   signet client create auth-core --grant authorization_code --grant refresh_token \
//     --redirect-uri http://localhost:3000/auth/callback/signet
//
// Its callbacks are those of the guide "Refresh token rotation". Auth.js ends its own session only; the issuer's goes on.
import { createServer } from 'node:http';

import { Auth } from '@auth/core';

const { ISSUER, BASE_URL, CLIENT_ID, CLIENT_SECRET } = process.env;
let expired = false; // as if the access token had

const config = {
  basePath: '/auth',
  trustHost: true,
  secret: 'a long random string of the application',
  providers: [{
    id: 'signet',
    name: 'Signet',
    type: 'oidc',
    issuer: ISSUER,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    authorization: { params: { scope: 'openid profile email groups offline_access' } },
  }],
  callbacks: {
    async jwt({ token, account, profile }) {
      if (account) {
        return { ...token, userinfo: profile, access_token: account.access_token, refresh_token: account.refresh_token };
      }
      if (!expired) return token;
      expired = false;
      const response = await fetch(`${ISSUER}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({
          client_id: CLIENT_ID, client_secret: CLIENT_SECRET, grant_type: 'refresh_token', refresh_token: token.refresh_token,
        }),
      });
      const renewed = await response.json();
      if (!response.ok) throw renewed;
      return { ...token, access_token: renewed.access_token, refresh_token: renewed.refresh_token ?? token.refresh_token };
    },
    session: ({ session, token }) => ({ ...session, userinfo: token.userinfo, access_token: token.access_token }),
  },
};

/** serve answers with what Auth.js answers at this path. */
async function serve(path, request, response) {
  const body = request.method === 'POST' ? Buffer.concat(await request.toArray()) : undefined;
  const answer = await Auth(new Request(BASE_URL + path, { method: request.method, headers: request.headers, body }), config);
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), 'set-cookie': answer.headers.getSetCookie() });
  response.end(await answer.text());
}

createServer((request, response) => {
  if (request.url === '/') return serve('/auth/session', request, response);
  if (request.url !== '/refresh') return serve(request.url, request, response);
  expired = true;
  return response.writeHead(302, { location: '/' }).end();
}).listen(new URL(BASE_URL).port);
