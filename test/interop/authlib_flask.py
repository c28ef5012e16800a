# A Flask application on Authlib (Debian's python3-authlib). Registered at Signet by
#
#   signet client create authlib --grant authorization_code --grant refresh_token --require-pkce \
#     --redirect-uri http://localhost:3000/authorize --post-logout-redirect-uri http://localhost:3000/
#
# Authlib sends PKCE once it is told the method.
import os
from urllib.parse import urlencode, urlsplit

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, url_for

app = Flask(__name__)
app.secret_key = 'a long random string of the application'
app.config.update(SIGNET_CLIENT_ID=os.environ['CLIENT_ID'], SIGNET_CLIENT_SECRET=os.environ['CLIENT_SECRET'])

oauth = OAuth(app)
oauth.register(
    name='signet',
    server_metadata_url=os.environ['ISSUER'] + '/.well-known/openid-configuration',
    client_kwargs={'scope': 'openid profile email groups offline_access', 'code_challenge_method': 'S256'},
)

tokens = {}  # of the one person that is signed in; they would not fit into Flask's cookie


@app.get('/')
def show():
    if not tokens:
        return oauth.signet.authorize_redirect(url_for('authorize', _external=True))
    return {'userinfo': tokens['userinfo'], 'access_token': tokens['access_token']}


@app.get('/authorize')
def authorize():
    tokens.update(oauth.signet.authorize_access_token())
    return redirect('/')


@app.get('/refresh')
def refresh():
    tokens.update(oauth.signet.fetch_access_token(grant_type='refresh_token', refresh_token=tokens['refresh_token']))
    return redirect('/')


@app.get('/logout')
def logout():
    query = {'id_token_hint': tokens['id_token'], 'post_logout_redirect_uri': url_for('show', _external=True)}
    tokens.clear()
    return redirect(oauth.signet.load_server_metadata()['end_session_endpoint'] + '?' + urlencode(query))


app.run(port=urlsplit(os.environ['BASE_URL']).port)
