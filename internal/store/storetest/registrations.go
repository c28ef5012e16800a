package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var registrationTests = map[string]func(*testing.T, *store.DB){
	"an invitation is used as often as it may be, until it expires": func(t *testing.T, db *store.DB) {
		given := domain.Invitation{Hash: "h1", Note: "Editors", MaxUses: 2, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour)}
		given.ID = must(db.InsertInvitation(t.Context(), given))(t)
		other := must(db.InsertInvitation(t.Context(), domain.Invitation{Hash: "h2", MaxUses: 9, CreatedAt: t0, ExpiresAt: t0}))(t)
		for hash, now := range map[string]time.Time{"h1": t0.Add(time.Hour), "h3": t0} {
			wantErr(t, db.CheckInvitation(t.Context(), hash, now), domain.ErrNotFound)
		}
		check(t, db.CheckInvitation(t.Context(), "h1", t0))
		_, err := db.UseInvitation(t.Context(), "h1", t0.Add(time.Hour))
		wantErr(t, err, domain.ErrNotFound)
		same(t, must(db.UseInvitation(t.Context(), "h1", t0))(t), given.ID)
		same(t, must(db.UseInvitation(t.Context(), "h1", t0))(t), given.ID)
		wantErr(t, db.CheckInvitation(t.Context(), "h1", t0), domain.ErrNotFound)
		_, err = db.UseInvitation(t.Context(), "h1", t0)
		wantErr(t, err, domain.ErrNotFound)
		given.Uses = 2
		same(t, must(db.ListInvitations(t.Context(), domain.Page{Limit: 1}))(t), []domain.Invitation{given})
		same(t, must(db.ListInvitations(t.Context(), domain.Page{After: text(given.ID), Limit: 9}))(t)[0].ID, other)
		check(t, db.DeleteInvitation(t.Context(), given.ID))
		wantErr(t, db.DeleteInvitation(t.Context(), given.ID), domain.ErrNotFound)
		must(db.Purge(t.Context(), t0.Add(30*24*time.Hour), 9))(t)
		same(t, len(must(db.ListInvitations(t.Context(), domain.Page{Limit: 9}))(t)), 1)
		must(db.Purge(t.Context(), t0.Add(30*24*time.Hour+time.Microsecond), 9))(t)
		same(t, len(must(db.ListInvitations(t.Context(), domain.Page{Limit: 9}))(t)), 0)
	},
	"clients that registered themselves are unused after their last use, or soon if there was none": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		day := func(n int) time.Time { return t0.Add(time.Duration(n) * 24 * time.Hour) }
		ids := map[string]int64{}
		for name, made := range map[string]domain.Client{
			"used": {Origin: domain.OriginMetadata}, "never used": {Origin: domain.OriginRegistration},
			"banned": {Origin: domain.OriginMetadata, DisabledAt: t0}, "ours": {},
		} {
			made.ClientID, made.CreatedAt, made.IDTokenAlg = name, t0, domain.ES256
			ids[name] = must(db.InsertClient(t.Context(), made))(t)
		}
		before := revision(t, db)
		check(t, db.TouchClient(t.Context(), ids["used"], day(2)))
		check(t, db.TouchClient(t.Context(), ids["used"], day(1)))
		check(t, db.TouchClient(t.Context(), ids["used"], day(3).Add(-time.Second))) // of a replica that does not know
		check(t, db.TouchClient(t.Context(), ids["ours"], day(2)))
		same(t, revision(t, db), before)
		same(t, must(db.FindClient(t.Context(), "used"))(t).LastUsedAt, day(2))
		same(t, must(db.FindClient(t.Context(), "ours"))(t).LastUsedAt, day(2))
		same(t, must(db.CountSelfRegistered(t.Context()))(t), 3)
		unused := func(used, created time.Time) int {
			return len(must(db.UnusedClients(t.Context(), used, created, 9))(t))
		}
		same(t, unused(day(2), t0), 0)
		same(t, must(db.UnusedClients(t.Context(), day(2), day(1), 9))(t), []string{"never used"})
		same(t, unused(day(3), day(1)), 2)
		same(t, must(db.UnusedClients(t.Context(), day(3), t0, 9))(t), []string{"used"})
	},
}
