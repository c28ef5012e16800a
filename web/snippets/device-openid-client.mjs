{{template "imports" .}}

{{template "discover" .}}
const device = await client.initiateDeviceAuthorization(config, { scope: {{quote .Scope}} });
console.log(`Open ${device.verification_uri} and type ${device.user_code}`);
const tokens = await client.pollDeviceAuthorizationGrant(config, device);
console.log(tokens.claims());
