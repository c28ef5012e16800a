// An Express application on Passport with passport-openidconnect. Registered at Signet by
//
//   signet client create passport-openidconnect --grant authorization_code --redirect-uri http://localhost:3000/cb
//
// The library sends no PKCE, which a client with a secret may leave out. It asks for no refresh token and has no logout at the issuer.
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import OpenIDConnectStrategy from 'passport-openidconnect';

const { ISSUER, BASE_URL, CLIENT_ID, CLIENT_SECRET } = process.env;

passport.use(new OpenIDConnectStrategy(
  {
    issuer: ISSUER,
    authorizationURL: `${ISSUER}/oauth2/authorize`,
    tokenURL: `${ISSUER}/oauth2/token`,
    userInfoURL: `${ISSUER}/oauth2/userinfo`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    callbackURL: `${BASE_URL}/cb`,
    scope: ['profile', 'email', 'groups'],
  },
  (issuer, profile, idProfile, context, idToken, accessToken, refreshToken, params, done) => {
    done(null, { userinfo: profile._json, access_token: accessToken });
  },
));
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.use(session({ secret: 'a long random string of the application', resave: false, saveUninitialized: false }));
app.use(passport.session());
app.get('/login', passport.authenticate('openidconnect'));
app.get('/cb', passport.authenticate('openidconnect', { failWithError: true }), (request, response) => response.redirect('/'));
app.get('/', (request, response) => (request.user ? response.json(request.user) : response.redirect('/login')));
app.listen(new URL(BASE_URL).port);
