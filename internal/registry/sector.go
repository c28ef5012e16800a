package registry

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/outbound"
)

// checkSector holds the rules for the subjects by which a client knows users, and fills in the sector of one that knows them by pairwise
// subjects (OpenID Connect Core §8.1): the host of its redirect URIs. Once registered it stays, whatever they become, or its users would
// be others. A client that registered itself always has the host that it redirects to, or it could choose another's sector and ask for
// that one's subjects.
func checkSector(c *domain.Client) error {
	if !slices.Contains(domain.SubjectTypes, c.SubjectType) {
		return domain.Invalid("subject_type", domain.RuleOneOf, "subject type %q: use public or pairwise", c.SubjectType)
	}
	if c.SelfRegistered() {
		c.SectorIdentifier = ""
	}
	if c.SubjectType == domain.SubjectTypePairwise && c.SectorIdentifier == "" {
		host, one := redirectHost(c.RedirectURIs)
		if !one {
			return domain.Invalid("sector_identifier", domain.RuleRequired, "client: pairwise subjects need a sector identifier, a host, where its redirect URIs are not all at one host "+
				"that is nobody else's")
		}
		c.SectorIdentifier = host
	}
	c.SectorIdentifier = strings.ToLower(c.SectorIdentifier)
	if c.SectorIdentifier != "" && !isHost(c.SectorIdentifier) {
		return domain.Invalid("sector_identifier", domain.RuleFormat, "sector identifier %q: use a host, like shop.example", c.SectorIdentifier)
	}
	return nil
}

// redirectHost is the host of all redirect URIs; false if they have several, or one that leads to the user's device, which is any
// client's.
func redirectHost(uris []string) (host string, one bool) {
	for _, text := range uris {
		uri, err := url.Parse(text)
		if err != nil || uri.Scheme != "https" && uri.Scheme != "http" || outbound.IsLoopback(uri.Hostname()) {
			return "", false
		}
		if host != "" && host != strings.ToLower(uri.Hostname()) {
			return "", false
		}
		host = strings.ToLower(uri.Hostname())
	}
	return host, host != ""
}

// isHost says whether a lower-case text is a DNS name or an IP address.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		outside := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' }
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, outside) {
			return false
		}
	}
	return true
}
