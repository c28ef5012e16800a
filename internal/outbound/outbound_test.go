package outbound

import (
	"net/netip"
	"net/url"
	"testing"
)

func TestEndpointsReachOnlyWhatTheyAreRegisteredFor(t *testing.T) {
	for address, allowed := range map[string][]Reach{
		"93.184.216.34":          {Public, Private},
		"2606:2800:220:1::1":     {Public, Private},
		"10.0.0.1":               {Private},
		"192.168.1.1":            {Private},
		"100.64.0.1":             {Private},
		"fd00::1":                {Private},
		"::ffff:10.0.0.1":        {Private},
		"64:ff9b::a00:1":         {Private},
		"127.0.0.1":              {Loopback, Private},
		"::1":                    {Loopback, Private},
		"::ffff:127.0.0.1":       {Loopback, Private},
		"169.254.169.254":        {},
		"::ffff:169.254.169.254": {},
		"fe80::1%eth0":           {},
		"0.0.0.0":                {},
		"::":                     {},
		"224.0.0.1":              {},
		"255.255.255.255":        {},
	} {
		for _, r := range []Reach{Public, Loopback, Private} {
			want := false
			for _, a := range allowed {
				want = want || a == r
			}
			if got := r.allows(netip.MustParseAddr(address)); got != want {
				t.Errorf("reach %d to %s: %t, want %t", r, address, got, want)
			}
		}
	}
	for endpoint, want := range map[string]Reach{
		"https://a.example/e": Public, "http://127.0.0.1:1/e": Loopback, "http://[::1]/e": Loopback, "https://localhost/": Loopback, "http://127.8.8.8/e": Loopback,
		"https://127.0.0.1.a.example/e": Public, "https://128.0.0.1/e": Public, "https://localhost.a.example/e": Public,
	} {
		u, err := url.Parse(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachOf(u, false); got != want {
			t.Errorf("%s has reach %d, want %d", endpoint, got, want)
		}
		if got := reachOf(u, true); got != Private {
			t.Errorf("%s with private addresses allowed has reach %d", endpoint, got)
		}
	}
}
