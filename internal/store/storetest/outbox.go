package storetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// signal records a change that concerns somebody.
func signal(ctx context.Context, db *store.DB, about ...domain.Concerned) error {
	return signalAt(ctx, db, t0, about...)
}

func signalAt(ctx context.Context, db *store.DB, at time.Time, about ...domain.Concerned) error {
	return db.AppendEvents(ctx, func(domain.Event) []byte { return []byte("hash") }, domain.Event{
		At: at, Actor: "system", Action: "test", Target: "test", Details: "{}", Salt: []byte("salt"), Digest: []byte("digest"),
		Signals: []domain.SecurityEvent{{
			Kind: domain.EventTokenClaimsChange, Reason: "test", Initiator: domain.InitiatorSystem, About: about,
		}},
	})
}

// aReceiver makes APIs, and a receiver that serves them.
func aReceiver(tb testing.TB, db *store.DB, audiences ...string) (apis []int64) {
	tb.Helper()
	for _, audience := range audiences {
		apis = append(apis, must(db.InsertAPI(tb.Context(), domain.API{Audience: audience, SigningAlg: domain.ES256}))(tb))
	}
	client := must(db.InsertClient(tb.Context(), domain.Client{ClientID: "of " + audiences[0], IDTokenAlg: domain.ES256, Serves: audiences}))(tb)
	must(db.InsertReceiver(tb.Context(), domain.Receiver{
		ClientID: client, Method: domain.DeliveryPoll, Events: domain.SecurityEvents, CreatedAt: t0,
	}))(tb)
	return apis
}

// purgeOutbox deletes what is from before a time, and returns how much.
func purgeOutbox(t *testing.T, db *store.DB, before time.Time, limit int) int64 {
	t.Helper()
	acknowledged := must(db.PurgeAcknowledged(t.Context(), limit))(t)
	deleted, _, err := db.PurgeUnacknowledged(t.Context(), before, limit, func(ctx context.Context, r domain.Receiver, through int64) (last int64, err error) {
		entries, _, err := db.ListOutbox(ctx, r.ID, r.Progress.Acked, r.Events, []string{strings.TrimPrefix(r.Client, "of ")}, 10)
		for _, e := range entries {
			if e.Seq <= through {
				last = e.Seq
			}
		}
		return last, err
	})
	check(t, err)
	return acknowledged + deleted
}

var outboxTests = map[string]func(*testing.T, *store.DB){
	"an event waits for receivers until it is purged, and those that miss it are known": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		aReceiver(t, db, "https://a.example")
		aReceiver(t, db, "https://b.example")
		token := func(id, audience string) domain.Concerned {
			return domain.Concerned{Kind: domain.ConcernsToken, Name: id, Audience: audience}
		}
		receivers := func() (all [2]domain.Receiver) {
			t.Helper()
			copy(all[:], must(db.ListReceivers(t.Context(), domain.Page{Limit: 10}))(t))
			return all
		}
		for _, about := range []domain.Concerned{token("1", "https://a.example"), token("2", "https://a.example"), token("3", "https://b.example")} {
			check(t, signal(t.Context(), db, about))
		}
		progress := receivers()[0].Progress
		check(t, db.MoveReceiver(t.Context(), receivers()[0].ID, progress, domain.Progress{Acked: progress.Acked + 1}))
		waiting := func() (ids []string) {
			t.Helper()
			entries, _, err := db.ListOutbox(t.Context(), 0, 0, domain.SecurityEvents, []string{"https://a.example", "https://b.example"}, 10)
			check(t, err)
			for _, e := range entries {
				ids = append(ids, e.Subject)
			}
			return ids
		}
		missed := func() []int64 { r := receivers(); return []int64{r[0].Missed, r[1].Missed} }
		purgeOutbox(t, db, t0, 2)
		same(t, waiting(), []string{"1", "2", "3"})
		purgeOutbox(t, db, t0.Add(time.Microsecond), 2)
		same(t, waiting(), []string{"3"})
		same(t, missed(), []int64{2, 0})
		purgeOutbox(t, db, t0.Add(time.Microsecond), 2)
		same(t, waiting(), nil)
		same(t, missed(), []int64{2, 3})
	},
	"an event of many rows goes in steps": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		aReceiver(t, db, "https://a.example")
		var many []domain.Concerned
		for i := range 5 {
			many = append(many, domain.Concerned{Kind: domain.ConcernsToken, Name: fmt.Sprint(i), Audience: "https://a.example"})
		}
		check(t, signal(t.Context(), db, many...)) // which all acknowledge
		r := must(db.ListReceivers(t.Context(), domain.Page{Limit: 1}))(t)[0]
		check(t, db.MoveReceiver(t.Context(), r.ID, r.Progress, domain.Progress{Acked: must(db.LastEvent(t.Context()))(t)}))
		for _, want := range []int64{2, 2, 1, 0} {
			same(t, must(db.PurgeAcknowledged(t.Context(), 2))(t), want)
		}
		check(t, signal(t.Context(), db, many...)) // which nobody acknowledges
		for _, want := range []int64{2, 2, 1, 0} {
			same(t, purgeOutbox(t, db, t0.Add(time.Hour), 2), want)
		}
	},
	"an event of a replica whose clock is behind takes no newer events along": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		aReceiver(t, db, "https://a.example")
		const month = 30 * 24 * time.Hour
		for i, at := range []time.Time{t0, t0.Add(month), t0, t0.Add(month)} {
			check(t, signalAt(t.Context(), db, at, domain.Concerned{Kind: domain.ConcernsToken, Name: fmt.Sprint(i), Audience: "https://a.example"}))
		}
		purgeOutbox(t, db, t0.Add(time.Hour), 100)
		entries, _, err := db.ListOutbox(t.Context(), 0, 0, domain.SecurityEvents, []string{"https://a.example"}, 10)
		check(t, err)
		var left []string
		for _, e := range entries {
			left = append(left, e.Subject)
		}
		same(t, left, []string{"1", "2", "3"})
	},
}

