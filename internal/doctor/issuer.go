package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/server"
)

const (
	patience  = 10 * time.Second
	maxAnswer = 1 << 20
	forged    = "192.0.2.66" // TEST-NET-1 (RFC 5737): nobody's
)

// answered is what an answer says beside its body.
type answered struct {
	date        string
	certificate *x509.Certificate // nil without TLS
}

// issuer asks the issuer as clients do, by its URL, and sees how requests arrive at it.
func (e *examination) issuer(ctx context.Context, services *server.Services) {
	const check = "issuer"
	clients := outbound.NewClients(patience)
	ask := func(path string, prepare func(r *http.Request), into any) (about answered, err error) {
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		r, err := http.NewRequestWithContext(bounded, http.MethodGet, e.config.Issuer+path, nil)
		if err != nil {
			return about, err
		}
		if prepare != nil {
			prepare(r)
		}
		response, err := clients.Do(r, true)
		if err != nil {
			return about, err
		}
		defer func() { _ = response.Body.Close() }()
		about.date = response.Header.Get("Date")
		if response.TLS != nil {
			about.certificate = response.TLS.PeerCertificates[0]
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		switch {
		case err != nil:
			return about, err
		case response.StatusCode != http.StatusOK:
			return about, fmt.Errorf("it answers %s", response.Status)
		case json.Unmarshal(body, into) != nil:
			return about, errors.New("it answers something that is not JSON")
		}
		return about, nil
	}

	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	about, err := ask("/.well-known/openid-configuration", nil, &metadata)
	if err != nil {
		advice := "see whether its name resolves here, the server runs, and a proxy and firewalls lead to it"
		if e.config.TLS.ACME.AgreeTerms {
			advice += "; while it has no certificate, its log says why none could be obtained"
		}
		if _, untrusted := errors.AsType[x509.UnknownAuthorityError](err); untrusted {
			advice = "append the CA's intermediate certificate to that of the server; or, if the CA is your own, let this machine trust its root: SSL_CERT_FILE=FILE"
		}
		e.add(Problem, check, advice, "%s cannot be used from here: %v", e.config.Issuer, err)
		return
	}
	if metadata.Issuer != e.config.Issuer {
		e.add(Problem, check, "lead the name to this installation, or set the issuer of the server to what clients use", "at %s answers the issuer %s", e.config.Issuer, metadata.Issuer)
		return
	}
	e.add(Good, check, "", "%s answers, as seen from this machine", e.config.Issuer)
	if about.certificate != nil {
		e.expiry("certificate", about.certificate)
	}
	if at, err := http.ParseTime(about.date); err == nil {
		if off := e.Now().Sub(at); off.Abs() > 5*time.Second {
			e.add(Warning, "issuer clock", "run a time service on both machines", "this machine's clock differs from that of whoever answers for the issuer by %v", off.Round(time.Second))
		}
	}
	if services == nil {
		return
	}
	e.sameKeys(ctx, services, func(into any) error {
		_, err := ask("/.well-known/jwks.json", nil, into)
		return err
	})
	e.proxies(services, func(prepare func(r *http.Request)) (a server.Arrival, err error) {
		_, err = ask(server.ProbePath, prepare, &a)
		return a, err
	})
}

// keySet is as much of a JWK Set as can be compared.
type keySet struct {
	Keys []struct {
		KID string `json:"kid"`
	} `json:"keys"`
}

func (s keySet) ids() []string {
	var ids []string
	for _, k := range s.Keys {
		ids = append(ids, k.KID)
	}
	slices.Sort(ids)
	return ids
}

// sameKeys compares the key set that is served with that of the database.
func (e *examination) sameKeys(ctx context.Context, services *server.Services, fetch func(into any) error) {
	const check = "key set"
	var served, stored keySet
	body, _, err := services.Keys.JWKS(ctx)
	if err == nil {
		err = errors.Join(json.Unmarshal(body, &stored), fetch(&served))
	}
	switch {
	case err != nil:
		e.add(Problem, check, "", "it cannot be compared: %v", err)
	case !slices.Equal(served.ids(), stored.ids()):
		e.add(Problem, check, "see whether another installation answers for the issuer, a cache keeps an old one, or a server has lost the database (signet replicas)",
			"the one that the issuer serves (%s) is not the one of this database (%s)", strings.Join(served.ids(), " "), strings.Join(stored.ids(), " "))
	default:
		e.add(Good, check, "", "the one that the issuer serves is the one of this database")
	}
}

// proxies sends a request with a forged address, and one without, through whatever is before the server.
func (e *examination) proxies(services *server.Services, send func(prepare func(r *http.Request)) (server.Arrival, error)) {
	const check = "proxy headers"
	probe := services.Probe()
	arrive := func(headers ...string) (server.Arrival, error) {
		proof := ""
		a, err := send(func(r *http.Request) {
			proof = probe.Sign(r, e.Now())
			for _, name := range headers {
				value := forged
				if name == "Forwarded" {
					value = "for=" + forged
				}
				r.Header.Set(name, value)
			}
		})
		if err == nil && a.Proof != proof {
			err = errors.New("another answers, without the master key")
		}
		return a, err
	}
	plain, err := arrive()
	if err != nil {
		e.add(Warning, check, "let the proxy pass "+server.ProbePath+" and its header on", "the server cannot be asked how requests arrive: %v", err)
		return
	}
	if off := e.Now().Sub(plain.Time); off.Abs() > 5*time.Second {
		e.add(Warning, "server clock", "run a time service on both machines", "this machine's clock differs from the server's by %v", off.Round(time.Second))
	}
	for _, header := range []string{"X-Forwarded-For", "Forwarded"} {
		lied, err := arrive(header)
		if err != nil {
			e.add(Warning, check, "", "%v", err)
			return
		}
		if lied.Address == forged {
			e.forgery(check, header, lied)
			return
		}
	}
	e.judge(check, plain)
}

// forgery says why a client could choose its address.
func (e *examination) forgery(check, header string, a server.Arrival) {
	hops := a.ForwardedFor
	if header == "Forwarded" && len(hops) == 0 {
		hops = a.Forwarded
	}
	sender := a.Peer
	if after := slices.Index(hops, forged) + 1; after < len(hops) {
		sender = hops[after]
	}
	if e.direct(a) || isOwn(sender) && sender != a.Peer {
		e.add(Skipped, check, "run the doctor on a machine that trusted_proxies does not name", "this machine counts as a trusted proxy (%s), so what it says of others is believed", sender)
		return
	}
	e.add(Problem, check, "let the proxy set X-Forwarded-For to the address that it sees, or append that, and drop Forwarded; and name in trusted_proxies proxies alone",
		"anybody can choose their address by sending %s: %s is trusted and hands it on", header, sender)
}

// direct reports whether this machine reaches the server without a proxy.
func (e *examination) direct(a server.Arrival) bool {
	issuer, err := url.Parse(e.config.Issuer)
	if err != nil {
		return false
	}
	_, port, err := net.SplitHostPort(e.config.Listen)
	return a.TLS || err == nil && issuer.Scheme == "http" && cmp.Or(issuer.Port(), "80") == port
}

// isOwn reports whether an address is one of this machine.
func isOwn(address string) bool {
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		return ok && network.IP.String() == address
	})
}

// judge says whether the addresses of clients are seen.
func (e *examination) judge(check string, a server.Arrival) {
	switch {
	case len(a.ForwardedFor)+len(a.Forwarded) > 0 && !e.trusts(a.Peer):
		e.add(Problem, check, "add "+a.Peer+" to trusted_proxies",
			"requests come from %s, which says whose they are and is not trusted: all people share one address, and so the limits on guessing passwords", a.Peer)
	case len(a.ForwardedFor)+len(a.Forwarded) == 0 && e.trusts(a.Peer) && !e.direct(a):
		e.add(Warning, check, "let the proxy set X-Forwarded-For", "requests come from the trusted proxy %s, which does not say whose they are", a.Peer)
	default:
		e.add(Good, check, "", "the server sees this machine as %s, and believes nothing that it says of itself", a.Address)
	}
}

// trusts says whether an address is one of trusted_proxies.
func (e *examination) trusts(address string) bool {
	at, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(e.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(at) })
}
