package acme

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	directoryAge     = time.Hour // after which it is read again
	directoryTimeout = 30 * time.Second
	maxDirectory     = 64 << 10 // bytes
)

// guard allows requests, redirected ones too, only to the authority that the operator chose and to the hosts that its directory names.
type guard struct {
	directory *url.URL
	client    *http.Client // reads the directory
	lost      func() bool  // whether a lock is lost, under which the request may be

	mu     sync.Mutex
	hosts  map[string]bool // which the directory named last
	readAt time.Time
}

func newGuard(directory *url.URL, roots *x509.CertPool, lost func() bool) *guard {
	own := hostPort(directory)
	return &guard{
		directory: directory, lost: lost,
		client: &http.Client{Timeout: directoryTimeout, Transport: &http.Transport{
			Proxy: func(r *http.Request) (*url.URL, error) {
				if r.URL.Scheme != "https" || hostPort(r.URL) != own {
					return nil, fmt.Errorf("the directory leads to %s", r.URL.Redacted())
				}
				return nil, nil
			},
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		}},
	}
}

func hostPort(u *url.URL) string {
	return strings.ToLower(u.Hostname()) + ":" + cmp.Or(u.Port(), "443")
}

// allow is an http.Transport's Proxy: there is none, or an error.
func (g *guard) allow(r *http.Request) (*url.URL, error) {
	if g.lost() {
		return nil, errLockLost
	}
	host := hostPort(r.URL)
	if r.URL.Scheme == "https" && host == hostPort(g.directory) {
		return nil, nil
	}
	named, err := g.named(r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the directory of the authority, which leads to %s: %w", r.URL.Redacted(), err)
	case r.URL.Scheme != "https" || !named[host]:
		return nil, fmt.Errorf("the authority leads to %s, which is on none of the hosts that its directory names", r.URL.Redacted())
	}
	return nil, nil
}

// named are the hosts that the directory names, as of an hour ago at most.
func (g *guard) named(by *http.Request) (map[string]bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.readAt.IsZero() && time.Since(g.readAt) < directoryAge {
		return g.hosts, nil
	}
	request, err := http.NewRequestWithContext(by.Context(), http.MethodGet, g.directory.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := g.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", answer.Status)
	}
	var members map[string]any // of which those that are no addresses, such as meta, are objects
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxDirectory)).Decode(&members); err != nil {
		return nil, err
	}
	g.hosts, g.readAt = map[string]bool{}, time.Now()
	for _, member := range members {
		address, _ := member.(string)
		if u, err := url.Parse(address); err == nil && u.Scheme == "https" && u.Host != "" {
			g.hosts[hostPort(u)] = true
		}
	}
	return g.hosts, nil
}
