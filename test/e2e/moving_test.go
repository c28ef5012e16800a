package e2e

import (
	"net/http"
	"net/url"
	"testing"
)

// Secrets and passwords move here by the hashes that another system has of them.
func TestUsersAndClientsMoveHereByTheirHashes(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		const secret = "correct horse battery"
		s.signetWithInput("$2b$05$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo.\n", "client", "create", "moved", "--secret-hash-stdin",
			"--grant", "client_credentials", "--api", ordersAPI)
		s.signet("assign", "clerk", "--client", "moved")
		moved := client{ID: "moved", Secret: secret}
		form := url.Values{"grant_type": {"client_credentials"}}
		s.post("/oauth2/token", client{ID: "moved", Secret: secret + "x"}, form).wantStatus(t, http.StatusUnauthorized)
		for range 2 {
			s.issued(t, s.post("/oauth2/token", moved, form))
		}

		s.signetWithInput("$pbkdf2-sha256$1000$c2FsdHNhbHRzaGEyNTY$7f8CIFBfpIA.h3BvEgtnhu9liuUDeJe/wQgEYL.7NNg\n", "user", "create", "mover", "--password-hash-stdin")
		for range 2 {
			b := newBrowser(t, s.server)
			b.open(s.url+"/login").submit("username", "mover", "password", secret+"x").shows(http.StatusUnprocessableEntity, "do not match")
			b.open(s.url+"/login").submit("username", "mover", "password", secret).shows(http.StatusOK, "You are signed in.")
		}
	})
}
