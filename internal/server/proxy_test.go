package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestClientAddressIsReadFromEveryFormThatProxiesWrite(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("fe80::/10")}
	const proxy, untrusted = "10.0.0.1:4000", "198.51.100.9:4000"
	type lines []string
	for name, c := range map[string]struct {
		peer         string
		forwardedFor lines
		forwarded    lines
		want         string
	}{
		"nothing":                         {proxy, nil, nil, proxy},
		"an address":                      {proxy, lines{"203.0.113.7"}, nil, "203.0.113.7:0"},
		"a port":                          {proxy, lines{"203.0.113.7:51234"}, nil, "203.0.113.7:51234"},
		"IPv6":                            {proxy, lines{"2001:db8::1"}, nil, "[2001:db8::1]:0"},
		"IPv6 in brackets":                {proxy, lines{"[2001:db8::1]"}, nil, "[2001:db8::1]:0"},
		"IPv6 with a port":                {proxy, lines{"[2001:db8::1]:51234"}, nil, "[2001:db8::1]:51234"},
		"IPv6 with a zone":                {proxy, lines{"fe81::1%eth0, fe80::1%eth0"}, nil, "[fe81::1%eth0]:0"},
		"IPv4 in IPv6":                    {proxy, lines{"::ffff:203.0.113.7"}, nil, "203.0.113.7:0"},
		"IPv4 in IPv6 with a port":        {proxy, lines{"[::ffff:203.0.113.7]:80"}, nil, "203.0.113.7:80"},
		"quoted":                          {proxy, lines{`"[2001:db8::1]:51234"`}, nil, "[2001:db8::1]:51234"},
		"a list":                          {proxy, lines{"198.51.100.1, 203.0.113.7, 10.2.2.2:99"}, nil, "203.0.113.7:0"},
		"a list without blanks":           {proxy, lines{"198.51.100.1,203.0.113.7,10.2.2.2"}, nil, "203.0.113.7:0"},
		"empty members":                   {proxy, lines{" ,203.0.113.7 , \t, ,"}, nil, "203.0.113.7:0"},
		"several lines":                   {proxy, lines{"198.51.100.1", "203.0.113.7", "10.2.2.2"}, nil, "203.0.113.7:0"},
		"trusted hops alone":              {proxy, lines{"10.3.3.3, 10.2.2.2"}, nil, "10.3.3.3:0"},
		"a proxy on IPv6":                 {"[fd00::1]:4000", lines{"203.0.113.7"}, nil, "203.0.113.7:0"},
		"a proxy with a zone":             {"[fe80::1%eth0]:4000", lines{"203.0.113.7"}, nil, "203.0.113.7:0"},
		"a proxy as IPv4 in IPv6":         {"[::ffff:10.0.0.1]:4000", lines{"203.0.113.7"}, nil, "203.0.113.7:0"},
		"an untrusted address":            {untrusted, lines{"203.0.113.7"}, lines{"for=203.0.113.7"}, untrusted},
		"an untrusted address, forwarded": {proxy, lines{"127.0.0.1, 203.0.113.7"}, nil, "203.0.113.7:0"},
		"unknown":                         {proxy, lines{"203.0.113.7, unknown"}, nil, proxy},
		"a name":                          {proxy, lines{"203.0.113.7, proxy.example"}, nil, proxy},
		"unknown before a trusted hop":    {proxy, lines{"unknown, 10.2.2.2"}, nil, "10.2.2.2:0"},
		"Forwarded":                       {proxy, nil, lines{"for=203.0.113.7"}, "203.0.113.7:0"},
		"Forwarded with a port":           {proxy, nil, lines{`for="203.0.113.7:51234"`}, "203.0.113.7:51234"},
		"Forwarded with IPv6":             {proxy, nil, lines{`For="[2001:db8:cafe::17]:4711"`}, "[2001:db8:cafe::17]:4711"},
		"Forwarded with IPv6, no port":    {proxy, nil, lines{`for="[2001:db8:cafe::17]"`}, "[2001:db8:cafe::17]:0"},
		"Forwarded with a hidden port":    {proxy, nil, lines{`for="203.0.113.7:_x"`}, "203.0.113.7:0"},
		"Forwarded with more":             {proxy, nil, lines{`by=203.0.113.43; FOR = 203.0.113.7 ;proto=http;host="a,b;for=1.1.1.1\""`}, "203.0.113.7:0"},
		"Forwarded as a list":             {proxy, nil, lines{`for=198.51.100.1, for="203.0.113.7", ,for=10.2.2.2;proto=https`}, "203.0.113.7:0"},
		"Forwarded on several lines":      {proxy, nil, lines{"for=198.51.100.1", "for=203.0.113.7", "for=10.2.2.2"}, "203.0.113.7:0"},
		"Forwarded, unknown":              {proxy, nil, lines{"for=203.0.113.7, for=unknown"}, proxy},
		"Forwarded, obfuscated":           {proxy, nil, lines{"for=203.0.113.7, for=_hidden"}, proxy},
		"Forwarded without for":           {proxy, nil, lines{"for=203.0.113.7, proto=https"}, proxy},
		"Forwarded with an open quote":    {proxy, nil, lines{`for=203.0.113.7;host=", for=198.51.100.1`}, proxy},
		"Forwarded with a joined quote":   {proxy, nil, lines{`for=203.0.113.7;host=", for="[2001:db8::1]"`}, proxy},
		"Forwarded, broken before ours":   {proxy, nil, lines{`for="`, "for=203.0.113.7"}, "203.0.113.7:0"},
		"Forwarded that is no pair":       {proxy, nil, lines{"203.0.113.7"}, proxy},
		"X-Forwarded-For before another":  {proxy, lines{"203.0.113.7"}, lines{"for=198.51.100.1"}, "203.0.113.7:0"},
		"X-Forwarded-For that is blank":   {proxy, lines{" "}, lines{"for=203.0.113.7"}, "203.0.113.7:0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"], r.Header["Forwarded"] = c.forwardedFor, c.forwarded
			var got string
			realAddress(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).
				ServeHTTP(httptest.NewRecorder(), r)
			if got != c.want {
				t.Errorf("the client is %s, want %s", got, c.want)
			}
		})
	}
}
