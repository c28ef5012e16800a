package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	maxPolicy      = 2 << 20 // bytes of a signed policy
	policyMedia    = "application/policy+jwt"
	minPolicyAge   = time.Second
	usualPolicyAge = 30 * time.Second // where the issuer says nothing
	policySpread   = 200 * time.Millisecond
)

// PolicyHolder holds the policy of the API: a [github.com/signet-auth/signet/resourceserver/decide.Policy].
type PolicyHolder interface {
	// SetPolicy is called with the text of the policy, empty if the API has none, when it is new, and again each time that the issuer has
	// confirmed it; until is for how long it counts. An error: it cannot be used, and the one before counts on.
	SetPolicy(text string, until time.Time) error
}

// WithPolicy follows the policy of the API, as a client that serves it, and gives it to a holder. It counts as long as keys do
// ([WithMaxStale]) after the issuer has confirmed it, and no longer than it says itself, which is a day after it was signed. One that was
// signed before the one that is held is refused.
func WithPolicy(clientID, clientSecret string, into PolicyHolder) Option {
	return func(s *settings) { s.policy, s.policyHolder = &receiverCredentials{clientID, clientSecret}, into }
}

// PolicyStatus is the state of the API's policy.
type PolicyStatus struct {
	Number            int64 // of its version; 0: the API has none
	Issued, ExpiresAt time.Time
	Current           time.Time // it was the issuer's then
	ConditionFailures uint64    // of decisions, since the start, if the holder counts them
	Error             error
}

// policyFollower follows the policy of the API.
type policyFollower struct {
	fetch            *fetcher
	keys             *keyring
	issuer, audience string
	credentials      *receiverCredentials
	holder           PolicyHolder
	leeway, maxStale time.Duration
	log              *slog.Logger
	changed          chan struct{} // has room for one

	held signedPolicy // the last one that was taken
	etag string       // of it

	mu  sync.Mutex // guards now
	now PolicyStatus
}

// signedPolicy is a policy, verified.
type signedPolicy struct {
	text            string
	number          int64
	issued, expires time.Time
	key             *key // nil: none was taken yet
}

// run keeps the policy up to date until ctx ends.
func (p *policyFollower) run(ctx context.Context) {
	select {
	case <-p.keys.ready: // nothing can be verified before
	case <-ctx.Done():
		return
	}
	for failures := 0; ; {
		wait, err := p.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		p.now.Error = err
		p.mu.Unlock()
		if err != nil {
			if failures++; failures == 1 {
				p.log.WarnContext(ctx, "the policy cannot be fetched", "error", err)
			}
			wait = backoff(failures)
		} else if failures > 0 {
			p.log.InfoContext(ctx, "the policy is fetched again")
			failures = 0
		}
		wake := p.changed
		if err != nil {
			wake = nil // the issuer may have too much to do
		}
		// An event comes to all services at once, and many may come in a row.
		if !sleep(ctx, wait, wake) || !sleep(ctx, policySpread/4+rand.N(policySpread*3/4), nil) {
			return
		}
		select {
		case <-p.changed: // what changed by now is fetched
		default:
		}
	}
}

// hurry makes the policy be fetched soon: within policySpread. A nil follower has nothing to fetch.
func (p *policyFollower) hurry() {
	if p == nil {
		return
	}
	select {
	case p.changed <- struct{}{}:
	default: // it is going to be fetched anyway
	}
}

// refresh fetches the policy, and says when to do so again.
func (p *policyFollower) refresh(ctx context.Context) (again time.Duration, err error) {
	tag := p.etag
	set, half := p.keys.set.Load(), p.held.expires.Sub(p.held.issued)/2
	if p.held.key == nil || set == nil || set.keys[p.held.key.kid] != p.held.key || time.Since(p.held.issued) > half {
		tag = "" // another signature is needed, too
	}
	address := strings.TrimSuffix(p.issuer, "/") + "/access/v1/policy?audience=" + url.QueryEscape(p.audience)
	d, err := p.fetch.getAs(ctx, p.credentials, address, policyMedia, tag, maxPolicy)
	if err != nil {
		return 0, err
	}
	found := p.held
	if !d.unchanged {
		if found, err = p.read(ctx, d.body); err != nil {
			return 0, fmt.Errorf("the policy of %s: %w", p.audience, err)
		}
	}
	until := d.current.Add(p.maxStale)
	if found.expires.Before(until) {
		until = found.expires
	}
	if err := p.holder.SetPolicy(found.text, until); err != nil {
		return 0, fmt.Errorf("version %d of the policy of %s: %w", found.number, p.audience, err)
	}
	p.held, p.etag = found, d.etag
	p.mu.Lock()
	p.now.Number, p.now.Issued, p.now.ExpiresAt, p.now.Current = found.number, found.issued, found.expires, d.current
	p.mu.Unlock()
	keep := d.maxAge
	if keep == 0 {
		keep = usualPolicyAge
	}
	return early(max(min(keep, p.maxStale)-time.Since(d.current), minPolicyAge)), nil
}

// read verifies a signed policy.
func (p *policyFollower) read(ctx context.Context, token string) (signedPolicy, error) {
	j, err := parseJWS(strings.TrimSpace(token))
	if err != nil {
		return signedPolicy{}, err
	}
	if !j.isType(typePolicy) {
		return signedPolicy{}, errors.New("its typ is not " + typePolicy)
	}
	signer, err := p.keys.find(ctx, j.kid)
	if err != nil {
		return signedPolicy{}, err
	}
	if !signer.verify(&j) {
		return signedPolicy{}, errors.New("its signature is not by the issuer's key that it names")
	}
	_, o, err := j.claims()
	if err != nil {
		return signedPolicy{}, err
	}
	issuer, audience := o.text("iss"), o.text("aud")
	found := signedPolicy{o.text("policy"), o.integer("number"), o.time("iat"), o.time("exp"), signer}
	now := time.Now()
	switch {
	case o.err != nil || !o.has("policy") || !o.has("number") || !o.has("iat") || !o.has("exp"):
		return signedPolicy{}, errors.New("it lacks a claim, or one is of another type")
	case issuer != p.issuer || audience != p.audience:
		return signedPolicy{}, errors.New("it is of another issuer, or for another audience")
	case found.issued.After(now.Add(p.leeway)):
		return signedPolicy{}, errors.New("it was issued in the future")
	case !now.Before(found.expires):
		return signedPolicy{}, errors.New("it has expired")
	case found.issued.Before(p.held.issued.Add(-p.leeway)):
		return signedPolicy{}, errors.New("it is older than the one that is held")
	}
	return found, nil
}

func (p *policyFollower) status() PolicyStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now
	if holder, ok := p.holder.(interface{ ConditionFailures() uint64 }); ok {
		now.ConditionFailures = holder.ConditionFailures()
	}
	return now
}

// authorize authenticates a request as a client (RFC 6749 §2.3.1).
func (c *receiverCredentials) authorize(r *http.Request) {
	r.SetBasicAuth(url.QueryEscape(c.clientID), url.QueryEscape(c.secret))
}
