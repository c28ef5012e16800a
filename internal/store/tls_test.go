package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHostsThatAreReachedInClearAreNamed(t *testing.T) {
	for url, want := range map[string][]string{
		"postgres://db.example/signet":                                            {"db.example"}, // pgx prefers TLS, and does without
		"postgres://db.example/signet?sslmode=disable":                            {"db.example"},
		"postgres://db.example/signet?sslmode=prefer":                             {"db.example"},
		"postgres://db.example/signet?sslmode=allow":                              {"db.example"},
		"postgres://db.example/signet?sslmode=require":                            nil,
		"postgres://db.example/signet?sslmode=verify-full":                        nil,
		"postgres://a.example,127.0.0.1,b.example:5433/signet?sslmode=disable":    {"a.example", "b.example"},
		"postgres://localhost/signet?sslmode=disable":                             nil,
		"postgres://[::1]/signet?sslmode=disable":                                 nil,
		"postgres://127.0.0.2/signet":                                             nil,
		"postgres:///signet?host=/run/postgresql":                                 nil,
		"postgres:///signet?host=10.0.0.7&sslmode=disable":                        {"10.0.0.7"},
		"sqlite:/tmp/x.db":                                                        nil,
		"postgres://db.example/signet?sslmode=disable&host=127.0.0.1,db2.example": {"db2.example"},
	} {
		if diff := cmp.Diff(want, ClearHosts(url)); diff != "" {
			t.Error(url, diff)
		}
	}
	t.Setenv("PGSSLMODE", "verify-full")
	if hosts := ClearHosts("postgres://db.example/signet"); hosts != nil {
		t.Error("the environment says to encrypt:", hosts)
	}
}
