package status

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/statuslist"
)

// lifetimes is how many times its ttl a signed list lives: for so long a replica without its database serves it.
const lifetimes = 10

// ListToken is a status list as it is served.
type ListToken struct {
	Body []byte        // compact JWS
	Gzip []byte        // the same, compressed (RFC 1952)
	ETag string        // weak, for both forms
	TTL  time.Duration // for how long a verifier may use it
	Age  time.Duration // since "iat", when its content was known to be current
}

// signedList is a ListToken and how it was made.
type signedList struct {
	ListToken
	keyID   int64
	invalid bool      // the key was revoked
	asOf    time.Time // its content was current then: "iat", but for the fraction
	expires time.Time
}

// publishedList is a status list in memory.
type publishedList struct {
	domain.StatusList

	mu        sync.Mutex
	entries   *statuslist.List
	suspended int       // entries that are
	history   int64     // of the store's, from which the entries are; it changes only in a sync
	seq       int64     // of the last change that the entries hold; it changes only in a sync
	asOf      time.Time // by the wall clock, as "iat" is: the entries were last known to be current
	changed   bool      // since they were encoded
	encoded   encodedList
	signed    signedList
}

// encodedList is the claim "status_list" of a list.
type encodedList struct {
	bits int
	lst  string
	at   time.Time // when it was encoded
	asOf time.Time // it was last known to be current
}

// reset replaces all entries.
func (l *publishedList) reset(entries []domain.StatusChange, history, seq int64, asOf time.Time) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries, err = statuslist.New(1, int(l.Size)); err != nil {
		return err
	}
	l.suspended, l.history, l.seq, l.asOf, l.changed = 0, history, seq, asOf, true
	return l.apply(entries)
}

// applyChanges applies the changes that are of this list and new to it; then it holds all up to a seq.
func (l *publishedList) applyChanges(changes []domain.StatusChange, through int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var news []domain.StatusChange
	for _, c := range changes {
		if c.List == l.ID && c.Seq > l.seq {
			news = append(news, c)
		}
	}
	l.seq = max(l.seq, through)
	l.changed = l.changed || len(news) > 0
	return l.apply(news)
}

// markCurrent records that the entries were current at a time.
func (l *publishedList) markCurrent(asOf time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asOf = asOf
	if !l.changed {
		l.encoded.asOf = asOf
	}
}

// invalidateSignature marks the signed list as invalid if the key that signed it is not published any more.
func (l *publishedList) invalidateSignature(published func(keyID int64) (bool, error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signed.Body == nil {
		return nil
	}
	ok, err := published(l.signed.keyID)
	if err == nil && !ok {
		l.signed.invalid = true
	}
	return err
}

func (l *publishedList) apply(changes []domain.StatusChange) error {
	for _, c := range changes {
		for _, i := range c.Indexes {
			if err := l.set(int(i), c.Status); err != nil {
				return fmt.Errorf("status list %d: %w", l.ID, err)
			}
		}
	}
	return nil
}

// set changes an entry. The list has two bits an entry only while one is suspended.
func (l *publishedList) set(i int, status domain.TokenStatus) error {
	before, err := l.entries.Get(i)
	if err != nil {
		return err
	}
	if before == domain.StatusSuspended {
		l.suspended--
	}
	if status == domain.StatusSuspended {
		l.suspended++
		if l.entries.Bits() == 1 {
			if l.entries, err = l.entries.Repack(2); err != nil {
				return err
			}
		}
	}
	return l.entries.Set(i, status)
}

// encode packs the entries.
func (l *publishedList) encode(now time.Time) (err error) {
	if l.suspended == 0 && l.entries.Bits() > 1 {
		if l.entries, err = l.entries.Repack(1); err != nil {
			return err
		}
	}
	l.encoded = encodedList{bits: l.entries.Bits(), lst: l.entries.Encode(), at: now, asOf: l.asOf}
	l.changed = false
	return nil
}

// renew encodes and signs a list where that is due.
//
// A verifier may use a list for its ttl, so a list must have every revocation that is older than a second. One that changed is encoded
// anew, but once per Pace: a thousand revocations a second must not cost as many encodings. One that did not change is signed anew after
// half its ttl, for verifiers that count from "iat", and when its key was revoked. As the clock may jump, absolute differences count.
func (p *Publisher) renew(ctx context.Context, l *publishedList) error {
	now := p.now()
	fresh := l.changed && (l.encoded.lst == "" || now.Sub(l.encoded.at).Abs() >= Pace)
	if fresh {
		if err := l.encode(now); err != nil {
			return err
		}
	}
	if !fresh && l.signed.Body != nil && l.encoded.asOf.Sub(l.signed.asOf).Abs() < p.ttl/2 {
		published, err := p.keys.Published(ctx, l.signed.keyID)
		if published || err != nil {
			return err
		}
	}
	return p.sign(ctx, l)
}

// sign makes a list into a status list token (Token Status List §5.1).
func (p *Publisher) sign(ctx context.Context, l *publishedList) error {
	asOf := l.encoded.asOf
	expires := asOf.Truncate(time.Second).Add(lifetimes * p.ttl)
	var claims struct {
		Issuer    string `json:"iss"`
		Subject   string `json:"sub"`
		IssuedAt  int64  `json:"iat"`
		ExpiresAt int64  `json:"exp"`
		TTL       int64  `json:"ttl"`
		List      struct {
			Bits        int    `json:"bits"`
			Lst         string `json:"lst"`
			Aggregation string `json:"aggregation_uri"`
		} `json:"status_list"`
	}
	claims.Issuer, claims.Subject = p.issuer, URI(p.issuer, l.ID)
	claims.IssuedAt, claims.ExpiresAt, claims.TTL = asOf.Unix(), expires.Unix(), int64(p.ttl/time.Second)
	claims.List.Bits, claims.List.Lst, claims.List.Aggregation = l.encoded.bits, l.encoded.lst, listsURI(p.issuer)
	payload, err := json.Marshal(claims)
	if err != nil {
		return fmt.Errorf("write the claims: %w", err)
	}
	body, keyID, err := p.keys.Sign(ctx, domain.ES256, keys.TypeStatusList, payload)
	if err != nil {
		return err
	}
	compressed, err := gzipped(body)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	l.signed = signedList{
		ListToken: ListToken{
			Body: body, Gzip: compressed, TTL: p.ttl,
			ETag: `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		},
		keyID: keyID, asOf: asOf, expires: expires,
	}
	return nil
}

// gzipped compresses a JWT. It is base64 throughout: there is nothing to gain but from the frequencies of characters.
func gzipped(jwt []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.HuffmanOnly)
	if err == nil {
		_, err = w.Write(jwt)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compress the status list: %w", err)
	}
	return b.Bytes(), nil
}
