package secevent

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

func TestEndpointsReachOnlyWhatTheyAreRegisteredFor(t *testing.T) {
	for address, allowed := range map[string][]reach{
		"93.184.216.34":          {reachPublic, reachPrivate},
		"2606:2800:220:1::1":     {reachPublic, reachPrivate},
		"10.0.0.1":               {reachPrivate},
		"192.168.1.1":            {reachPrivate},
		"100.64.0.1":             {reachPrivate},
		"fd00::1":                {reachPrivate},
		"::ffff:10.0.0.1":        {reachPrivate},
		"64:ff9b::a00:1":         {reachPrivate},
		"127.0.0.1":              {reachLoopback, reachPrivate},
		"::1":                    {reachLoopback, reachPrivate},
		"::ffff:127.0.0.1":       {reachLoopback, reachPrivate},
		"169.254.169.254":        {},
		"::ffff:169.254.169.254": {},
		"fe80::1%eth0":           {},
		"0.0.0.0":                {},
		"::":                     {},
		"224.0.0.1":              {},
		"255.255.255.255":        {},
	} {
		for _, r := range []reach{reachPublic, reachLoopback, reachPrivate} {
			want := false
			for _, a := range allowed {
				want = want || a == r
			}
			if got := r.allows(netip.MustParseAddr(address)); got != want {
				t.Errorf("reach %d to %s: %t, want %t", r, address, got, want)
			}
		}
	}
	for endpoint, want := range map[string]reach{
		"https://a.example/e": reachPublic, "http://127.0.0.1:1/e": reachLoopback, "http://[::1]/e": reachLoopback, "https://localhost/": reachLoopback,
	} {
		if got := reachOf(domain.Receiver{Endpoint: endpoint}); got != want {
			t.Errorf("%s has reach %d, want %d", endpoint, got, want)
		}
		if got := reachOf(domain.Receiver{Endpoint: endpoint, AllowPrivate: true}); got != reachPrivate {
			t.Errorf("%s with --allow-private has reach %d", endpoint, got)
		}
	}
}

func TestItemsOfOneEventHaveDifferentKeys(t *testing.T) {
	items := map[string]item{}
	for _, i := range []struct{ format, subject, session, audience string }{
		{format: "f"},
		{format: "f", subject: "x"},
		{format: "f", session: "x"},
		{format: "f", audience: "x"},
		{format: "f", subject: "y"},
		{format: "g", subject: "y"},
		{format: "g", subject: "y", session: "x"},
	} {
		made := newItem(domain.OutboxEntry{Seq: 1, Format: i.format, Subject: i.subject, Session: i.session}, i.audience)
		if other, taken := items[made.key]; taken {
			t.Errorf("%+v has the key of %+v", i, other)
		}
		items[made.key] = made
	}
}

func TestProgressKeepsWhatIsAcknowledgedOutOfOrder(t *testing.T) {
	items := []item{at(3, "3.a"), at(5, "5.a"), at(5, "5.b"), at(9, "9.a")}
	w := pending{items: items, through: 12}
	for _, step := range []struct {
		done int
		want domain.Progress
	}{
		{2, domain.Progress{Acked: 2, Beyond: []string{"5.b"}}},
		{0, domain.Progress{Acked: 4, Beyond: []string{"5.b"}}},
		{3, domain.Progress{Acked: 4, Beyond: []string{"5.b", "9.a"}}},
		{1, domain.Progress{Acked: 12}},
	} {
		w.receiver.Progress = w.progress(items[step.done])
		if diff := cmp.Diff(step.want, w.receiver.Progress); diff != "" {
			t.Errorf("after %s (-want +got)\n%s", items[step.done].key, diff)
		}
	}
}

func at(seq int64, key string) item { return item{key: key, cause: domain.OutboxEntry{Seq: seq}} }
