{{template "imports" .}}

{{template "discover" .}}
const token = process.env.TOKEN; // of a request: Authorization: Bearer …
const { active, sub, scope } = await client.tokenIntrospection(config, token);
console.log(active, sub, scope);
