{{template "assertion.sh" .}}answer=$(curl -s {{sh .Issuer "/oauth2/device"}} {{template "authenticate.sh" .}} \
  --data-urlencode {{sh "scope=" .Scope}})
device_code=$(printf %s "$answer" | sed 's/.*"device_code":"\([^"]*\)".*/\1/')

# Show this to the person, who opens it on a telephone. Meanwhile, ask again until there is a token.
echo "Open $(printf %s "$answer" | sed 's/.*"verification_uri":"\([^"]*\)".*/\1/') and type $(printf %s "$answer" | sed 's/.*"user_code":"\([^"]*\)".*/\1/')"
while sleep 5; do
  answer=$(curl -s {{sh .Issuer "/oauth2/token"}} {{template "authenticate.sh" .}} \
    -d grant_type=urn:ietf:params:oauth:grant-type:device_code --data-urlencode "device_code=$device_code")
  case $answer in *authorization_pending* | *slow_down*) ;; *) break ;; esac
done
printf '%s\n' "$answer"
