package resourceserver

import (
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/statuslist"
)

const (
	maxListToken = 4 << 20 // bytes of a status list as it is sent
	maxListSize  = 1 << 20 // bytes of its entries: eight million of one bit
	defaultTTL   = 5 * time.Minute
	minTTL       = time.Second
	maxTTL       = time.Hour
)

// statusList is a Token Status List as it was at a time. It never changes.
type statusList struct {
	entries *statuslist.List
	key     *key
	etag    string
	issued  time.Time
	expires time.Time     // zero: not said
	ttl     time.Duration // for how long it may be used before there may be a newer one
	current time.Time     // when it was fetched, or kept by a cache on the way
}

// parseStatusList reads a status list token (Token Status List §5.1, §8.3), whose key find returns. uri is what a token named.
func parseStatusList(token, issuer, uri string, leeway time.Duration, find func(kid string) (*key, error)) (*statusList, error) {
	j, err := parseJWS(token)
	switch {
	case err != nil:
		return nil, err
	case !j.isType(typeStatusList):
		return nil, fmt.Errorf("its typ is not %s", typeStatusList)
	}
	signer, err := find(j.kid)
	switch {
	case err != nil:
		return nil, err
	case !signer.verify(&j):
		return nil, errors.New("its signature is not by the issuer's key that it names")
	}
	_, o, err := j.claims()
	if err != nil {
		return nil, err
	}
	l := &statusList{key: signer, issued: o.time("iat"), expires: o.time("exp"), ttl: defaultTTL}
	if o.has("ttl") {
		l.ttl = time.Duration(min(max(o.integer("ttl"), 0), int64(maxTTL/time.Second))) * time.Second
		l.ttl = max(l.ttl, minTTL)
	}
	claim := o.object("status_list")
	switch {
	case claim == nil || o.err != nil || !o.has("iat"):
		return nil, errors.New("its claims are malformed")
	case o.text("sub") != uri:
		return nil, fmt.Errorf("it is the list %.200q", o.text("sub"))
	case o.has("iss") && o.text("iss") != issuer:
		return nil, fmt.Errorf("it is of the issuer %.200q", o.text("iss"))
	case l.issued.After(time.Now().Add(leeway)):
		return nil, errors.New("it was issued in the future")
	case l.expired(time.Now(), leeway):
		return nil, errors.New("it has expired")
	}
	bits, text := claim.integer("bits"), claim.text("lst")
	if claim.err != nil {
		return nil, errors.New("its claims are malformed")
	}
	l.entries, err = statuslist.Decode(int(bits), text, maxListSize)
	return l, err
}

// expired reports whether the list must not be used any more (Token Status List §13.7).
func (l *statusList) expired(now time.Time, leeway time.Duration) bool {
	if l.expires.IsZero() {
		return !l.current.IsZero() && now.Sub(l.current) > l.ttl
	}
	return !now.Before(l.expires.Add(leeway))
}
