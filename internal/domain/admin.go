package domain

// AdminAudience is the built-in API for managing Signet: the "aud" of the access tokens for it.
const AdminAudience = "urn:signet:admin"
