{{template "assertion.sh" .}}verifier=$(openssl rand -hex 32)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d =)

# Open this in a browser. It is sent back with a code.
echo {{sh .AuthorizeURL}}"&state=$(openssl rand -hex 16)&code_challenge=$challenge"
read -rp 'code: ' code

curl -s {{sh .Issuer "/oauth2/token"}} \
  {{template "authenticate.sh" .}} \
  -d grant_type=authorization_code \
  --data-urlencode {{sh "redirect_uri=" .RedirectURI}} \
  --data-urlencode "code=$code" \
  -d "code_verifier=$verifier"
