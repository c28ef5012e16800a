{{template "assertion.sh" .}}curl -s {{sh .Issuer "/oauth2/introspect"}} \
  {{template "authenticate.sh" .}} \
  --data-urlencode "token=$TOKEN"
