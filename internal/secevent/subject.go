package secevent

import "github.com/signet-auth/signet/internal/domain"

// subjectID is a subject identifier of the formats iss_sub, opaque and uri (RFC 9493 §3.2), jwt_id and complex (Shared Signals
// Framework 1.0 §3.3, §3.4.1). A signing key is opaque; an API is the URI of its audience, and all there is that of the issuer; a
// session is complex, of its user and its "sid".
type subjectID struct {
	Format  string     `json:"format"`
	Issuer  string     `json:"iss,omitempty"`
	Subject string     `json:"sub,omitempty"`
	TokenID string     `json:"jti,omitempty"`
	URI     string     `json:"uri,omitempty"`
	ID      string     `json:"id,omitempty"`
	User    *subjectID `json:"user,omitempty"`
	Session *subjectID `json:"session,omitempty"`
}

func (s *Service) subjectID(e domain.OutboxEntry) subjectID {
	switch e.Format {
	case domain.FormatJWTID:
		return subjectID{Format: e.Format, Issuer: s.Issuer, TokenID: e.Subject}
	case domain.FormatOpaque:
		return subjectID{Format: e.Format, ID: e.Subject}
	case domain.FormatURI:
		if e.Subject == "" {
			return subjectID{Format: e.Format, URI: s.Issuer}
		}
		return subjectID{Format: e.Format, URI: e.Subject}
	case domain.FormatComplex:
		return subjectID{
			Format:  e.Format,
			User:    &subjectID{Format: domain.FormatIssSub, Issuer: s.Issuer, Subject: e.Subject},
			Session: &subjectID{Format: domain.FormatOpaque, ID: e.Session},
		}
	default:
		return subjectID{Format: domain.FormatIssSub, Issuer: s.Issuer, Subject: e.Subject}
	}
}
