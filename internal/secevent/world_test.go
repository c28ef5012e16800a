package secevent_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/token"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	issuer  = "https://signet.example"
	orders  = "https://orders.example"
	billing = "https://billing.example"
)

// replica is the services of one server over a shared database.
type replica struct {
	*servicetest.Replica
	events *secevent.Service
}

// world is two replicas, APIs for orders and billing with a client that serves each, and alice, who may become a clerk.
type world struct {
	a, b   *replica
	db     *store.DB
	master *keys.Master
	ahead  *atomic.Int64 // of the real time, in nanoseconds
	halted atomic.Pointer[time.Time]
}

func (w *world) now() time.Time {
	now := time.Now()
	if halted := w.halted.Load(); halted != nil {
		now = *halted
	}
	return now.Add(time.Duration(w.ahead.Load()))
}

func (w *world) advance(by time.Duration) { w.ahead.Add(int64(by)) }

// halt stops the clock: from now on it only advances.
func (w *world) halt() {
	now := time.Now()
	w.halted.Store(&now)
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	w := &world{db: db, master: keys.NewMaster(), ahead: new(atomic.Int64)}
	w.a, w.b = w.replica(t, db), w.replica(t, db)
	must(t, w.a.Keys.Ensure(eventtest.Context(t)))
	for audience, client := range map[string]string{orders: "orders-svc", billing: "billing-svc"} {
		w.a.AddAPI(t, audience, "read")
		w.a.AddClient(t, domain.Client{ClientID: client, Serves: []string{audience}})
	}
	w.a.AddService(t, "reporting", orders, billing)
	w.a.AddRole(t, "clerk", orders+"#read")
	w.a.AddUser(t, "alice", "")
	for _, audience := range []string{orders, billing} {
		w.hadToken(t, "reporting", "", audience)
		w.hadToken(t, "reporting", "alice", audience)
	}
	return w
}

// hadToken puts a token of a client, and of a user if one is named, for an audience into the index.
func (w *world) hadToken(t *testing.T, clientID, username, audience string) {
	t.Helper()
	client, err := w.a.Registry.FindClient(eventtest.Context(t), clientID)
	must(t, err)
	api, err := w.a.Registry.FindAPI(eventtest.Context(t), audience)
	must(t, err)
	row := domain.IssuedToken{Kind: domain.TokenAccess, KeyID: 1, ClientID: client.ID, APIID: api.ID, ExpiresAt: w.now().Add(10 * time.Minute)}
	rand.Read(row.ID[:])
	if username != "" {
		user, err := w.a.Directory.FindUser(eventtest.Context(t), username)
		must(t, err)
		row.UserID = user.ID
	}
	_, revision, _, err := w.db.Changes(eventtest.Context(t), 0)
	must(t, err)
	_, err = w.db.InsertIssuedTokens(eventtest.Context(t), []domain.IssuedToken{row}, []int64{revision})
	must(t, err)
}

// replica makes one whose security events see the database through the given store.
func (w *world) replica(t *testing.T, events interface {
	secevent.Store
	secevent.Outbox
	secevent.Deliveries
}) *replica {
	t.Helper()
	return w.replicaAhead(t, events, 0)
}

// replicaAhead makes one whose clock is ahead.
func (w *world) replicaAhead(t *testing.T, events interface {
	secevent.Store
	secevent.Outbox
	secevent.Deliveries
}, ahead time.Duration) *replica {
	t.Helper()
	r := &replica{Replica: servicetest.NewReplica(t, w.db, w.master, w.now)}
	r.events = secevent.New(secevent.Config{
		Store: events, Outbox: events, Deliveries: events, Subjects: w.db, Keys: r.Keys, Master: w.master, Registry: r.Registry, Directory: r.Directory, Cache: r.Cache, Recorder: r.Recorder,
		Clock: movedClock{w.now, ahead}, Retention: 30 * 24 * time.Hour, Issuer: issuer, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now: func() time.Time { return w.now().Add(ahead) },
	})
	return r
}

// movedClock stands for the database's, which cannot be moved.
type movedClock struct {
	now   func() time.Time
	ahead time.Duration
}

func (c movedClock) DeletionTime(context.Context) (time.Time, error) { return c.now(), nil }
func (c movedClock) Ahead(context.Context) (time.Duration, error)    { return c.ahead, nil }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// polls makes clients receivers by poll.
func (w *world) polls(t *testing.T, clients ...string) {
	t.Helper()
	for _, c := range clients {
		_, err := w.a.events.Create(eventtest.Context(t), domain.Receiver{
			Client: c, Method: domain.DeliveryPoll,
			Events: []string{domain.EventSessionRevoked, domain.EventTokenClaimsChange, domain.EventPolicyChange},
		}, "")
		must(t, err)
	}
}

