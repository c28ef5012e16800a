package adminui

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountClientSecrets() {
	s.handle("GET /clients/{id}/secrets", "client.find", func(v *visit) error {
		http.Redirect(v.w, v.r, address("clients", v.r.PathValue("id")), http.StatusSeeOther)
		return nil
	})
	s.handle("POST /clients/{id}/secrets", "client.add_secret", addSecret)
	s.handle("GET /clients/{id}/secrets/{secret}/remove", "client.remove_secret", removeSecret)
	s.handle("POST /clients/{id}/secrets/{secret}/remove", "client.remove_secret", removeSecret)
	s.handle("GET /clients/{id}/trusts/{trust}/remove", "client.remove_trust", removeTrust)
	s.handle("POST /clients/{id}/trusts/{trust}/remove", "client.remove_trust", removeTrust)
}

// addSecret answers with a new secret, which no other page shows. A form that was sent before makes no other one.
func addSecret(v *visit) error {
	if !v.isRecent() {
		return nil
	}
	client, err := v.Admin.FindClient(v.ctx(), v.caller, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	back := address("clients", client.ClientID)
	var newest int64
	for _, s := range client.Secrets {
		newest = max(newest, s.ID)
	}
	if v.r.PostForm.Get("newest") != strconv.FormatInt(newest, 10) {
		return v.explained(fmt.Errorf("%w form: the client got another secret meanwhile, or this form was sent before", domain.ErrInvalid), back)
	}
	var until time.Time
	if text := v.r.PostForm.Get("until"); text != "" {
		if until, err = time.Parse(time.DateOnly, text); err != nil {
			return v.explained(fmt.Errorf("%w date: give it as 2027-01-31", domain.ErrInvalid), back)
		}
	}
	added, err := v.Admin.AddSecret(v.ctx(), v.caller, client.ClientID, admin.GivenSecret{}, until)
	if err != nil {
		return v.explained(err, back)
	}
	return v.showSetup(v.text("secret.added", client.ClientID), client, added.Secret)
}

func removeSecret(v *visit) error {
	client, err := v.Admin.FindClient(v.ctx(), v.caller, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(client.Secrets, func(s admin.ClientSecret) bool { return strconv.FormatInt(s.ID, 10) == v.r.PathValue("secret") })
	if i < 0 {
		return domain.ErrNotFound
	}
	secret, back := client.Secrets[i], address("clients", client.ClientID)
	ok := v.confirmed(v.text("secret.remove.title", secret.Hint, client.ClientID), confirmation{
		Lead: v.text("secret.remove.lead"), Undone: v.undone(client.ManagedBy), Submit: v.text("secret.remove.submit"), Cancel: back,
	})
	if !ok {
		return nil
	}
	if err := v.Admin.RemoveSecret(v.ctx(), v.caller, client.ClientID, secret.ID); err != nil {
		return v.explained(err, back)
	}
	return v.done("secret.removed", "clients", client.ClientID)
}

func removeTrust(v *visit) error {
	client, err := v.Admin.FindClient(v.ctx(), v.caller, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(client.Trusts, func(t admin.ClientTrust) bool { return strconv.FormatInt(t.ID, 10) == v.r.PathValue("trust") })
	if i < 0 {
		return domain.ErrNotFound
	}
	trust, back := client.Trusts[i], address("clients", client.ClientID)
	ok := v.confirmed(v.text("trust.remove.title", trust.Issuer, client.ClientID), confirmation{
		Lead: v.text("trust.remove.lead"), Undone: v.undone(client.ManagedBy), Submit: v.text("trust.remove.submit"), Cancel: back,
	})
	if !ok {
		return nil
	}
	if err := v.Admin.RemoveTrust(v.ctx(), v.caller, client.ClientID, trust.ID); err != nil {
		return v.explained(err, back)
	}
	return v.done("trust.removed", "clients", client.ClientID)
}
