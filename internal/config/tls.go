package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/outbound"
)

const (
	maxDomains = 20  // each has a certificate of its own
	maxKeyID   = 255 // bytes
)

// hostOf is the host of a URL, empty if there is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (t TLS) validate(issuer string, check func(key string, err error)) {
	set := 0
	for _, on := range []bool{t.CertFile != "" || t.KeyFile != "", t.ACME.AgreeTerms, t.Dev} {
		if on {
			set++
		}
	}
	switch {
	case set > 1:
		check("tls", errors.New("cert_file, acme.agree_terms and dev are three ways to a certificate: keep one of them"))
	case (t.CertFile == "") != (t.KeyFile == ""):
		check("tls", errors.New("cert_file and key_file belong together"))
	case t.On() && strings.HasPrefix(issuer, "http:"):
		check("issuer", fmt.Errorf("%q must be https, as Signet speaks HTTPS by tls", issuer))
	case t.Dev && !isThisMachine(hostOf(issuer)):
		check("tls.dev", fmt.Errorf("is for development on this machine, at localhost or 127.0.0.1, and the issuer is %q: "+
			"others need a certificate that they trust, by tls.acme or tls.cert_file", issuer))
	}
	check("tls.cert_file", checkPath(t.CertFile))
	check("tls.key_file", checkPath(t.KeyFile))
	if t.RedirectFrom != "" {
		check("tls.redirect_from", checkListen(t.RedirectFrom))
		if !t.On() {
			check("tls.redirect_from", errors.New("needs tls.cert_file, tls.acme.agree_terms or tls.dev"))
		}
	}
	t.ACME.validate(hostOf(issuer), check)
}

func isThisMachine(host string) bool {
	return outbound.IsLoopback(host) || strings.HasSuffix(host, ".localhost")
}

func (a ACME) validate(issuerHost string, check func(key string, err error)) {
	const section = "tls.acme."
	directory, err := url.Parse(a.Directory)
	if err != nil || directory.Scheme != "https" || directory.Host == "" || directory.User != nil || directory.Fragment != "" {
		check(section+"directory", fmt.Errorf("%q is not an https address such as %s", a.Directory, letsEncrypt))
	}
	if at := strings.LastIndex(a.Email, "@"); a.Email != "" && (at < 1 || at == len(a.Email)-1 || len(a.Email) > 254 || strings.ContainsAny(a.Email, " \t\r\n<>,")) {
		check(section+"email", fmt.Errorf("%q is not an email address", a.Email))
	}
	check(section+"root_file", checkPath(a.RootFile))
	check(section+"eab_key_file", checkPath(a.EABKeyFile))
	switch {
	case (a.EABKeyID == "") != (a.EABKeyFile == ""):
		check(section+"eab_key_id", errors.New("and eab_key_file belong together: the authority gives both"))
	case len(a.EABKeyID) > maxKeyID || strings.ContainsFunc(a.EABKeyID, func(r rune) bool { return r <= ' ' || r > '~' }):
		check(section+"eab_key_id", fmt.Errorf("%q is more than %d characters of ASCII without blanks", a.EABKeyID, maxKeyID))
	}
	if !a.AgreeTerms {
		if a.Directory != letsEncrypt || a.Email != "" || len(a.Domains) > 0 || a.RootFile != "" || a.EABKeyID != "" {
			check(section+"agree_terms", errors.New("must be true for certificates to be obtained: it says that you agree to the terms of the authority, which its directory links to"))
		}
		return
	}
	if len(a.Domains) > maxDomains {
		check(section+"domains", fmt.Errorf("are more than %d", maxDomains))
	}
	if !slices.Contains(a.Domains, issuerHost) {
		check(section+"domains", fmt.Errorf("must have %q, the host of the issuer", issuerHost))
	}
	for _, domain := range a.Domains {
		exact, err := exactHost(domain)
		_, notAddress := netip.ParseAddr(domain)
		switch {
		case strings.Contains(domain, "*"):
			check(section+"domains", fmt.Errorf("%q has a *, for which the authority would ask the DNS: name each host", domain))
		case err != nil:
			check(section+"domains", fmt.Errorf("%q has %w", domain, err))
		case notAddress != nil && exact != domain:
			check(section+"domains", fmt.Errorf("%q is not how clients write it: use %s", domain, exact))
		case a.Directory == letsEncrypt && isThisMachine(domain):
			check(section+"domains", fmt.Errorf("%q is this machine alone, for which Let's Encrypt gives no certificate: set the issuer, or for development tls.dev", domain))
		}
	}
}
