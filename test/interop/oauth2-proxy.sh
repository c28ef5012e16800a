# oauth2-proxy in front of an application that knows nothing of OpenID Connect. Registered at Signet by
#
#   signet client create oauth2-proxy --grant authorization_code --grant refresh_token --require-pkce \
#     --redirect-uri http://localhost:3000/oauth2/callback --post-logout-redirect-uri http://localhost:3000/
#
# Who signs out at /oauth2/sign_out?rd=ISSUER/oauth2/logout?id_token_hint={id_token} is signed out at Signet, too; the issuer has to be a
# --whitelist-domain for that. UPSTREAM is the application.
exec oauth2-proxy \
  --provider=oidc \
  --oidc-issuer-url="$ISSUER" \
  --client-id="$CLIENT_ID" \
  --client-secret="$CLIENT_SECRET" \
  --redirect-url="$BASE_URL/oauth2/callback" \
  --scope="openid profile email groups offline_access" \
  --code-challenge-method=S256 \
  --email-domain='*' \
  --allowed-group=sales \
  --cookie-refresh=1s \
  --cookie-secret=0123456789abcdef0123456789abcdef \
  --cookie-secure=false \
  --pass-access-token \
  --http-address="127.0.0.1:$PORT" \
  --upstream="$UPSTREAM" \
  --whitelist-domain="${ISSUER#http://}" \
  --skip-provider-button
