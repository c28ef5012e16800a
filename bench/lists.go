package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/statuslist"
)

// hundredth is how many entries of a status list are revoked.
const hundredth = listSize / 100

// encodeList builds a list with a random hundredth revoked.
func (s *scale) encodeList(context.Context) error {
	revoked := rand.Perm(listSize)[:hundredth]
	var best time.Duration
	for range 2 * rounds {
		began := time.Now()
		list, err := statuslist.New(1, listSize)
		if err != nil {
			return err
		}
		for _, i := range revoked {
			if err := list.Set(i, domain.StatusInvalid); err != nil {
				return err
			}
		}
		list.Encode()
		if took := time.Since(began); best == 0 || took < best {
			best = took
		}
	}
	s.atMost(50, best.Seconds()*1e3, "ms", fmt.Sprintf("to build a status list of %d entries with a random hundredth revoked", listSize))
	return nil
}

// serveList revokes a hundredth of a list's tokens, and looks at the list that is served.
func (s *scale) serveList(ctx context.Context) error {
	listed, err := s.small.registerReader(ctx, "listed")
	if err != nil {
		return err
	}
	tokens, err := s.small.issueMany(ctx, listed, hundredth)
	if err != nil {
		return err
	}
	if err := s.small.run(ctx, nil, "token", "revoke", "--client", "listed"); err != nil {
		return err
	}
	claims, err := parseClaims(tokens[0])
	if err != nil {
		return err
	}
	_, body, err := get(ctx, claims.Status.List.URI)
	if err != nil {
		return err
	}
	list, err := parseList(body)
	if err != nil {
		return err
	}
	var revoked int
	for i := range list.Size() {
		if status, err := list.Get(i); err == nil && status == domain.StatusInvalid {
			revoked++
		}
	}
	s.atMost(25, float64(len(body))/1e3, "kB", fmt.Sprintf("on the wire, signed and compressed, for a status list with %d of %d revoked", revoked, list.Size()))
	s.note(entropy(listSize, revoked)/8/1e3, "kB", "is the entropy of such a list: no encoding can take less")
	return nil
}

// entropy is the binary logarithm of how many ways there are to choose k of n.
func entropy(n, k int) float64 {
	logFactorial := func(n int) float64 { l, _ := math.Lgamma(float64(n + 1)); return l }
	return (logFactorial(n) - logFactorial(k) - logFactorial(n-k)) / math.Ln2
}

// claims are those of a token and of a status list that are of interest here.
type claims struct {
	Status struct {
		List struct {
			Index int    `json:"idx"`
			URI   string `json:"uri"`
		} `json:"status_list"`
	} `json:"status"`
	List struct {
		Bits int    `json:"bits"`
		Lst  string `json:"lst"`
	} `json:"status_list"`
}

// parseClaims reads the claims of a compact JWS.
func parseClaims(jwt string) (c claims, err error) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return c, errors.New("not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &c)
	}
	return c, err
}

// parseList reads a status list as it came over the wire, compressed.
func parseList(body []byte) (*statuslist.List, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	jwt, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	c, err := parseClaims(string(jwt))
	if err != nil {
		return nil, err
	}
	return statuslist.Decode(c.List.Bits, c.List.Lst, listSize)
}
