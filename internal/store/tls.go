package store

import (
	"net/netip"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// ClearHosts lists the hosts of other machines to which connections to a database may be without TLS: sslmode is disable, allow or prefer,
// in the URL, the environment or by default. None for SQLite, and for an URL that cannot be read.
func ClearHosts(url string) []string {
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil
	}
	var hosts []string
	add := func(host string, encrypted bool) {
		addr, err := netip.ParseAddr(host)
		here := host == "localhost" || filepath.IsAbs(host) || err == nil && addr.IsLoopback()
		if !encrypted && !here && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	add(config.Host, config.TLSConfig != nil)
	for _, fallback := range config.Fallbacks {
		add(fallback.Host, fallback.TLSConfig != nil)
	}
	return hosts
}
