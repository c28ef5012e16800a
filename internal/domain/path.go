package domain

// OwnPaths are the first segments of the paths that Signet serves.
var OwnPaths = []string{
	".signet", ".well-known", "access", "account", "admin", "api", "consent", "device", "events", "forward-auth", "healthz", "introspect", "login", "logout", "oauth2", "password", "readyz", "revoke", "select-account", "setup",
	"static", "statuslists",
}
