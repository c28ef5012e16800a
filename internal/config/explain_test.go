package config

import (
	"strings"
	"testing"
)

func TestEverySettingIsExplainedInPlainText(t *testing.T) {
	for _, s := range Default().Settings() {
		if s.About == "" || strings.Contains(s.About, "\n") || s.From != FromDefault {
			t.Errorf("%s from %s: %q", s.Key, s.From, s.About)
		}
	}
	if about := explanations()["listen"]; !strings.HasPrefix(about, "Where the server listens") {
		t.Errorf("listen is explained by the head of the file: %q", about)
	}
}

func TestASettingSaysWhereItComesFrom(t *testing.T) {
	c, err := Load(Sources{
		File:    write(t, "tokens: {access_ttl: 1m, id_ttl: 1m, code_ttl: 1m}"),
		Environ: []string{"SIGNET_TOKENS_ACCESS_TTL=2m", "SIGNET_TOKENS_ID_TTL=2m", "SIGNET_MASTER_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "SIGNET_DATABASE_URL=postgres://a:geheim@localhost/x"},
		Flags:   map[string]string{"tokens.access_ttl": "3m"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"tokens.access_ttl": FromFlag, "tokens.id_ttl": FromEnvironment, "tokens.code_ttl": FromFile, "listen": FromDefault, "database": FromEnvironment}
	for _, s := range c.Settings() {
		if w, ok := want[s.Key]; ok && s.From != w {
			t.Errorf("%s comes from %s, want %s", s.Key, s.From, w)
		}
		if strings.Contains(s.Value, "geheim") || strings.Contains(s.Value, "AAAA") {
			t.Errorf("%s shows a secret: %s", s.Key, s.Value)
		}
	}
}
