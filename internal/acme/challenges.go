package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
)

const (
	challengePause   = 100 * time.Millisecond // between reads of a challenge, which strangers can have read
	challengeTimeout = 5 * time.Second        // of a read
)

// validatedName is what the authority calls a host in the handshake that validates it: an address in a form of its own (RFC 8738 §6).
func validatedName(host string) string {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	name := "in-addr.arpa"
	if addr.Is4() {
		for _, b := range addr.AsSlice() {
			name = strconv.Itoa(int(b)) + "." + name
		}
		return name
	}
	name = "ip6.arpa"
	for _, b := range addr.AsSlice() {
		name = strconv.FormatUint(uint64(b&15), 16) + "." + strconv.FormatUint(uint64(b>>4), 16) + "." + name
	}
	return name
}

func (c *Certificates) show(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	validates := slices.Equal(hello.SupportedProtos, []string{acmez.ACMETLS1Protocol})
	if validates && !slices.Contains(c.validated, strings.ToLower(hello.ServerName)) { // before the database is asked
		return nil, errors.New("no certificate of that name is being obtained")
	}
	return c.magic.GetCertificate(hello)
}

// Challenges answers the authority's requests (RFC 8555 §8.3), and passes on all others.
func (c *Certificates) Challenges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") {
			next.ServeHTTP(w, r)
			return
		}
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ours := slices.Contains(c.cfg.Names, strings.ToLower(strings.Trim(host, "[]")))
		if !ours || !c.issuer.HandleHTTPChallenge(w, r) {
			http.NotFound(w, r)
		}
	})
}

// challengeRead is a read of a challenge, for all who asked for it before it began.
type challengeRead struct {
	done  chan struct{}
	value []byte
	err   error
}

// loadChallenge is load for whoever the network sends: however many ask, the database is asked at most once in a pause. What is read is
// never older than the question, so that a challenge is there for the authority as soon as another replica has stored it.
func (s *storage) loadChallenge(ctx context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	read, waits := s.reads[key]
	if !waits {
		read = &challengeRead{done: make(chan struct{})}
		s.reads[key] = read
		time.AfterFunc(time.Until(s.readAt[key].Add(challengePause)), func() {
			s.mu.Lock()
			delete(s.reads, key)
			s.readAt[key] = time.Now()
			s.mu.Unlock()
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), challengeTimeout)
			defer cancel()
			read.value, read.err = s.load(bounded, key)
			close(read.done)
		})
	}
	s.mu.Unlock()
	select {
	case <-read.done:
		return read.value, read.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
