package domain

// AdminAudience is the built-in API for managing Signet: the "aud" of the access tokens for it.
const AdminAudience = "urn:signet:admin"

// CLIClient is the built-in client of the command line: a public one, for AdminAudience alone.
const CLIClient = "signet-cli"

// AdminPath is where it is, below the issuer. The URL names it, too, where a resource has to be one (RFC 9728).
const AdminPath = "/api/v1"

// StreamsPath is where streams of security events are, below the issuer. Tokens for AdminAudience open them too.
const StreamsPath = "/events"
