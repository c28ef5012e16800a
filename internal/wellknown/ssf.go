package wellknown

import (
	"net/http"

	"github.com/signet-auth/signet/internal/domain"
)

// transmitter is the Shared Signals Framework 1.0 §7.1.
type transmitter struct {
	SpecVersion          string   `json:"spec_version"`
	Issuer               string   `json:"issuer"`
	JWKSURI              string   `json:"jwks_uri"`
	DeliveryMethods      []string `json:"delivery_methods_supported"`
	Configuration        string   `json:"configuration_endpoint"`
	Status               string   `json:"status_endpoint"`
	AddSubject           string   `json:"add_subject_endpoint"`
	RemoveSubject        string   `json:"remove_subject_endpoint"`
	Verification         string   `json:"verification_endpoint"`
	CriticalMembers      []string `json:"critical_subject_members"`
	AuthorizationSchemes []scheme `json:"authorization_schemes"`
	DefaultSubjects      string   `json:"default_subjects"`
}

type scheme struct {
	Specification string `json:"spec_urn"`
}

// transmitterConfiguration says to receivers of security events where they manage their streams. A receiver must understand the members
// of complex subjects: an event about one session of a user is none about the user.
func (d *Documents) transmitterConfiguration(w http.ResponseWriter, r *http.Request) {
	at := func(path string) string { return d.Issuer + domain.StreamsPath + path }
	publish(w, r, transmitter{
		SpecVersion: "1_0", Issuer: d.Issuer, JWKSURI: d.Issuer + "/.well-known/jwks.json",
		DeliveryMethods: []string{domain.DeliveryPush.URN(), domain.DeliveryPoll.URN()},
		Configuration:   at("/stream"), Status: at("/status"), AddSubject: at("/subjects:add"), RemoveSubject: at("/subjects:remove"),
		Verification: at("/verification"), CriticalMembers: []string{"user", "session", "application"},
		AuthorizationSchemes: []scheme{{"urn:ietf:rfc:6749"}}, DefaultSubjects: "ALL",
	}, metadataMaxAge)
}
