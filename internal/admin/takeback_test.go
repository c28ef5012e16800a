package admin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/servicetest"
)

func TestNobodyTakesBackWhatBelongsToSomebodyWithMorePermissions(t *testing.T) {
	each(t, func(w *world) {
		ctx, operator := t.Context(), caller(t, "tokens:revoke")
		w.AddUser(t, "bob", "")
		robot, _ := w.AddClient(t, domain.Client{ClientID: "robot", GrantTypes: []string{domain.GrantClientCredentials}})
		bob, err := w.Directory.FindUser(ctx, "bob")
		servicetest.Must(t, err)
		issued := time.Now().UTC()
		tokens := map[string]domain.IssuedToken{
			"the user's":   {ID: domain.FirstTokenID(issued), Kind: domain.TokenAccess, UserID: bob.ID, ClientID: robot.ID, ExpiresAt: issued.Add(time.Hour)},
			"the client's": {ID: domain.FirstTokenID(issued.Add(time.Second)), Kind: domain.TokenAccess, ClientID: robot.ID, ExpiresAt: issued.Add(time.Hour)},
		}
		for _, token := range tokens {
			_, err := w.db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{1 << 40})
			servicetest.Must(t, err)
		}
		try := func(want error) {
			t.Helper()
			for name, op := range map[string]func() error{
				"a user's": func() error {
					_, err := w.Revoke(ctx, operator, admin.TokenFilter{Names: index.Names{User: "bob"}}, admin.Revoking{KeepGrants: true})
					return err
				},
				"a client's": func() error {
					_, err := w.Revoke(ctx, operator, admin.TokenFilter{Names: index.Names{Client: "robot"}}, admin.Revoking{KeepGrants: true})
					return err
				},
				"a user's of a client": func() error {
					_, err := w.Revoke(ctx, operator, admin.TokenFilter{Names: index.Names{User: "bob", Client: "robot"}, IssuedSince: issued}, admin.Revoking{})
					return err
				},
				"the chosen": func() error {
					_, err := w.RevokeChosen(ctx, operator, []domain.TokenID{tokens["the client's"].ID, tokens["the user's"].ID})
					return err
				},
				"suspend the user's":   func() error { return w.SuspendToken(ctx, operator, tokens["the user's"].ID) },
				"suspend the client's": func() error { return w.SuspendToken(ctx, operator, tokens["the client's"].ID) },
				"revoke the user's":    func() error { return w.RevokeToken(ctx, operator, tokens["the user's"].ID) },
				"revoke the client's":  func() error { return w.RevokeToken(ctx, operator, tokens["the client's"].ID) },
			} {
				if err := op(); !errors.Is(err, want) && !errors.Is(err, domain.ErrRevoked) {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
			}
		}
		for subject, kind := range map[string]domain.SubjectKind{"bob": domain.SubjectUser, "robot": domain.SubjectClient} {
			servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, kind, subject, time.Time{}))
		}
		try(domain.ErrDenied)
		_, err = w.Revoke(ctx, operator, admin.TokenFilter{}, admin.Revoking{All: true}) // spares nobody
		servicetest.Must(t, err)
		for name, narrow := range map[string]admin.TokenFilter{
			"a role": {Role: domain.RoleAdministrator}, "suspended tokens": {State: domain.TokenSuspended},
			"a moment": {Names: index.Names{Client: "robot"}, IssuedSince: issued, IssuedBefore: issued.Add(time.Second)},
		} {
			if _, err := w.Revoke(ctx, caller(t, "tokens:revoke", "assignments:read"), narrow, admin.Revoking{}); !errors.Is(err, domain.ErrDenied) {
				t.Errorf("%s, which may be one administrator's: %v, want ErrDenied", name, err)
			}
			_, err := w.Revoke(ctx, w.root, narrow, admin.Revoking{})
			servicetest.Must(t, err)
		}
		w.AddUser(t, "root", "correct horse battery")
		servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, domain.SubjectUser, "root", time.Time{}))
		for subject, kind := range map[string]domain.SubjectKind{"bob": domain.SubjectUser, "robot": domain.SubjectClient} {
			servicetest.Must(t, w.Unassign(ctx, w.root, domain.RoleAdministrator, kind, subject))
		}
		try(nil)
	})
}
