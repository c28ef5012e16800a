// Package statistics is what replicas count and see while they serve: what happened in each minute, who fetches the key set, and how far
// each replica has come. It is kept in memory, and written to the database in small rows now and then.
package statistics

import (
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/limits"
)

// Kinds of what is counted.
const (
	Issued        = "issued."  // and a grant type: answers of the token endpoint
	Refused       = "refused." // and an error code: refusals of the token endpoint
	Limited       = "limited." // and a kind of limit: what was refused because there was too much of it
	Introspected  = "introspected"
	Revoked       = "revoked" // requests to the revocation endpoint that succeeded
	SignedIn      = "signed_in"
	SignInRefused = "sign_in_refused"
	Allowed       = "decision_allowed"
	Denied        = "decision_denied"

	ConditionFailed = "condition_failed" // conditions of policies that could not be evaluated
)

// refusals are the error codes of the token endpoint; others count as server_error.
var refusals = []string{
	"access_denied", "expired_token", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "invalid_target",
	"server_error", "temporarily_unavailable", "unauthorized_client", "unsupported_grant_type",
}

// polling are error codes that a waiting device gets: they refuse nothing.
var polling = []string{"authorization_pending", "slow_down"}

// Counters count by kind. They are cheap, and safe for use at the same time; nil counts nothing.
type Counters struct {
	totals   map[string]*atomic.Int64  // never reset; the map never changes
	refusals map[Refusal]*atomic.Int64 // likewise
}

// Refusal is what the token endpoint refused, and why.
type Refusal struct {
	Grant  string // type; OtherGrant for those that there are not
	Reason string // error code
}

// OtherGrant stands for grant types that there are not.
const OtherGrant = "other"

// NewCounters makes counters for the grant types that there are.
func NewCounters(grantTypes []domain.GrantType) *Counters {
	c := &Counters{totals: map[string]*atomic.Int64{}, refusals: map[Refusal]*atomic.Int64{}}
	kinds := []string{Introspected, Revoked, SignedIn, SignInRefused, Allowed, Denied, ConditionFailed}
	for _, g := range grantTypes {
		kinds = append(kinds, Issued+g.Name)
	}
	for _, limit := range limits.Kinds {
		kinds = append(kinds, Limited+limit)
	}
	for _, code := range refusals {
		kinds = append(kinds, Refused+code)
	}
	for _, kind := range kinds {
		c.totals[kind] = new(atomic.Int64)
	}
	for _, code := range polling {
		c.totals[Refused+code] = nil
	}
	for _, g := range append(slices.Clone(grantTypes), domain.GrantType{Name: OtherGrant}) {
		for _, code := range refusals {
			c.refusals[Refusal{g.Name, code}] = new(atomic.Int64)
		}
	}
	return c
}

// Count counts one of a kind.
func (c *Counters) Count(kind string) {
	if c == nil {
		return
	}
	total, known := c.totals[kind]
	if !known {
		total = c.totals[Refused+"server_error"]
	}
	if total != nil {
		total.Add(1)
	}
}

// CountRefused counts a refusal of the token endpoint. A grant type or an error code may be any text.
func (c *Counters) CountRefused(grant, code string) {
	c.Count(Refused + code)
	if c == nil || slices.Contains(polling, code) {
		return
	}
	if !slices.Contains(refusals, code) {
		code = "server_error"
	}
	if _, known := c.totals[Issued+grant]; !known {
		grant = OtherGrant
	}
	c.refusals[Refusal{grant, code}].Add(1)
}

// Total is how many of a kind were counted since the start.
func (c *Counters) Total(kind string) int64 {
	if total := c.totals[kind]; total != nil {
		return total.Load()
	}
	return 0
}

// IssuedByGrant are the totals of Issued by grant type.
func (c *Counters) IssuedByGrant() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for kind, total := range c.totals {
			if grant, ok := strings.CutPrefix(kind, Issued); ok && !yield(grant, total.Load()) {
				return
			}
		}
	}
}

// Refusals are what CountRefused counted.
func (c *Counters) Refusals() iter.Seq2[Refusal, int64] {
	return func(yield func(Refusal, int64) bool) {
		for refusal, total := range c.refusals {
			if !yield(refusal, total.Load()) {
				return
			}
		}
	}
}
