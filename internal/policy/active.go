package policy

import (
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/token"
)

// Know tells a Decider of a live access token: its subject is judged by what the token still says, and not by all that it says.
func (d *Decider) Know(value string, active *introspection.Active) {
	d.subjects[subjectKey{SubjectToken, value}] = &subject{audience: active.Claims.Audience, known: subjectOf(active.Revealed(), active)}
}

// subjectOf is the subject of an access token.
func subjectOf(claims token.Claims, all decision.Claims) decision.Subject {
	kind := SubjectUser
	if claims.Subject == claims.ClientID {
		kind = SubjectClient
	}
	return decision.Subject{
		Type: kind, ID: claims.Subject, Permissions: decision.NamesOf(claims.Entitlements), Roles: decision.NamesOf(claims.Roles),
		Groups: decision.NamesOf(claims.Groups), Claims: all,
	}
}
