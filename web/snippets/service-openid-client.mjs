{{template "imports" .}}

{{template "discover" .}}
const tokens = await client.clientCredentialsGrant(config, {
{{- if .Scope}} scope: {{quote .Scope}},{{end}}{{if .Audience}} resource: {{quote .Audience}},{{end}} });
console.log(tokens.access_token);
