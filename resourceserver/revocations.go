package resourceserver

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxRevokedTokens   = 100_000
	maxRevokedSubjects = 100_000
	maxEndedSessions   = 100_000
	maxRevokedGrants   = 100_000
	maxChanges         = 10_000
)

// revocations are what security events said. They bridge the time until the status lists say it: where there are more than are kept, the
// oldest are forgotten.
type revocations struct {
	version atomic.Uint64 // changes with each event that was applied

	mu       sync.RWMutex
	tokens   *recent[string, struct{}]     // by jti
	subjects *recent[string, time.Time]    // by "sub" or client_id: tokens issued until then are revoked
	grants   *recent[grantedTo, time.Time] // as for a subject
	sessions *recent[string, struct{}]     // by "sid"
	all      time.Time                     // as for a subject, for every token
	changes  *recent[string, change]       // by "sub", empty: of the API, which all tokens are for
}

// grantedTo is what a user has granted to a client.
type grantedTo struct{ subject, clientID string }

// change says what tokens that were issued until a time may still say; nil: anything.
type change struct {
	at                          time.Time
	roles, groups, entitlements []string
}

func newRevocations() *revocations {
	return &revocations{
		tokens: newRecent[string, struct{}](maxRevokedTokens), subjects: newRecent[string, time.Time](maxRevokedSubjects),
		grants: newRecent[grantedTo, time.Time](maxRevokedGrants), sessions: newRecent[string, struct{}](maxEndedSessions),
		changes: newRecent[string, change](maxChanges),
	}
}

// update applies changes that a function makes, and lets every token be checked anew.
func (r *revocations) update(apply func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	apply()
	r.version.Add(1)
}

func (r *revocations) revokeToken(id string) { r.update(func() { r.tokens.put(id, struct{}{}) }) }

func (r *revocations) endSession(id string) { r.update(func() { r.sessions.put(id, struct{}{}) }) }

func (r *revocations) revokeSubject(subject string, until time.Time) {
	r.update(func() { putLater(r.subjects, subject, until) })
}

func (r *revocations) revokeGranted(to grantedTo, until time.Time) {
	r.update(func() { putLater(r.grants, to, until) })
}

// putLater keeps the later of two times.
func putLater[K comparable](times *recent[K, time.Time], key K, until time.Time) {
	if was, has := times.get(key); !has || was.Before(until) {
		times.put(key, until)
	}
}

func (r *revocations) revokeAll(until time.Time) {
	r.update(func() {
		if r.all.Before(until) {
			r.all = until
		}
	})
}

func (r *revocations) changeClaims(subject string, c change) {
	r.update(func() {
		if was, has := r.changes.get(subject); !has || !c.at.Before(was.at) {
			r.changes.put(subject, c)
		}
	})
}

// revoked reports whether events took a token back. Tokens and events have their times in whole seconds: one of the same second counts
// as issued before.
func (r *revocations) revoked(c *Claims) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, revoked := r.tokens.get(c.ID); revoked || !c.IssuedAt.After(r.all) {
		return true
	}
	if _, ended := r.sessions.get(c.Session); ended {
		return true
	}
	if until, has := r.grants.get(grantedTo{c.Subject, c.ClientID}); has && !c.IssuedAt.After(until) {
		return true
	}
	for _, name := range []string{c.Subject, c.ClientID} {
		if until, has := r.subjects.get(name); has && !c.IssuedAt.After(until) {
			return true
		}
	}
	for _, name := range []string{c.Subject, ""} {
		if change, has := r.changes.get(name); has && !c.IssuedAt.After(change.at) && change.exceeded(c) {
			return true
		}
	}
	return false
}

// exceeded reports whether a token says more than its subject has now.
func (c change) exceeded(token *Claims) bool {
	return !within(token.Entitlements, c.entitlements) || !within(token.Roles, c.roles) || !within(unslashed(token.Groups), c.groups)
}

// within reports whether all names are among others, nil: any are.
func within(names, others []string) bool {
	return others == nil || !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(others, name) })
}

// unslashed are groups by their names, which tokens of some APIs have as paths.
func unslashed(groups []string) []string {
	names := slices.Clone(groups)
	for n, name := range names {
		names[n] = strings.TrimPrefix(name, "/")
	}
	return names
}

// held is how much is kept.
func (r *revocations) held() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.tokens.len() + r.subjects.len() + r.grants.len() + r.sessions.len() + r.changes.len()
}