// issue puts a token of the client reporting for an audience into the index, and returns its jti.
func (w *world) issue(t *testing.T, audience string) domain.TokenID {
	t.Helper()
	for range 5 {
		revision := w.a.Cache.Revision()
		client, err := w.a.Registry.LookupClient(eventtest.Context(t), "reporting")
		must(t, err)
		api, err := w.a.Registry.LookupAPI(eventtest.Context(t), audience)
		must(t, err)
		minted, err := w.a.Minter.Mint(eventtest.Context(t), token.AccessTokenRequest{Client: client, API: api})
		must(t, err)
		err = w.a.Index.Record(eventtest.Context(t), revision, minted.Record)
		if err == nil {
			return minted.Record.ID
		}
		if !errors.Is(err, domain.ErrStale) {
			t.Fatal(err)
		}
		must(t, w.a.Cache.Refresh(eventtest.Context(t)))
	}
	t.Fatal("the snapshot stays stale")
	return domain.TokenID{}
}

func (w *world) revoke(t *testing.T, audience string) string {
	t.Helper()
	id := w.issue(t, audience)
	must(t, w.a.Revocation.RevokeID(eventtest.Context(t), id))
	return id.String()
}

// lengthen adds events that only a receiver of another API hears of: more than one answer has.
func (w *world) lengthen(t *testing.T) {
	t.Helper()
	recorder := event.NewRecorder(w.db, event.NewChain(make([]byte, 32)), w.now)
	must(t, recorder.Record(eventtest.Context(t), slices.Repeat([]event.Event{event.TokenRevoked{Audience: billing}}, 450)...))
}

// set is what a Security Event Token says.
type set struct {
	Issuer   string         `json:"iss"`
	IssuedAt int64          `json:"iat"`
	ID       string         `json:"jti"`
	Audience string         `json:"aud"`
	Txn      string         `json:"txn"`
	Subject  map[string]any `json:"sub_id"`
	Events   map[string]struct {
		Timestamp int64             `json:"event_timestamp"`
		Initiator string            `json:"initiating_entity"`
		Reason    map[string]string `json:"reason_admin"`
		Claims    map[string]any    `json:"claims"`
	} `json:"events"`
	raw map[string]any
}

// about is the subject in few words.
func (s set) about() string {
	subject := s.Subject
	if user, ok := subject["user"].(map[string]any); ok {
		subject = user
	}
	for _, member := range []string{"jti", "sub", "uri", "id"} {
		if text, ok := subject[member].(string); ok {
			return text
		}
	}
	return ""
}

// open checks a token's signature as a service would that knows nothing but the JWKS, and reads it.
func (r *replica) open(t *testing.T, token string) (s set) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a compact JWS: %s", token)
	}
	decode := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		must(t, err)
		return b
	}
	var header struct{ Typ, Alg, Kid string }
	must(t, json.Unmarshal(decode(parts[0]), &header))
	if header.Typ != "secevent+jwt" || header.Alg != "RS256" {
		t.Errorf("the header says %+v", header)
	}
	body, _, err := r.Keys.JWKS(eventtest.Context(t))
	must(t, err)
	var jwks struct{ Keys []struct{ Kid, N, E string } }
	must(t, json.Unmarshal(body, &jwks))
	verified := false
	for _, k := range jwks.Keys {
		if k.Kid == header.Kid {
			key := &rsa.PublicKey{N: new(big.Int).SetBytes(decode(k.N)), E: int(new(big.Int).SetBytes(decode(k.E)).Int64())}
			sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
			must(t, rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], decode(parts[2])))
			verified = true
		}
	}
	if !verified {
		t.Errorf("key %s is not in the JWKS", header.Kid)
	}
	must(t, json.Unmarshal(decode(parts[1]), &s))
	must(t, json.Unmarshal(decode(parts[1]), &s.raw))
	return s
}

// poll asks a replica at once, acknowledges the given ids, and returns what it answers in the order of the log.
func (r *replica) poll(t *testing.T, client string, ack ...string) []set {
	t.Helper()
	answer, err := r.events.Poll(eventtest.Context(t), client, secevent.Poll{ReturnImmediately: true, Ack: ack})
	must(t, err)
	return r.read(t, answer)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never came about that %s", what)
}
