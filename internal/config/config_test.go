package config

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/knadh/koanf/v2"
)

const documented = "../../config/signet.yaml"

func TestDocumentedFileEqualsTheDefaults(t *testing.T) {
	got, err := read(Sources{File: documented})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Config{}, "File", "Origins")); diff != "" {
		t.Error("config/signet.yaml differs from Default() (-default +file):\n", diff)
	}
}

func TestDocumentedFileHasEverySetting(t *testing.T) {
	file := koanf.New(".")
	if err := loadFile(file, documented); err != nil {
		t.Fatal(err)
	}
	for _, s := range Default().Settings() {
		if !file.Exists(s.Key) {
			t.Errorf("%s is missing in config/signet.yaml", s.Key)
		}
	}
}

func write(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signet.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsComeBeforeEnvironmentBeforeFileBeforeDefaults(t *testing.T) {
	from := Sources{
		File:    write(t, "tokens: {access_ttl: 1m, id_ttl: 1m, code_ttl: 1m}\ntrusted_proxies: [10.1.2.3/8, '::1', '::ffff:192.0.2.1/120']"),
		Environ: []string{"SIGNET_TOKENS_ACCESS_TTL=2m", "SIGNET_TOKENS_ID_TTL=2m", "SIGNET_LOG_LEVEL=", "HOME=/root"},
		Flags:   map[string]string{"tokens.access_ttl": "3m"},
	}
	c, err := Load(from)
	if err != nil {
		t.Fatal(err)
	}
	got := []time.Duration{c.Tokens.AccessTTL, c.Tokens.IDTTL, c.Tokens.CodeTTL, c.Tokens.RefreshIdleTTL}
	want := []time.Duration{3 * time.Minute, 2 * time.Minute, time.Minute, Default().Tokens.RefreshIdleTTL}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := fmt.Sprint(c.TrustedProxies); got != "[10.0.0.0/8 ::1/128 192.0.2.0/24]" {
		t.Error("trusted proxies:", got)
	}
}

func TestFileMayBeNamedByTheEnvironment(t *testing.T) {
	file := write(t, "cache_size: 123")
	c, err := Load(Sources{Environ: []string{"SIGNET_CONFIG=" + file}})
	if err != nil || c.CacheSize != 123 || c.File != file {
		t.Error(c.CacheSize, c.File, err)
	}
}

func TestSectionsMayBeWrittenWithDots(t *testing.T) {
	file := write(t, "log.format: json\ntokens:\ntokens.access_ttl: 5m\nsessions: {}\nlisten:")
	for range 20 { // as the order of a map varies
		c, err := Load(Sources{File: file, Environ: []string{"SIGNET_TOKENS_ACCESS_TTL=6m"}})
		if err != nil || c.Log.Format != "json" || c.Tokens.AccessTTL != 6*time.Minute {
			t.Fatal(c.Log.Format, c.Tokens.AccessTTL, err)
		}
	}
}

func TestWhatIsEmptyFollowsFromOtherSettings(t *testing.T) {
	tests := []struct {
		flags              map[string]string
		issuer, db, master string
	}{
		{nil, "http://127.0.0.1:8080", "sqlite:signet-data/signet.db", "signet-data/master.key"},
		{map[string]string{"listen": "0.0.0.0:81", "trusted_proxies": "10.0.0.1"}, "http://localhost:81", "sqlite:signet-data/signet.db", "signet-data/master.key"},
		{map[string]string{"listen": ":81", "trusted_proxies": "10.0.0.1"}, "http://localhost:81", "sqlite:signet-data/signet.db", "signet-data/master.key"},
		{map[string]string{"listen": "[::]:81", "trusted_proxies": "10.0.0.1"}, "http://localhost:81", "sqlite:signet-data/signet.db", "signet-data/master.key"},
		{map[string]string{"listen": ":81", "tls.cert_file": "/c", "tls.key_file": "/k"}, "https://localhost:81", "sqlite:signet-data/signet.db", "signet-data/master.key"},
		{map[string]string{"listen": "[::1]:81"}, "http://[::1]:81", "sqlite:signet-data/signet.db", "signet-data/master.key"},
		{map[string]string{"data_dir": "/d", "issuer": "https://a.example"}, "https://a.example", "sqlite:/d/signet.db", "/d/master.key"},
		{map[string]string{"database": "postgres://h/d", "master_key_file": "/k"}, "http://127.0.0.1:8080", "postgres://h/d", "/k"},
	}
	for _, test := range tests {
		c, err := Load(Sources{Flags: test.flags})
		if err != nil {
			t.Error(test.flags, err)
			continue
		}
		if c.Issuer != test.issuer || string(c.Database) != test.db || c.MasterKeyFile != test.master {
			t.Error(test.flags, c.Issuer, c.Database, c.MasterKeyFile)
		}
	}
}

func TestCertificatesAreForTheIssuersHostUnlessOthersAreNamed(t *testing.T) {
	for file, want := range map[string]string{
		"issuer: https://id.example:8443/auth\ntls: {acme: {agree_terms: true}}":                               "[id.example]",
		"issuer: https://id.example\ntls: {acme: {agree_terms: true, domains: [www.example, id.example]}}":     "[www.example id.example]",
		"issuer: 'https://[fd00::1]'\ntls: {acme: {agree_terms: true, directory: 'https://ca.internal/acme'}}": "[fd00::1]",
		"tls:\n  acme:\nissuer: https://id.example":                                                            "[]",
		"tls: {acme.agree_terms: true}\nissuer: https://id.example\nlisten: 0.0.0.0:443":                       "[id.example]",
	} {
		c, err := Load(Sources{File: write(t, file)})
		if err != nil || fmt.Sprint(c.TLS.ACME.Domains) != want {
			t.Error(file, c.TLS.ACME.Domains, err)
		}
	}
	c, err := Load(Sources{Flags: map[string]string{"tls.dev": "true"}})
	if err != nil || c.Issuer != "https://127.0.0.1:8080" {
		t.Error("for development:", c.Issuer, err)
	}
}

func TestErrorsNameTheSettingAndWhatToDo(t *testing.T) {
	tests := []struct {
		name, file, environ string
		want                []string
	}{
		{"unknown key", "tokens: {acess_ttl: 1m}", "", []string{"tokens.acess_ttl", "did you mean tokens.access_ttl?"}},
		{"unknown section", "logs: {level: info}", "", []string{"logs.level", "did you mean log.level?"}},
		{"unknown variable", "", "SIGNET_ISUER=x", []string{"SIGNET_ISUER", "did you mean SIGNET_ISSUER?"}},
		{"variable cut short", "", "SIGNET_DATABASE=x", []string{"SIGNET_DATABASE ", "did you mean SIGNET_DATABASE_URL?"}},
		{"setting used as a section", "issuer: {url: x}", "", []string{"issuer.url", "did you mean issuer?"}},
		{"section used as a setting", "tokens: 5m", "", []string{"tokens", "is a section"}},
		{"list for a single value", "issuer: [a]", "", []string{"issuer: a single value"}},
		{"number for a duration", "tokens: {access_ttl: 600}", "", []string{"tokens.access_ttl", "not a duration such as"}},
		{"text for a number", "cache_size: many", "", []string{"cache_size", "whole number"}},
		{"log level", "", "SIGNET_LOG_LEVEL=loud", []string{"log.level", "debug, info, warn, error"}},
		{"log format", "log: {format: xml}", "", []string{"log.format", "text, json"}},
		{"proxy", "", "SIGNET_TRUSTED_PROXIES=proxy.example", []string{"trusted_proxies", "10.0.0.0/8"}},
		{"access too short", "tokens: {access_ttl: 29s}", "", []string{"tokens.access_ttl", "between 30s and 24h"}},
		{"access too long", "tokens: {access_ttl: 25h}", "", []string{"tokens.access_ttl"}},
		{"code too long", "tokens: {code_ttl: 11m}", "", []string{"tokens.code_ttl"}},
		{"idle past absolute", "tokens: {refresh_idle_ttl: 2h, refresh_absolute_ttl: 1h}", "", []string{"tokens.refresh_idle_ttl"}},
		{"status too short", "tokens: {status_ttl: 999ms}", "", []string{"tokens.status_ttl", "between 1s and 1h"}},
		{"status too long", "tokens: {status_ttl: 61m}", "", []string{"tokens.status_ttl"}},
		{"passwords too short", "passwords: {min_length: 7}", "", []string{"passwords.min_length", "between 8 and 128"}},
		{"several at once", "cache_size: 1\nlog: {format: xml}", "", []string{"cache_size", "log.format"}},
		{"listen without a port", "listen: localhost", "", []string{"listen", "host:port"}},
		{"Envoy without a port", "ext_authz_listen: localhost", "", []string{"ext_authz_listen", "host:port"}},
		{"everybody as a proxy", "trusted_proxies: [10.0.0.1, 0.0.0.0/0]", "", []string{"trusted_proxies", "0.0.0.0/0", "proxies alone"}},
		{"everybody of IPv6 as a proxy", "trusted_proxies: ['::/0']", "", []string{"trusted_proxies", "::/0"}},
		{"metrics on the server's address", "listen: 127.0.0.1:81\nmetrics: {listen: '127.0.0.1:81'}", "", []string{"metrics.listen", "taken by listen", "port of its own"}},
		{"metrics under a wildcard", "listen: 127.0.0.1:81\nmetrics: {listen: ':81'}", "", []string{"metrics.listen", "taken by listen"}},
		{"Envoy under a wildcard", "listen: 0.0.0.0:81\ntrusted_proxies: [10.0.0.1]\next_authz_listen: 127.0.0.1:81", "", []string{"ext_authz_listen", "taken by listen"}},
		{"redirect from the metrics", "metrics: {listen: '[::1]:81'}\ntls: {dev: true, redirect_from: '[::]:81'}", "", []string{"tls.redirect_from", "taken by metrics.listen"}},
		{"plain HTTP to others", "listen: 0.0.0.0:8080", "", []string{"listen", "tls.cert_file", "trusted_proxies", "127.0.0.1"}},
		{"plain HTTP to others by a name", "listen: login.internal:8080", "", []string{"listen", "without HTTPS"}},
		{"certificate without a key", "tls: {cert_file: /c}", "", []string{"tls", "key_file", "together"}},
		{"issuer on http with a certificate", "tls: {cert_file: /c, key_file: /k}\nissuer: http://localhost:8080", "", []string{"issuer", "https"}},
		{"two ways to a certificate", "tls: {cert_file: /c, key_file: /k, dev: true}", "", []string{"tls", "keep one of them"}},
		{"development for others", "tls: {dev: true}\nissuer: https://id.example", "", []string{"tls.dev", "this machine", "tls.acme"}},
		{"development by an address of others", "tls: {dev: true}\nlisten: 10.0.0.1:443", "", []string{"tls.dev"}},
		{"ACME with half an account", "tls: {acme: {agree_terms: true, eab_key_id: kid}}\nissuer: https://id.example", "", []string{"tls.acme.eab_key_id", "belong together"}},
		{"ACME with an odd account", "tls: {acme: {agree_terms: true, eab_key_id: 'a b', eab_key_file: /etc/mac.key}}\nissuer: https://id.example", "", []string{"tls.acme.eab_key_id", "without blanks"}},
		{"an account without ACME", "tls: {acme: {eab_key_id: kid, eab_key_file: /etc/mac.key}}", "", []string{"tls.acme.agree_terms", "must be true"}},
		{"ACME without terms", "tls: {acme: {email: ops@id.example}}", "", []string{"tls.acme.agree_terms", "must be true"}},
		{"ACME for this machine", "tls: {acme: {agree_terms: true}}", "", []string{"tls.acme.domains", "127.0.0.1", "set the issuer"}},
		{"ACME on http", "tls: {acme: {agree_terms: true}}\nissuer: http://localhost", "", []string{"issuer", "must be https"}},
		{"ACME without the issuer's host", "tls: {acme: {agree_terms: true, domains: [a.example]}}\nissuer: https://id.example", "", []string{"tls.acme.domains", `must have "id.example"`}},
		{"ACME for a wildcard", "tls: {acme: {agree_terms: true, domains: [id.example, '*.example']}}\nissuer: https://id.example", "", []string{"tls.acme.domains", "name each host"}},
		{"ACME for no host", "tls: {acme: {agree_terms: true, domains: [id.example, 'a b', 'Ä.example']}}\nissuer: https://id.example", "", []string{"no host name", "use xn--4ca.example"}},
		{"ACME in clear", "tls: {acme: {agree_terms: true, directory: 'http://ca.internal/'}}\nissuer: https://id.example", "", []string{"tls.acme.directory", "https address"}},
		{"ACME by no address", "tls: {acme: {agree_terms: true, email: 'Ops <ops@id.example>'}}\nissuer: https://id.example", "", []string{"tls.acme.email"}},
		{"redirect without a certificate", "tls: {redirect_from: '0.0.0.0:80'}", "", []string{"tls.redirect_from", "tls.cert_file"}},
		{"issuer on http", "issuer: http://login.example", "", []string{"issuer", "https"}},
		{"issuer with a slash", "issuer: https://login.example/", "", []string{"issuer", "slash"}},
		{"issuer with an escaped path", "issuer: https://login.example/a%2Fb", "", []string{"issuer", "path", "not plain"}},
		{"issuer with a path and a slash", "issuer: https://login.example/auth/", "", []string{"issuer", "slash", "use https://login.example/auth"}},
		{"issuer with a query", "issuer: https://login.example?", "", []string{"issuer", "query"}},
		{"issuer with a fragment", "issuer: 'https://login.example#'", "", []string{"issuer", "fragment"}},
		{"issuer with a user", "issuer: https://me@login.example", "", []string{"issuer", "user"}},
		{"issuer that is none", "issuer: login.example", "", []string{"issuer", "not a URL"}},
		{"master key in the file", "master_key: abc", "", []string{"master_key", "SIGNET_MASTER_KEY"}},
		{"master key twice", "master_key_file: k", "SIGNET_MASTER_KEY=abc", []string{"master_key_file", "once"}},
		{"master key by a command and a file", "master_key_file: k\nmaster_key_command: [age]", "", []string{"master_key_file", "master_key_command", "once"}},
		{"master key by a command and a variable", "master_key_command: [age]", "SIGNET_MASTER_KEY=abc", []string{"master_key_command", "once"}},
		{"master key missing", "database: postgres://h/d", "", []string{"master_key_file", "same master key"}},
		{"another database", "database: mysql://h/d", "", []string{"database", "postgres://"}},
		{"two documents", "log: {format: json}\n---\nlisten: 127.0.0.1:1", "", []string{"signet.yaml", "second document"}},
		{"two documents, the first empty", "---\n# nothing\n---\nlisten: 127.0.0.1:1", "", []string{"second document"}},
		{"two documents, the second broken", "log: {format: json}\n---\nlisten: [", "", []string{"second document"}},
		{"database in memory", "database: 'sqlite::memory:'", "", []string{"database", "sqlite::memory:", "name a file"}},
		{"database in a home directory", "database: sqlite:~/x.db", "", []string{"database", "~/x.db", "whole path"}},
		{"database as a file URL", "database: sqlite:file:x.db?mode=ro", "", []string{"database", "not a file: URL"}},
		{"database as a file URL alone", "database: file:/x.db", "", []string{"database", "sqlite:PATH"}},
		{"database as a URL", "database: sqlite:///var/x.db", "", []string{"database", "sqlite:/var/x.db"}},
		{"database with parameters", "database: sqlite:x.db?cache=shared", "", []string{"database", "without parameters"}},
		{"database that is a folder", "database: sqlite:/var/lib/", "", []string{"database", "sqlite:/var/lib/signet.db"}},
		{"database without a path", "database: 'sqlite:'", "", []string{"database", "needs a path"}},
		{"database in a variable's directory", "database: sqlite:$HOME/x.db", "", []string{"database", "$HOME", "whole path"}},
		{"database in a variable in braces", "", "SIGNET_DATABASE_URL=sqlite:/var/${NAME}.db", []string{"database", "${NAME", "whole path"}},
		{"database in a variable of Windows", "database: 'sqlite:%APPDATA%/x.db'", "", []string{"database", "%APPDATA%", "whole path"}},
		{"database after a blank", "database: 'sqlite: x.db'", "", []string{"database", "blank", "write sqlite:x.db"}},
		{"database before a blank", "", "SIGNET_DATABASE_URL=sqlite:x.db ", []string{"database", "blank", "write sqlite:x.db"}},
		{"database before a line's end", "", "SIGNET_DATABASE_URL=sqlite:x.db\n", []string{"database", "blank", "write sqlite:x.db"}},
		{"database before a blank, Postgres", "", "SIGNET_DATABASE_URL=postgres://h/d ", []string{"database", "blank"}},
		{"database percent-encoded", "database: sqlite:%2e.db", "", []string{"database", "no URL", "character itself for %2e"}},
		{"folder in a variable", "data_dir: $HOME/signet", "", []string{"data_dir", "$HOME", "whole path"}},
		{"folder before a blank", "data_dir: '/d '", "", []string{"data_dir", "blank", `write "/d"`}},
		{"key in a variable", "master_key_file: $HOME/key", "", []string{"master_key_file", "$HOME", "whole path"}},
		{"folder in a home directory", "data_dir: ~/signet", "", []string{"data_dir", "whole path"}},
		{"key in a home directory", "master_key_file: ~root/key", "", []string{"master_key_file", "whole path"}},
		{"set with dots and in its section", "tokens.access_ttl: 5m\ntokens: {access_ttl: 6m}", "",
			[]string{"signet.yaml", "tokens.access_ttl is set twice", `"tokens: access_ttl"`, `"tokens.access_ttl"`}},
		{"set in its section and with dots, alike", "tokens: {access_ttl: 6m}\ntokens.access_ttl: 6m", "", []string{"tokens.access_ttl is set twice"}},
		{"set twice in its section", "tokens:\n  access_ttl: 5m\n  access_ttl: 6m", "", []string{"access_ttl", "already defined at line 2"}},
		{"section twice", "tokens: {access_ttl: 5m}\ntokens: {id_ttl: 6m}", "", []string{"tokens", "already defined at line 1"}},
		{"broken file", "tokens: [", "", []string{"signet.yaml", "yaml"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(Sources{File: write(t, test.file), Environ: []string{test.environ}})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestListenersThatDoNotCollideAreTaken(t *testing.T) {
	for listen, shows := range map[string]string{
		"127.0.0.1:81": "127.0.0.1:82", "127.0.0.2:81": "127.0.0.1:81", "[::1]:81": "0.0.0.0:81", "localhost:81": "192.0.2.1:81",
	} {
		if _, err := Load(Sources{Flags: map[string]string{"listen": listen, "metrics.listen": shows}}); err != nil {
			t.Errorf("listen %s and metrics.listen %s: %v", listen, shows, err)
		}
	}
}

func TestPathsWithUncommonCharactersAreTaken(t *testing.T) {
	for flag, value := range map[string]string{
		"data_dir": "/jobs/main%2Ffix", "database": "sqlite:/my data/cost$5 (100%).db", "master_key_file": "/run/a b/key=1",
	} {
		if _, err := Load(Sources{Flags: map[string]string{flag: value}}); err != nil {
			t.Errorf("%s %s: %v", flag, value, err)
		}
	}
}

func TestMissingFileIsAnError(t *testing.T) {
	if _, err := Load(Sources{File: "/nowhere/signet.yaml"}); err == nil || !strings.Contains(err.Error(), "/nowhere/signet.yaml") {
		t.Error(err)
	}
}

func TestVariablesOfKubernetesServiceLinksAreIgnored(t *testing.T) {
	_, err := Load(Sources{Environ: []string{
		"SIGNET_SERVICE_HOST=10.0.0.1", "SIGNET_SERVICE_PORT=80", "SIGNET_SERVICE_PORT_HTTP=80",
		"SIGNET_PORT=tcp://10.0.0.1:80", "SIGNET_PORT_80_TCP_ADDR=10.0.0.1",
		"SIGNET_POSTGRESQL_SERVICE_HOST=fd00::10", "SIGNET_POSTGRESQL_SERVICE_PORT=5432", "SIGNET_POSTGRESQL_SERVICE_PORT_TCP_POSTGRESQL=5432",
		"SIGNET_POSTGRESQL_PORT=tcp://[fd00::10]:5432", "SIGNET_POSTGRESQL_PORT_5432_TCP=tcp://[fd00::10]:5432",
		"SIGNET_POSTGRESQL_PORT_5432_TCP_PROTO=tcp", "SIGNET_POSTGRESQL_PORT_5432_TCP_PORT=5432", "SIGNET_POSTGRESQL_PORT_5432_TCP_ADDR=fd00::10",
		"SIGNET_DNS_2_PORT_53_UDP=udp://10.0.0.1:53", "SIGNET_DNS_2_PORT=udp://10.0.0.1:53", "SIGNET_LOG_LEVEL_PORT=sctp://10.0.0.1:1",
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestVariablesThatOnlyLookLikeServiceLinksAreErrors(t *testing.T) {
	for _, variable := range []string{
		"SIGNET_LISTEN_PORT=8080", "SIGNET_PORT=8080", "SIGNET_PORT=", "SIGNET_SERVICE_HOST=localhost", "SIGNET_POSTGRESQL_HOST=10.0.0.1",
		"SIGNET_POSTGRESQL_SERVICE_PORT=five", "SIGNET_POSTGRESQL_PORT_X_TCP=tcp://10.0.0.1:1", "SIGNET_POSTGRESQL_PORT_5432_TCP_NAME=x",
		"SIGNET_x_PORT=tcp://10.0.0.1:80",
	} {
		name, _, _ := strings.Cut(variable, "=")
		if _, err := Load(Sources{Environ: []string{variable}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

func TestSettingThatIsNamedLikeAServiceLinkIsRead(t *testing.T) {
	c, err := Load(Sources{Environ: []string{"SIGNET_ISSUER=https://id.example.com", "SIGNET_ISSUER_SERVICE_HOST=10.0.0.1"}})
	if err != nil || c.Issuer != "https://id.example.com" {
		t.Error(c.Issuer, err)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	for _, database := range []string{"postgres://signet:hunter2@db/signet", "postgres://db/signet?user=signet&password=hunter2"} {
		c, err := Load(Sources{Environ: []string{"SIGNET_DATABASE_URL=" + database, "SIGNET_MASTER_KEY=hunter2"}})
		if err != nil {
			t.Fatal(err)
		}
		asJSON, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		shown := []string{string(asJSON), fmt.Sprintf("%v %+v %#v %s", c, c, c, c), fmt.Sprint(c.LogValue(), c.Settings())}
		for _, text := range shown {
			if strings.Contains(text, "hunter2") {
				t.Error("shown:", text)
			}
		}
		if string(c.MasterKey) != "hunter2" || string(c.Database) != database {
			t.Error("the values themselves must stay whole")
		}
	}
	// Not even where it is not well-formed, or the driver would take another part of the URL for the password than others do.
	for _, database := range []string{
		"postgres://signet:hunter2%@db/signet", "postgres://u:12#hunter2@h/db", "postgres://u:#hunter2@h/db", "postgres://u:7?hunter2@h/db",
		"postgres://u:12/hunter2@h/db", "postgres://u:1@hunter2@h/db", "postgres://u:1@h/db#hunter2", "postgresql://u:7?password=hunter2@h/db",
	} {
		_, err := Load(Sources{Environ: []string{"SIGNET_DATABASE_URL=" + database, "SIGNET_MASTER_KEY=k"}})
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "percent-encode") {
			t.Errorf("%s: error %v", database, err)
		}
		if shown := DatabaseURL(database).String(); strings.Contains(shown, "hunter2") {
			t.Errorf("%s is shown as %s", database, shown)
		}
	}
}
