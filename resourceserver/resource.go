package resourceserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// MetadataPath is where clients look for the metadata of a service whose audience is a URL without a path (RFC 9728 §3). That of
// https://orders.example/v1 is at MetadataPath + "/v1".
const MetadataPath = "/.well-known/oauth-protected-resource"

// resource is RFC 9728 §2.
type resource struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name,omitempty"`
}

// newResource makes the metadata of a service, and says where it is: nowhere, if the audience is not a URL.
func newResource(issuer, audience string, s settings) (metadata resource, address string) {
	metadata = resource{audience, []string{issuer}, s.scopes, []string{"header"}, s.name}
	u, err := url.Parse(audience)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return metadata, ""
	}
	address = u.Scheme + "://" + u.Host + MetadataPath + strings.TrimSuffix(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		address += "?" + u.RawQuery
	}
	return metadata, address
}

// MetadataHandler serves the metadata of the service (RFC 9728 §3.2), by which clients find the issuer. It is for everybody: mount it beside the
// API, at [MetadataPath]. Where the audience is a URL, the challenges of refused requests lead there.
func (v *Verifier) MetadataHandler() http.Handler {
	body, err := json.Marshal(v.metadata)
	if err != nil {
		panic(err) // strings always marshal
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("X-Content-Type-Options", "nosniff")
		w.Write(body) //nolint:errcheck // the caller is gone
	})
}