func testLargeOutbox(t *testing.T, url string) {
	const users, many, few = maxConcerned, 6, 5
	db := open(t, url, store.Options{OpTimeout: time.Minute})
	w := makeWorld(t, db)
	var audiences []string
	for i := range many {
		audiences = append(audiences, fmt.Sprintf("https://api%d.example", i))
	}
	apis := aReceiver(t, db, audiences...)
	aCrowd(t, db, "ops", users)
	check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectGroup, Subject: "ops"}))
	// issue gives every user tokens for APIs, and the client has them all.
	issue := func(apis ...int64) {
		t.Helper()
		var tokens []domain.IssuedToken
		for user := range users {
			id := must(db.FindUser(t.Context(), fmt.Sprintf("u%05d", user)))(t).ID
			for i, api := range apis {
				token := domain.IssuedToken{
					Kind: domain.TokenAccess, KeyID: 1, ClientID: w.client, UserID: id, APIID: api, ExpiresAt: t0.Add(time.Duration(i) * time.Hour),
				}
				token.ID = domain.FirstTokenID(t0)
				binary.BigEndian.PutUint64(token.ID[8:], uint64(api)<<32|uint64(user))
				tokens = append(tokens, token)
			}
		}
		now := revision(t, db)
		for batch := range slices.Chunk(tokens, 1000) {
			must(db.InsertIssuedTokens(t.Context(), batch, slices.Repeat([]int64{now}, len(batch))))(t)
		}
	}
	// heard records a change, and counts what it puts into the outbox, by format.
	heard := func(about domain.Concerned) map[string]int {
		t.Helper()
		_, last, err := db.ListOutbox(t.Context(), 0, 0, nil, nil, 1)
		check(t, err)
		check(t, signal(t.Context(), db, about))
		entries, _, err := db.ListOutbox(t.Context(), 0, last, domain.SecurityEvents, audiences, 1_000_000)
		check(t, err)
		formats := map[string]int{}
		for _, e := range entries {
			formats[e.Format]++
		}
		return formats
	}
	holders, members := domain.Concerned{Kind: domain.ConcernsHolders, Name: "clerk"}, domain.Concerned{Kind: domain.ConcernsMembers, Name: "ops"}
	client := domain.Concerned{Kind: domain.ConcernsClient, Name: "shop"}

	issue(w.api) // which no receiver serves
	same(t, heard(holders), map[string]int{})
	issue(apis[:few]...)
	same(t, heard(holders), map[string]int{domain.FormatIssSub: few * users})
	same(t, heard(members), map[string]int{domain.FormatIssSub: few * users})
	same(t, heard(client), map[string]int{domain.FormatIssSub: few})
	issue(apis[few:]...)
	same(t, heard(holders), map[string]int{domain.FormatURI: many}) // that is too many: all may have changed
	same(t, heard(domain.Concerned{Kind: domain.ConcernsUser, Name: "u00007"}), map[string]int{domain.FormatIssSub: many})
	check(t, addUser(t.Context(), db, "next"))
	check(t, db.AddMember(t.Context(), "ops", "next"))
	same(t, heard(members), map[string]int{domain.FormatURI: many})
}

// maxConcerned is how many users an event names.
const maxConcerned = 2000
