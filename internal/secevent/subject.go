package secevent

import "github.com/signet-auth/signet/internal/domain"

// SubjectID is a subject identifier of the formats iss_sub, email, opaque and uri (RFC 9493 §3.2), jwt_id and complex (Shared Signals
// Framework 1.0 §3.3, §3.4.1). A signing key is opaque; an API is the URI of its audience, and all there is that of the issuer; a
// session is complex, of its user and its "sid", and so is what a user has granted, of the user and the client.
type SubjectID struct {
	Format      string     `json:"format"`
	Issuer      string     `json:"iss,omitempty"`
	Subject     string     `json:"sub,omitempty"`
	TokenID     string     `json:"jti,omitempty"`
	URI         string     `json:"uri,omitempty"`
	ID          string     `json:"id,omitempty"`
	Email       string     `json:"email,omitempty"`
	User        *SubjectID `json:"user,omitempty"`
	Session     *SubjectID `json:"session,omitempty"`
	Application *SubjectID `json:"application,omitempty"`
}

func (s *Service) subjectID(e domain.OutboxEntry) SubjectID {
	switch e.Format {
	case domain.FormatJWTID:
		return SubjectID{Format: e.Format, Issuer: s.Issuer, TokenID: e.Subject}
	case domain.FormatOpaque:
		return SubjectID{Format: e.Format, ID: e.Subject}
	case domain.FormatURI:
		if e.Subject == "" {
			return SubjectID{Format: e.Format, URI: s.Issuer}
		}
		return SubjectID{Format: e.Format, URI: e.Subject}
	case domain.FormatComplex:
		about := SubjectID{Format: e.Format, User: &SubjectID{Format: domain.FormatIssSub, Issuer: s.Issuer, Subject: e.Subject}}
		if e.Session != "" {
			about.Session = &SubjectID{Format: domain.FormatOpaque, ID: e.Session}
		}
		if e.Client != "" {
			about.Application = &SubjectID{Format: domain.FormatOpaque, ID: e.Client}
		}
		return about
	default:
		return SubjectID{Format: domain.FormatIssSub, Issuer: s.Issuer, Subject: e.Subject}
	}
}
