package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const maxList = 1 << 20 // bytes of a status list

var (
	errUnavailable = errors.New("it cannot be told now whether the token counts")
	errRevoked     = errors.New("the token was revoked")
)

// statusRef is where the status of a token is (Token Status List §6.2).
type statusRef struct {
	URI   string `json:"uri"`
	Index *int   `json:"idx"`
}

// list is a status list, of entries of so many bits.
type list struct {
	bits    int
	entries []byte
}

// checkStatus looks a token up in its status list (Token Status List §8.3).
func checkStatus(ctx context.Context, ref statusRef) error {
	if !strings.HasPrefix(ref.URI, issuer+"/statuslists/") || ref.Index == nil {
		return errors.New("the token has no status of Signet")
	}
	l, err := lists.get(ctx, ref.URI)
	if err != nil {
		return err
	}
	index := *ref.Index
	if index < 0 || index >= len(l.entries)*8/l.bits {
		return errors.New("the status list has no such entry")
	}
	if l.entries[index*l.bits/8]>>(index*l.bits%8)&(1<<l.bits-1) != 0 {
		return errRevoked
	}
	return nil
}

func readList(ctx context.Context, uri, text string) (l list, ttl time.Duration, expires time.Time, err error) {
	var c struct {
		jwt.RegisteredClaims
		TTL  int `json:"ttl"`
		List struct {
			Bits    int    `json:"bits"`
			Entries string `json:"lst"`
		} `json:"status_list"`
	}
	if err := verify(ctx, text, "statuslist+jwt", &c, jwt.WithSubject(uri)); err != nil {
		return list{}, 0, time.Time{}, err
	}
	packed, err := base64.RawURLEncoding.DecodeString(c.List.Entries)
	if err != nil || 8%max(c.List.Bits, 1) != 0 || c.List.Bits < 1 {
		return list{}, 0, time.Time{}, errors.New("the status list is malformed")
	}
	unpacked, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return list{}, 0, time.Time{}, err
	}
	entries, err := io.ReadAll(io.LimitReader(unpacked, maxList+1))
	if len(entries) > maxList {
		err = errors.New("the status list is too large")
	}
	return list{c.List.Bits, entries}, time.Duration(c.TTL) * time.Second, c.ExpiresAt.Time, err
}

// documents are those of Signet by their URLs, as read makes them of text. Each is kept for its ttl, and until it expires while there is no
// newer one.
type documents[V any] struct {
	read func(ctx context.Context, url, text string) (value V, ttl time.Duration, expires time.Time, err error)

	mu    sync.Mutex
	known map[string]document[V]
}

type document[V any] struct {
	value        V
	due, expires time.Time
}

// get returns a document. errUnavailable if there is none that counts.
func (d *documents[V]) get(ctx context.Context, url string) (V, error) {
	d.mu.Lock() // so that those who come meanwhile wait for the one who fetches it
	defer d.mu.Unlock()
	began, is := time.Now(), d.known[url]
	if began.Before(is.due) {
		return is.value, nil
	}
	text, err := fetch(ctx, url)
	var ttl time.Duration
	var next document[V]
	if err == nil {
		next.value, ttl, next.expires, err = d.read(ctx, url, text)
	}
	switch {
	case err == nil:
		is, is.due = next, began.Add(ttl)
	case began.Before(is.expires):
		is.due = began.Add(time.Second)
	default:
		return is.value, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	if d.known == nil {
		d.known = map[string]document[V]{}
	}
	for other, one := range d.known {
		if one.due.Before(began.Add(-10 * time.Minute)) {
			delete(d.known, other)
		}
	}
	d.known[url] = is
	return is.value, nil
}

var client = &http.Client{
	Timeout:       5 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func fetch(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, url, nil) // others wait for it too
	if err != nil {
		return "", err
	}
	response, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", url, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	return string(text), err
}
