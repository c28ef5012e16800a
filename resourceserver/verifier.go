package resourceserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxToken is the size of the largest access token in bytes: no setting lets Signet issue a larger one.
const maxToken = 32 << 10

// Verifier verifies access tokens of one issuer for one audience. It is safe for use by several goroutines.
type Verifier struct {
	issuer        string
	audience      string
	leeway        time.Duration
	unknownStatus bool
	metadata      resource
	metadataURL   string // empty: the audience is no URL

	keys        *keyring
	lists       *lists
	revocations *revocations
	cache       *cache
	events      *events // nil: none
	receiver    *receiver
	policy      *policyFollower // nil: it follows none

	decryption   decryptionKeys // nil: it has no keys
	signedTokens bool           // are accepted although it has some

	counts  counts
	stop    context.CancelFunc
	running sync.WaitGroup
}

// counts are of tokens since the start. What is in the cache and accepted is not counted: that would cost as much as it takes.
type counts struct{ verified, refused, unavailable atomic.Uint64 }

// New makes a Verifier for the tokens of an issuer for an audience, both exactly as tokens have them. It asks the issuer for nothing: that begins
// now, and goes on until Close. [Verifier.Ready] waits for it.
//
// An error says that the issuer is not an https URL, or one of http://localhost, 127.0.0.1 or [::1], or that an option has a value that it
// cannot have.
func New(issuer, audience string, options ...Option) (*Verifier, error) {
	s := settings{
		log: slog.New(slog.DiscardHandler), leeway: defaultLeeway, maxStale: defaultMaxStale, cacheSize: defaultCache,
	}
	for _, option := range options {
		option(&s)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("resourceserver: %w", err)
	}
	if audience == "" {
		return nil, errors.New("resourceserver: there is no audience")
	}
	var decryption decryptionKeys
	if s.decrypts {
		var err error
		if decryption, err = newDecryptionKeys(s.decryption); err != nil {
			return nil, fmt.Errorf("resourceserver: %w", err)
		}
	}
	fetch := newFetcher(s.client, cmp.Or(s.userAgent, defaultUserAgent(audience)), s.plainHTTP)
	at, err := fetch.checkURL(issuer)
	if err == nil && (at.RawQuery != "" || at.ForceQuery) {
		err = errors.New("it has a query")
	}
	if err != nil {
		return nil, fmt.Errorf("resourceserver: the issuer: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	v := &Verifier{
		issuer: issuer, audience: audience, leeway: s.leeway, unknownStatus: s.unknownStatus,
		keys: newKeyring(fetch, issuer, s.maxStale, s.log), revocations: newRevocations(), cache: newCache(s.cacheSize), stop: stop,
		decryption: decryption, signedTokens: s.signedTokens,
	}
	v.metadata, v.metadataURL = newResource(issuer, audience, s)
	v.lists = &lists{
		fetch: fetch, keys: v.keys, issuer: issuer, hosts: append(slices.Clone(s.listHosts), at.Host), leeway: s.leeway, log: s.log,
		ctx: ctx, byURI: map[string]*followed{},
	}
	v.keys.changed = v.lists.hurry
	v.running.Go(func() { v.keys.run(ctx) })
	if s.policy != nil {
		v.policy = &policyFollower{
			fetch: fetch, keys: v.keys, issuer: issuer, audience: audience, credentials: s.policy, holder: s.policyHolder, leeway: s.leeway,
			maxStale: s.maxStale, log: s.log, changed: make(chan struct{}, 1),
		}
		v.running.Go(func() { v.policy.run(ctx) })
	}
	v.receive(ctx, s, fetch)
	return v, nil
}

// receive begins to receive events, if it is to.
func (v *Verifier) receive(ctx context.Context, s settings, fetch *fetcher) {
	from := func(clientID string) *events {
		v.events = &events{
			issuer: v.issuer, audience: v.audience, clientID: clientID, keys: v.keys, revocations: v.revocations, policyChanged: v.policy.hurry,
		}
		return v.events
	}
	if s.pushes != nil {
		v.receiver = &receiver{events: from(s.pushes.clientID), bearer: hashOf(s.pushes.secret)}
	}
	if s.polls != nil {
		p := &poller{
			events: from(s.polls.clientID), fetch: fetch, endpoint: strings.TrimSuffix(v.issuer, "/") + "/events/poll", secret: s.polls.secret,
			log: s.log,
		}
		v.running.Go(func() { p.run(ctx) })
	}
}

// defaultUserAgent tells this verifier from others, within what the issuer keeps of it.
func defaultUserAgent(audience string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	printable := func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '-'
		}
		return r
	}
	return "signet-resourceserver " + strings.Map(printable, host) + " " + strings.Map(printable, audience)
}

