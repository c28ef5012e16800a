package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

func TestASearchWithFiltersReadsABoundedPartOfTheNames(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		c := &crowd{DB: db, t: t, n: overFew, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		ctx, yes := t.Context(), true
		db.opTimeout = time.Minute
		c.must(0, db.Migrate(ctx))
		user := c.must(db.InsertUser(ctx, domain.User{Subject: "sub-a", Username: "a", CreatedAt: c.now}))
		c.multiply("users", "username", `CASE WHEN n % 40 = 0 THEN 'b' ELSE 'd' END || n`, "subject", `'sub' || n`, "email", `'mail' || n`, "disabled_at", `1`)
		c.multiply("users", "username", `'b-enabled' || n`, "subject", `'b-sub' || n`, "email", `'b-mail' || n`)
		role := c.must(db.InsertRole(ctx, domain.Role{Name: "clerk"}))
		c.exec(`INSERT INTO assignments (role_id, user_id, created_at) SELECT $1, id, 0 FROM users WHERE disabled_at = 1 OR id = $2`, role, user)
		end := c.now.Add(time.Hour)
		c.must(db.InsertSession(ctx, domain.Session{Hash: []byte("h"), SID: "x", UserID: user, CreatedAt: c.now, LastSeenAt: c.now, ExpiresAt: end}))
		c.multiply("sessions", "hash", c.blob(`n`), "sid", `'sid' || n`, "user_id", `(SELECT MIN(id) FROM users WHERE username = CASE WHEN n % 2 = 0 THEN 'b40' ELSE 'b-enabled7' END)`)

		lists := map[string]func(p domain.Page) (names, places []string, err error){
			"users": func(p domain.Page) (names, places []string, err error) {
				found, err := db.ListUsers(ctx, domain.UserFilter{Disabled: &yes}, p)
				for _, u := range found {
					names, places = append(names, u.Username), append(places, u.Username)
				}
				return names, places, err
			},
			"assignments": func(p domain.Page) (names, places []string, err error) {
				found, err := db.ListAssignments(ctx, domain.AssignmentFilter{Role: "clerk"}, p)
				for _, a := range found {
					names, places = append(names, a.Subject), append(places, a.Place())
				}
				return names, places, err
			},
			"sessions": func(p domain.Page) (names, places []string, err error) {
				found, err := db.ListSessions(ctx, domain.SessionFilter{Now: c.now, SeenAfter: c.now.Add(-time.Hour)}, p)
				for _, s := range found {
					names, places = append(names, s.Username+" "+s.SID), append(places, fmt.Sprintf("%d.%d", micros(s.LastSeenAt), s.ID))
				}
				return names, places, err
			},
		}
		for name, list := range lists {
			all := func(limit int) (forth, back []string, err error) {
				p := domain.Page{Search: "B", Limit: limit}
				var last string
				for {
					names, places, err := list(p)
					if err != nil || len(names) == 0 {
						if err != nil {
							return nil, nil, err
						}
						break
					}
					forth, last = append(forth, names...), places[len(places)-1]
					p.After = last
				}
				p.After, p.Before = "", last
				for {
					names, places, err := list(p)
					if err != nil || len(names) == 0 {
						return forth, back, err
					}
					back, p.Before = append(names, back...), places[0]
				}
			}
			db.searchWindow = 1 << 20
			want, _, err := all(1 << 20)
			c.must(int64(len(want)), err)
			if len(want) < overFew/40 {
				t.Fatalf("%s: only %d are found", name, len(want))
			}
			for window, limit := range map[int]int{1000: 7, 37: 200} {
				db.searchWindow = window
				forth, back, err := all(limit)
				c.must(0, err)
				if !slices.Equal(forth, want) || !slices.Equal(back, want[:len(want)-1]) {
					t.Errorf("%s, window %d: forth %q, back %q, not %q", name, window, forth, back, want)
				}
			}
			db.searchWindow = 3
			if _, _, err := list(domain.Page{Search: "B", Limit: 10_000}); !errors.Is(err, errSearchBroad) {
				t.Errorf("%s: %v, although a page is among more than may be read", name, err)
			}
		}
	})
}

func TestASearchOfAllEventsThatFindsVeryManySaysWhatToDo(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		events := make([]domain.Event, 80)
		for i := range events {
			events[i] = domain.Event{At: time.Unix(int64(i), 0), Actor: "user:alice", Action: "user.update", Target: "user:alice", Details: "{}", Digest: []byte("d")}
		}
		if err := errors.Join(db.Migrate(ctx), db.AppendEvents(ctx, func(domain.Event) []byte { return []byte("h") }, events...)); err != nil {
			t.Fatal(err)
		}
		db.searchWindow = 1
		p := domain.Page{Search: "ali", Limit: 100}
		if _, err := db.FindEvents(ctx, domain.EventFilter{}, p); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), "choose an actor") {
			t.Errorf("%v does not say what to choose", err)
		}
		found, err := db.FindEvents(ctx, domain.EventFilter{Actor: "user:alice", Before: time.Unix(70, 0)}, p)
		if err != nil || len(found) != 70 {
			t.Errorf("with a filter %d are found, error %v", len(found), err)
		}
	})
}
