package device_test

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// counted counts the polls that are written.
type counted struct {
	*store.DB
	polls int
}

func (c *counted) NoteDevicePoll(ctx context.Context, id int64, now time.Time, slower time.Duration) (bool, error) {
	c.polls++
	return c.DB.NoteDevicePoll(ctx, id, now, slower)
}

func TestAFloodOfPollsIsNoneOfWritesAndStaysTooSoon(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		ctx := eventtest.Context(t)
		tv, _ := f.A.AddClient(t, domain.Client{ClientID: "tv", Public: true, RequirePKCE: true, GrantTypes: []string{domain.GrantDeviceCode}})
		written := &counted{DB: db}
		var replicas []*device.Service
		for range 2 {
			replicas = append(replicas, device.New(device.Config{
				Store: written, Grants: db, Events: f.A.Recorder, Key: make([]byte, 32), CodeTTL: 10 * time.Minute, Interval: 5 * time.Second,
				RefreshTTL: time.Hour, Now: f.Clock,
			}))
		}
		codes, err := replicas[0].Begin(ctx, &tv, device.Ask{Remote: "203.0.113.9:1"})
		servicetest.Must(t, err)
		if !replicas[1].Issued(codes.DeviceCode) {
			t.Error("its device code is not known as one of this server")
		}
		for _, other := range []string{"", codes.DeviceCode[1:], "A" + codes.DeviceCode, codes.DeviceCode + "\n", base64.RawURLEncoding.EncodeToString(make([]byte, 48))} {
			if replicas[1].Issued(other) {
				t.Errorf("%q is taken for one of this server", other)
			}
		}
		polls := 0
		poll := func() bool {
			t.Helper()
			s := replicas[polls%2]
			polls++
			found, err := s.Find(ctx, codes.DeviceCode)
			servicetest.Must(t, err)
			tooSoon, err := s.NotePoll(ctx, found)
			servicetest.Must(t, err)
			return tooSoon
		}
		if poll() {
			t.Error("the first poll is too soon")
		}
		for range 100 {
			if !poll() {
				t.Fatal("a flood is not too soon")
			}
		}
		if written.polls != 2 {
			t.Errorf("%d polls are written, want the first and the one that came too soon", written.polls)
		}
		f.Pass(t, 5*time.Second) // the interval is ten by now
		if !poll() || written.polls != 3 {
			t.Errorf("a device need not slow down: %d polls are written", written.polls)
		}
		f.Pass(t, 15*time.Second)
		if poll() {
			t.Error("a device that waited is too soon")
		}
	})
}

func TestAnAnswerIsForTheRequestWhoseCodeWasEnteredThoughItsIDIsGivenOutAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		ctx := eventtest.Context(t)
		tv, _ := f.A.AddClient(t, domain.Client{ClientID: "tv", Public: true, RequirePKCE: true, GrantTypes: []string{domain.GrantDeviceCode}})
		s := device.New(device.Config{
			Store: db, Grants: db, Events: f.A.Recorder, Key: make([]byte, 32), CodeTTL: 10 * time.Minute, Interval: 5 * time.Second,
			RefreshTTL: time.Hour, Now: f.Clock,
		})
		codes, err := s.Begin(ctx, &tv, device.Ask{Remote: "203.0.113.9:1"}) // takes the id that the lost request had
		servicetest.Must(t, err)
		right, _ := device.ParseUserCode(codes.UserCode)
		request, err := s.Enter(ctx, right, f.Alice, "192.0.2.1:1")
		servicetest.Must(t, err)
		answer := device.Answer{
			Request: request.ID, Allowed: true, Client: &tv,
			SignedIn: func(context.Context) (domain.Session, domain.User, error) { return domain.Session{}, f.Alice, nil },
		}
		const lost = "BBBB-BBBB"
		if _, err := s.FindRequest(ctx, request.ID, lost); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("the request of another code is found: %v", err)
		}
		answer.UserCode = lost
		if err := s.Answer(ctx, answer); !errors.Is(err, domain.ErrConsumed) {
			t.Errorf("the request of another code is answered: %v", err)
		}
		answer.UserCode = right
		servicetest.Must(t, s.Answer(ctx, answer))
	})
}
