package forwardauth

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestACookieIsOfTheGrantThatItWasGivenForThoughItsIDIsGivenOutAgain(t *testing.T) {
	db := storetest.SQLite(t)
	f := servicetest.SetUp(t, db)
	ctx := eventtest.Context(t)
	wiki, _ := f.A.AddClient(t, domain.Client{
		ClientID: "wiki", GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"https://wiki.example" + callbackPath},
	})
	sealer, err := newSealer(make([]byte, 32))
	servicetest.Must(t, err)
	s := &Surface{Config{Registry: f.A.Registry, Directory: f.A.Directory, Grants: db, Sessions: f.A.Sessions, Now: f.Clock}, sealer}
	_, begun, err := f.A.Sessions.Start(ctx, domain.Authentication{User: f.Alice, Methods: []string{"pwd"}, ACR: "1", At: f.Clock(), Via: "password"}, session.Browser{})
	servicetest.Must(t, err)
	grant, err := db.InsertGrant(ctx, domain.Grant{
		ClientID: wiki.ID, UserID: f.Alice.ID, SessionID: begun.ID, SID: begun.SID, CreatedAt: f.Clock(), ExpiresAt: f.Clock().Add(time.Hour),
	})
	servicetest.Must(t, err)
	f.A.Refresh(t)
	app, err := s.application(ctx, "wiki", "wiki.example")
	servicetest.Must(t, err)
	signedIn := func(name string) error {
		cookie := http.Cookie{Name: app.cookies.name(cookieSignIn), Value: sealer.seal(sealedSignIn, signIn{Host: "wiki.example", Grant: grant, Session: name})}
		_, _, err := s.signedIn(ctx, app, &asked{host: "wiki.example", header: http.Header{"Cookie": {cookie.String()}}})
		return err
	}
	servicetest.Must(t, signedIn(begun.SID))
	for _, other := range []string{"", "00112233445566778899"} { // of a session that a failover lost
		if err := signedIn(other); !errors.Is(err, domain.ErrRevoked) {
			t.Errorf("a cookie of session %q opens the grant of %q: %v", other, begun.SID, err)
		}
	}
}
