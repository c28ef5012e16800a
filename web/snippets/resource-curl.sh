curl -s {{sh .Issuer "/oauth2/introspect"}} \
  -u {{sh (escape .ClientID)}}:"$CLIENT_SECRET" \
  --data-urlencode "token=$TOKEN"
