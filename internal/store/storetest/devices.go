package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// deviceRequest stores a request of the world's client.
func (w world) deviceRequest(tb testing.TB, db *store.DB, name string) domain.DeviceRequest {
	tb.Helper()
	r := domain.DeviceRequest{
		DeviceCode: []byte("device " + name), UserCode: []byte("user " + name), ClientID: w.client, Client: "shop",
		APIs: []domain.GrantAPI{{Audience: audience, Scopes: []string{"openid", "orders:read"}}, {Audience: "https://id.example"}}, Nonce: "n", IP: "192.0.2.1", UserAgent: "TV/1", Interval: 5 * time.Second,
		CreatedAt: t0, ExpiresAt: t0.Add(10 * time.Minute),
	}
	r.ID = must(db.InsertDeviceRequest(tb.Context(), r))(tb)
	return r
}

var deviceTests = map[string]func(*testing.T, *store.DB){
	"a request is found by each of its codes, as it was stored": func(t *testing.T, db *store.DB) {
		want := makeWorld(t, db).deviceRequest(t, db, "a")
		same(t, must(db.FindDeviceRequest(t.Context(), want.ID))(t), want)
		same(t, must(db.FindDeviceCode(t.Context(), want.DeviceCode))(t), want)
		same(t, must(db.FindUserCode(t.Context(), want.UserCode))(t), want)
		_, err := db.FindDeviceCode(t.Context(), want.UserCode)
		wantErr(t, err, domain.ErrNotFound)
		_, err = db.FindUserCode(t.Context(), want.DeviceCode)
		wantErr(t, err, domain.ErrNotFound)
	},
	"no two requests have the same code": func(t *testing.T, db *store.DB) {
		r := makeWorld(t, db).deviceRequest(t, db, "a")
		r.DeviceCode = []byte("another")
		_, err := db.InsertDeviceRequest(t.Context(), r)
		wantErr(t, err, domain.ErrExists)
	},
	"a poll that comes too soon makes the interval longer, for good": func(t *testing.T, db *store.DB) {
		r := makeWorld(t, db).deviceRequest(t, db, "a")
		poll := func(after time.Duration) bool {
			return must(db.NoteDevicePoll(t.Context(), r.ID, t0.Add(after), 5*time.Second))(t)
		}
		same(t, poll(0), false)
		same(t, poll(4*time.Second), false) // a fifth is left to networks
		same(t, poll(7*time.Second), true)
		same(t, must(db.FindDeviceRequest(t.Context(), r.ID))(t).Interval, 10*time.Second)
		same(t, poll(14*time.Second), true) // as it would have been before
		same(t, poll(26*time.Second), false)
		same(t, must(db.FindDeviceRequest(t.Context(), r.ID))(t).Interval, 15*time.Second)
	},
	"of many polls at once one is in time": func(t *testing.T, db *store.DB) {
		r := makeWorld(t, db).deviceRequest(t, db, "a")
		inTime, _ := parallel(20, func(int) error {
			tooSoon, err := db.NoteDevicePoll(t.Context(), r.ID, t0, time.Second)
			if tooSoon {
				return errors.New("too soon")
			}
			return err
		})
		same(t, inTime, 1)
		same(t, must(db.FindDeviceRequest(t.Context(), r.ID))(t).Interval, (5+19)*time.Second)
	},
	"a request is answered once, before it expires": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		r, late := w.deviceRequest(t, db, "a"), w.deviceRequest(t, db, "b")
		r.GrantID, r.AnsweredBy, r.AnsweredAt, r.ExpiresAt = w.grant(t, db), w.user, t0.Add(time.Minute), t0.Add(11*time.Minute)
		onlyOneWins(t, domain.ErrConsumed, func(int) error { return db.AnswerDeviceRequest(t.Context(), r) })
		same(t, must(db.FindDeviceRequest(t.Context(), r.ID))(t), r)

		late.AnsweredBy, late.AnsweredAt = w.user, late.ExpiresAt
		wantErr(t, db.AnswerDeviceRequest(t.Context(), late), domain.ErrConsumed)
		late.AnsweredAt = late.ExpiresAt.Add(-time.Microsecond)
		check(t, db.AnswerDeviceRequest(t.Context(), late))
		same(t, must(db.FindDeviceRequest(t.Context(), late.ID))(t), late)
	},
	"a request that was allowed is used once, no other": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		r, pending := w.deviceRequest(t, db, "a"), w.deviceRequest(t, db, "b")
		r.GrantID, r.AnsweredBy, r.AnsweredAt = w.grant(t, db), w.user, t0
		check(t, db.AnswerDeviceRequest(t.Context(), r))
		onlyOneWins(t, domain.ErrConsumed, func(int) error { return db.UseDeviceRequest(t.Context(), r.ID, t0) })
		r.UsedAt = t0
		same(t, must(db.FindDeviceRequest(t.Context(), r.ID))(t), r)
		wantErr(t, db.UseDeviceRequest(t.Context(), pending.ID, t0), domain.ErrNotFound)
	},
	"requests go with their client and when they have expired, limits when they mean nothing": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		r := w.deviceRequest(t, db, "a")
		must(db.Spend(t.Context(), t0, domain.Limit{Bucket: "b", Interval: time.Minute, Burst: 1}))(t)
		same(t, must(db.Purge(t.Context(), t0.Add(time.Minute), 10))(t), 0)
		same(t, must(db.Purge(t.Context(), t0.Add(time.Minute+time.Microsecond), 10))(t), 1)
		same(t, must(db.Purge(t.Context(), r.ExpiresAt.Add(time.Microsecond), 10))(t), 1)
		other := w.deviceRequest(t, db, "b")
		check(t, db.DeleteClients(t.Context(), []string{"shop"}))
		_, err := db.FindDeviceRequest(t.Context(), other.ID)
		wantErr(t, err, domain.ErrNotFound)
	},
	"a limit lets a burst through, then one in each interval": func(t *testing.T, db *store.DB) {
		limit := domain.Limit{Bucket: "b", Interval: time.Minute, Burst: 3}
		spend := func(at time.Time) error { _, err := db.Spend(t.Context(), at, limit); return err }
		succeeded, failed := parallel(20, func(int) error { return spend(t0) })
		same(t, succeeded, 3)
		for _, err := range failed {
			wantErr(t, err, domain.ErrBusy)
		}
		wait, err := db.Spend(t.Context(), t0.Add(time.Second), limit)
		wantErr(t, err, domain.ErrBusy)
		same(t, wait, 59*time.Second)
		check(t, spend(t0.Add(time.Minute)))
		wantErr(t, spend(t0.Add(time.Minute)), domain.ErrBusy)
		for range 3 { // after an hour no more than a burst
			check(t, spend(t0.Add(time.Hour)))
		}
		wantErr(t, spend(t0.Add(time.Hour)), domain.ErrBusy)
	},
	"what one limit does not let through counts in no other, nor what is rolled back": func(t *testing.T, db *store.DB) {
		narrow, wide := domain.Limit{Bucket: "n", Interval: time.Minute, Burst: 1}, domain.Limit{Bucket: "w", Interval: time.Minute, Burst: 2}
		must(db.Spend(t.Context(), t0, narrow, wide))(t)
		for range 5 {
			_, err := db.Spend(t.Context(), t0, wide, narrow)
			wantErr(t, err, domain.ErrBusy)
		}
		undone := errors.New("undone")
		for range 5 {
			wantErr(t, db.Tx(t.Context(), func(ctx context.Context) error {
				_, err := db.Spend(ctx, t0, wide)
				return errors.Join(err, undone)
			}), undone)
		}
		must(db.Spend(t.Context(), t0, wide))(t)
		_, err := db.Spend(t.Context(), t0, wide)
		wantErr(t, err, domain.ErrBusy)
	},
}
