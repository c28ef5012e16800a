// An Express application on express-openid-connect. Registered at Signet by
//
//   signet client create express-openid-connect --grant authorization_code --grant refresh_token \
//     --redirect-uri http://localhost:3000/callback --post-logout-redirect-uri http://localhost:3000
//
// and run with ISSUER, CLIENT_ID, CLIENT_SECRET and BASE_URL in the environment. The library asks for response_type id_token unless
// it is told otherwise; Signet answers with codes only.
import express from 'express';
import oidc from 'express-openid-connect';

const app = express();
app.use(oidc.auth({
  issuerBaseURL: process.env.ISSUER,
  baseURL: process.env.BASE_URL,
  clientID: process.env.CLIENT_ID,
  clientSecret: process.env.CLIENT_SECRET,
  secret: 'a long random string of the application',
  idpLogout: true,
  authorizationParams: { response_type: 'code', scope: 'openid profile email groups offline_access' },
}));

app.get('/', async (request, response) => {
  response.json({ userinfo: await request.oidc.fetchUserInfo(), access_token: request.oidc.accessToken.access_token });
});

app.get('/refresh', async (request, response) => {
  await request.oidc.accessToken.refresh();
  response.redirect('/');
});

app.listen(new URL(process.env.BASE_URL).port);
