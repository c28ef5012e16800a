package wellknown

import "net/http"

const resourcePath = "/.well-known/oauth-protected-resource"

// resource is RFC 9728 §2.
type resource struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name"`
}

// protectedResource says how programs get tokens for what Signet itself serves.
func (d *Documents) protectedResource(identifier, name string, scopes []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		publish(w, r, resource{identifier, []string{d.Issuer}, scopes, []string{"header"}, name}, metadataMaxAge)
	}
}
