package forwardauth

import (
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestAnApplicationIsAClientThatSignsPeopleInAtTheHost(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	s := &Surface{Config: Config{Registry: f.A.Registry}}
	callbacks := []string{"https://wiki.example" + callbackPath}
	f.A.AddClient(t, domain.Client{ClientID: "wiki", GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: callbacks})
	f.A.AddClient(t, domain.Client{ClientID: "retired", GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: callbacks})
	servicetest.Must(t, f.A.Registry.DisableClient(eventtest.Context(t), "retired", "test"))
	f.A.AddClient(t, domain.Client{ClientID: "robot", GrantTypes: []string{domain.GrantClientCredentials}, RedirectURIs: callbacks})
	f.A.Refresh(t)
	for _, c := range []struct {
		client, host string
		found        bool
	}{
		{"wiki", "wiki.example", true}, {"wiki", "notes.example", false}, {"robot", "wiki.example", false}, {"retired", "wiki.example", false}, {"none", "wiki.example", false},
	} {
		if app, err := s.application(eventtest.Context(t), c.client, c.host); (err == nil) != c.found || c.found && app.origin != "https://wiki.example" {
			t.Errorf("%s at %s: %+v, %v", c.client, c.host, app, err)
		}
	}
}
