package config

import (
	"strings"
	"testing"
)

func TestIssuersThatNoClientMatchesAreRefusedWithTheFormToUse(t *testing.T) {
	for issuer, use := range map[string]string{
		"https://id.example.com:443":                         "use https://id.example.com",
		"https://id.example.com:0443":                        "use https://id.example.com",
		"https://id.example.com:":                            "use https://id.example.com",
		"https://id.example.com:08443":                       "use https://id.example.com:8443",
		"http://localhost:80":                                "use http://localhost",
		"http://127.0.0.1:80":                                "use http://127.0.0.1",
		"https://ID.example.com":                             "use https://id.example.com",
		"HTTPS://id.example.com":                             "use https://id.example.com",
		"HTTP://LOCALHOST:8080":                              "use http://localhost:8080",
		"https://id.example.com.":                            "use https://id.example.com",
		"https://id.example.com.:443":                        "use https://id.example.com",
		"http://localhost.:8080":                             "use http://localhost:8080",
		"https://bücher.example":                             "use https://xn--bcher-kva.example",
		"https://BÜCHER.example:443":                         "use https://xn--bcher-kva.example",
		"https://id。example.com":                             "use https://id.example.com",
		"https://b%C3%BCcher.example":                        "use https://xn--bcher-kva.example",
		"https://[2001:DB8::0001]":                           "use https://[2001:db8::1]",
		"https://[2001:db8:0:0:0:0:0:1]:443":                 "use https://[2001:db8::1]",
		"https://me:pw@ID.example.com:443":                   "use https://id.example.com",
		"https://id.example.com:443/":                        "use https://id.example.com",
		"https://id.example.com/.":                           "such as https://id.example.com",
		"https://id.example.com/a/../":                       "such as https://id.example.com",
		"https://id.example.com//":                           "use https://id.example.com",
		"https://id.example.com/auth/":                       "use https://id.example.com/auth",
		"https://ID.example.com:443/a/b//":                   "use https://id.example.com/a/b",
		"https://id.example.com/a//b":                        "such as https://id.example.com/auth",
		"https://id.example.com/a/./b":                       "such as https://id.example.com/auth",
		"https://id.example.com/a/../b":                      "such as https://id.example.com/auth",
		"https://id.example.com/%61uth":                      "such as https://id.example.com/auth",
		"https://id.example.com/a%2Fb":                       "such as https://id.example.com/auth",
		"https://id.example.com/bücher":                      "such as https://id.example.com/auth",
		"https://id.example.com/a b":                         "such as https://id.example.com/auth",
		"https://id.example.com/a;b":                         "such as https://id.example.com/auth",
		"https://id.example.com/auth?":                       "use https://id.example.com",
		"https://id.example.com/oauth2/x":                    "/oauth2, which is one of Signet's own",
		"https://id.example.com/.well-known":                 "/.well-known, which is one of Signet's own",
		"https://id.example.com/" + strings.Repeat("a", 200): "200 at most",
		"https://id.example.com/%2e":                         "such as https://id.example.com",
		"https://id.example.com?x=1":                         "use https://id.example.com",
		"https://id.example.com#x":                           "use https://id.example.com",
		"http://id.example.com:8080":                         "such as https://id.example.com:8080",
		"http://ID.example.com":                              "such as https://id.example.com",
		"https://id%2Eexample.com":                           "not a URL",
		"https:id.example.com":                               "not a URL",
		"https://":                                           "not a URL",
		"https://:8080":                                      "no host name",
		"ftp://id.example.com":                               "not a URL",
		" https://id.example.com":                            "not a URL",
		"https://id.example.com ":                            "not a URL",
		"https://id.example.com\n":                           "not a URL",
		"https://id.example.com:70000":                       "no port",
		"https://id.example.com:0":                           "no port",
		"https://id..example.com":                            "no host name",
		"https://-id.example.com":                            "no host name",
		"https://id,example.com":                             "no host name",
		"https://*.example.com":                              "no host name",
		"https://127.1":                                      "no host name",
		"https://0x7f.0.0.1":                                 "no host name",
		"https://127.0.0.01":                                 "no host name",
		"https://2130706433":                                 "no host name",
		"https://xn--a.example":                              "no host name",
		"https://xn--.example":                               "no host name",
		"https://XN--A-.example":                             "no host name",
		"https://id.xn--a":                                   "no host name",
		"https://my_id.xn--a.example":                        "no host name",
		"https://xn--bcher-kvb.xn--a":                        "no host name",
		"https://XN--BCHER-KVA.example":                      "use https://xn--bcher-kva.example",
		"https://my_bücher.example":                          "use https://xn--my_bcher-95a.example",
		"https://faß.example":                                "use https://xn--fa-hia.example",
		"https://[::ffff:192.0.2.1]":                         "use https://[::ffff:c000:201]",
		"http://[::ffff:127.0.0.1]:8080":                     "use http://[::ffff:7f00:1]:8080",
		"https://[::192.0.2.1]":                              "use https://[::c000:201]",
		"https://[2001:db8:0:1:0:0:0:1]":                     "use https://[2001:db8:0:1::1]",
		"https://[::ffff:0:0]":                               "cannot reach",
		"https://0.0.0.0":                                    "cannot reach",
		"https://[::]":                                       "cannot reach",
		"https://[fe80::1%25eth0]":                           "cannot reach",
	} {
		_, err := Load(Sources{Flags: map[string]string{"issuer": issuer}})
		if err == nil || !strings.Contains(err.Error(), use) || !strings.HasPrefix(err.Error(), "issuer: ") {
			t.Errorf("%q: %v, want %q", issuer, err, use)
		} else if rest := err.Error()[strings.Index(err.Error(), use)+len(use):]; strings.HasPrefix(use, "use") && rest != "" {
			t.Errorf("%q: %v, want %q", issuer, err, use)
		}
	}
}

func TestIssuersThatClientsMatchAreTakenAsTheyAre(t *testing.T) {
	for _, issuer := range []string{
		"https://id.example.com", "https://id.example.com:8443", "https://id.example.com:80", "https://xn--bcher-kva.example",
		"https://signet", "https://my_signet.svc.cluster.local", "https://192.0.2.1", "https://[2001:db8::1]:8443",
		"http://localhost", "http://localhost:8080", "http://127.0.0.1:443", "http://[::1]:8080", "http://[::ffff:7f00:1]:8080",
		"https://ab--cd.example", "https://my_signet.xn--bcher-kva.example",
		"https://id.example.com/auth", "https://id.example.com:8443/Realms/my_realm-1.0~x", "http://localhost:8080/auth/oauth2",
	} {
		c, err := Load(Sources{Flags: map[string]string{"issuer": issuer}})
		if err != nil || c.Issuer != issuer {
			t.Errorf("%q: %q, %v", issuer, c.Issuer, err)
		}
	}
}

func TestIssuerThatFollowsFromListenIsOneThatClientsMatch(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:80": "http://127.0.0.1", ":80": "http://localhost", "LOCALHOST:08080": "http://localhost:8080", "[0:0::1]:80": "http://[::1]",
	} {
		c, err := Load(Sources{Flags: map[string]string{"listen": listen, "trusted_proxies": "10.0.0.1"}})
		if err != nil || c.Issuer != want {
			t.Errorf("%s: %q, %v, want %q", listen, c.Issuer, err, want)
		}
	}
}