// Close ends what goes on in the background. Tokens are refused with ErrUnavailable once what is known has become too old.
func (v *Verifier) Close() {
	v.stop()
	v.lists.close()
	v.running.Wait()
}

// Ready waits until the issuer's keys are known, so that tokens can be verified. It fails with what is wrong when ctx ends before.
func (v *Verifier) Ready(ctx context.Context) error {
	select {
	case <-v.keys.ready:
		return nil
	case <-ctx.Done():
		v.keys.mu.Lock()
		defer v.keys.mu.Unlock()
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, ctx.Err(), v.keys.lastErr)
	}
}

// Verify verifies an access token (RFC 9068 §4): it is signed by a key of the issuer, for the audience, has not expired, is not bound to a key
// and was not revoked. An error is, by errors.Is, ErrInvalidToken, or ErrUnavailable if that cannot be told now. It waits for the
// issuer, until ctx ends and a few seconds at most, only for the first token of a status list and for one whose key is new.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	claims, err := v.verify(ctx, token)
	switch {
	case err == nil:
	case errors.Is(err, ErrInvalidToken):
		v.counts.refused.Add(1)
	default:
		v.counts.unavailable.Add(1)
	}
	return claims, err
}

func (v *Verifier) verify(ctx context.Context, token string) (*Claims, error) {
	if len(token) > maxToken {
		return nil, invalid("it is too large")
	}
	d := digestOf(token)
	t := v.cache.get(d)
	known := t != nil
	if !known {
		var err error
		if t, err = v.open(ctx, token); err != nil {
			return nil, err
		}
	}
	if err := v.judge(ctx, t, time.Now()); err != nil {
		if known && errors.Is(err, ErrInvalidToken) {
			v.cache.remove(d)
		}
		return nil, err
	}
	if !known {
		v.counts.verified.Add(1)
		v.cache.put(d, t)
	}
	return t.claims, nil
}

// open verifies what never changes of a token.
func (v *Verifier) open(ctx context.Context, token string) (*verified, error) {
	signed, err := v.unwrap(token)
	if err != nil {
		return nil, err
	}
	j, err := parseJWS(signed)
	if err != nil {
		return nil, invalid(err.Error())
	}
	if !j.isType(typeAccessToken) {
		return nil, invalid("its typ is not " + typeAccessToken)
	}
	signer, err := v.keys.find(ctx, j.kid)
	switch {
	case errors.Is(err, errNoKey):
		return nil, invalid(err.Error())
	case err != nil:
		return nil, err
	case !signer.verify(&j):
		return nil, invalid("its signature is not by the issuer's key that it names")
	}
	claims, status, err := v.readClaims(&j)
	if err != nil {
		return nil, err
	}
	switch {
	case claims.Issuer != v.issuer:
		return nil, invalid("it is of another issuer")
	case !slices.Contains(claims.Audience, v.audience):
		return nil, invalid("it is for another audience")
	case claims.IssuedAt.After(time.Now().Add(v.leeway)):
		return nil, invalid("it was issued in the future")
	case claims.notBefore.After(time.Now().Add(v.leeway)):
		return nil, invalid("it does not count yet")
	}
	return &verified{claims: claims, key: signer, status: status, expires: claims.ExpiresAt.Add(v.leeway), cost: len(token) + entryCost}, nil
}

// judge checks what may have changed since a token was verified: time, its key, events, its status.
func (v *Verifier) judge(ctx context.Context, t *verified, now time.Time) error {
	if !now.Before(t.expires) {
		return ErrExpired
	}
	set, err := v.keys.current(now)
	switch {
	case err != nil:
		return err
	case set.keys[t.key.kid] != t.key:
		return fmt.Errorf("%w, with the key that signed it", ErrRevoked)
	}
	if version := v.revocations.version.Load(); t.version.Load() != version {
		if v.revocations.revoked(t.claims) {
			return ErrRevoked
		}
		t.version.Store(version)
	}
	if t.status.uri == "" {
		return nil
	}
	return v.checkStatus(ctx, t, now)
}

// checkStatus looks a token up in its status list.
func (v *Verifier) checkStatus(ctx context.Context, t *verified, now time.Time) error {
	l := t.list.Load()
	if l == nil || l.gone.Load() {
		var err error
		if l, err = v.lists.follow(t.status.uri); err != nil {
			if errors.Is(err, ErrUnavailable) {
				return v.unknown(err)
			}
			return invalid(err.Error())
		}
		t.list.Store(l)
	}
	if l.now.Load() == nil {
		l.await(ctx)
		now = time.Now()
	}
	err := v.lists.check(l, t.status.index, now)
	if errors.Is(err, ErrUnavailable) || errors.Is(err, errRange) {
		return v.unknown(err)
	}
	return err
}

// unknown is what a status means that cannot be told.
func (v *Verifier) unknown(err error) error {
	if v.unknownStatus {
		return nil
	}
	return err
}
