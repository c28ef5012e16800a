package device

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// How many devices may ask. Of codes that live for half an hour, the longest that can be set, 2,800 are pending for a client at most, and
// 14,000 in all.
func askLimits(clientID int64, remote string) []domain.Limit {
	return []domain.Limit{
		{Bucket: "device ask from " + network(remote), Interval: 5 * time.Second, Burst: 60},
		{Bucket: "device ask of client " + strconv.FormatInt(clientID, 10), Interval: time.Second, Burst: 1000},
		{Bucket: "device ask", Interval: 200 * time.Millisecond, Burst: 5000},
	}
}

// How many wrong codes may be entered. Only people who are signed in can try one, so a guesser runs into the first limit and keeps
// nobody else out. Of 20^8 codes, a day of guessing by all users at the last limit hits one of 100 that are pending once in 3,000 times.
func guessLimits(userID int64, remote string) []domain.Limit {
	return []domain.Limit{
		{Bucket: "device guess by user " + strconv.FormatInt(userID, 10), Interval: 30 * time.Second, Burst: 10},
		{Bucket: "device guess from " + network(remote), Interval: 3 * time.Second, Burst: 100},
		{Bucket: "device guess", Interval: time.Second, Burst: 1000},
	}
}

// network is the IPv4 /24 or IPv6 /56 of a request, wider than domain.Network: who guesses codes may use many addresses of a site.
// Requests without an address share one.
func network(remote string) string {
	addr := domain.RemoteAddr(remote)
	bits := 24
	if addr.Is6() {
		bits = 56
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		prefix = netip.Prefix{}
	}
	return prefix.String()
}
