package policy

import (
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/token"
)

// unreadable denies all: rules that deny because of a claim would not apply without it.
const unreadable = "The access token has encrypted claims that cannot be read."

// Know tells a Decider of a live access token: its subject is judged by what the token still says, and not by all that it says.
func (d *Decider) Know(value string, active *introspection.Active) {
	found := &subject{audience: active.Claims.Audience, known: subjectOf(active.Revealed(), active)}
	if active.Unreadable {
		found.unknown = unreadable
	}
	d.subjects[subjectKey{SubjectToken, value}] = found
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
