{{template "assertion.sh" .}}curl -s {{sh .Issuer "/oauth2/token"}} \
  {{template "authenticate.sh" .}} \
  -d grant_type=client_credentials{{if .Audience}} \
  --data-urlencode {{sh "resource=" .Audience}}{{end}}{{if .Scope}} \
  --data-urlencode {{sh "scope=" .Scope}}{{end}}
