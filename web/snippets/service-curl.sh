curl -s {{sh .Issuer "/oauth2/token"}} \
  -u {{sh (escape .ClientID)}}:"$CLIENT_SECRET" \
  -d grant_type=client_credentials{{if .Audience}} \
  --data-urlencode {{sh "resource=" .Audience}}{{end}}{{if .Scope}} \
  --data-urlencode {{sh "scope=" .Scope}}{{end}}
