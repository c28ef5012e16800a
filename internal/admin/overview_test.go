package admin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/servicetest"
)

func (w *world) hints(who authn.Caller) []string {
	w.t.Helper()
	hints, err := w.ListAttention(w.t.Context(), who)
	servicetest.Must(w.t, err)
	found := []string{}
	for _, h := range hints {
		text := h.Kind + " " + h.Object
		if h.Further {
			text += " and more"
		}
		found = append(found, text)
	}
	return found
}

func TestWhatWantsAttentionIsListedToWhomMayReadIt(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		if got := w.hints(w.root); len(got) != 0 {
			t.Errorf("at first: %v", got)
		}
		w.AddUser(t, "boss", "correct horse battery staple")
		servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, domain.SubjectUser, "boss", time.Time{}))
		w.AddRole(t, "clerk")
		servicetest.Must(t, w.Assign(ctx, w.root, "clerk", domain.SubjectUser, "boss", time.Now().Add(time.Hour)))
		made, _ := w.AddClient(t, domain.Client{ClientID: "job", GrantTypes: []string{domain.GrantClientCredentials}})
		_, err := w.AddSecret(ctx, w.root, "job", admin.GivenSecret{}, time.Now().Add(24*time.Hour))
		servicetest.Must(t, err)
		servicetest.Must(t, w.RemoveSecret(ctx, w.root, "job", made.Secrets[0].ID))
		want := []string{"single_administrator ", "secret_expires client:job", "assignment_expires user:boss"}
		if diff := cmp.Diff(want, w.hints(w.root)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"secret_expires client:job"}, w.hints(caller(t, "statistics:read", "clients:read"))); diff != "" {
			t.Error(diff)
		}
		now := time.Now()
		servicetest.Must(t, w.db.PutStatistics(ctx, []domain.Statistic{
			{Replica: "a", At: now.Add(-time.Minute), Kind: "condition_failed", Count: 7}, {Replica: "a", At: now.Add(-2 * time.Hour), Kind: "condition_failed", Count: 1},
		}))
		if got := w.hints(caller(t, "statistics:read")); !slices.Equal(got, []string{"conditions_failed "}) {
			t.Errorf("of conditions: %v", got)
		}
		for i := range 6 {
			name := "temp" + string(rune('a'+i))
			w.AddRole(t, name)
			servicetest.Must(t, w.Assign(ctx, w.root, name, domain.SubjectUser, "boss", time.Now().Add(time.Hour)))
		}
		if got := w.hints(w.root); !slices.Contains(got, "assignment_expires user:boss and more") || len(got) != 8 {
			t.Errorf("of many: %v", got)
		}
	})
}

func TestStatisticsAreAskedForInBounds(t *testing.T) {
	each(t, func(w *world) {
		now := time.Now()
		for _, step := range admin.StatisticSteps {
			if _, err := w.SumStatistics(t.Context(), w.root, now.Add(-10*step), now, step); err != nil {
				t.Errorf("%v: %v", step, err)
			}
		}
		for _, of := range []struct {
			from time.Time
			step time.Duration
		}{{now.Add(-time.Hour), time.Second}, {now.Add(-time.Hour), 0}, {now.Add(-48 * time.Hour), time.Minute}, {now.Add(time.Hour), time.Minute}, {time.Time{}, 24 * time.Hour}} {
			_, err := w.SumStatistics(t.Context(), w.root, of.from, now, of.step)
			servicetest.Refused(t, err, domain.ErrInvalid)
		}
	})
}

// etag is that of the key set that counts.
func etag(t *testing.T, w *world) string {
	t.Helper()
	_, tag, err := w.Keys.JWKS(t.Context())
	servicetest.Must(t, err)
	return tag
}

func TestADrillFollowsWhoHasComeToKnowOfARevokedKey(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		servicetest.Must(t, w.Keys.Ensure(event.WithActor(ctx, event.System)))
		w.AddAPI(t, servicetest.Orders, "orders:read")
		w.AddService(t, "reporting", servicetest.Orders)
		f := servicetest.Fixture{DB: w.db}
		signed := f.Issue(t, w.Replica, "orders:read")
		entry, err := w.FindToken(ctx, w.root, signed.Record.ID)
		servicetest.Must(t, err)
		fetch := func(agent string) {
			t.Helper()
			_, etag, err := w.Keys.JWKS(ctx)
			servicetest.Must(t, err)
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.Header.Set("User-Agent", agent)
			w.Statistics.Fetches.Record(request, etag, false)
			servicetest.Must(t, w.Statistics.Beat(ctx))
		}
		drill := func() admin.Drill {
			t.Helper()
			d, err := w.DrillKey(ctx, w.root, entry.KID)
			servicetest.Must(t, err)
			return d
		}
		fetch("curl")
		live, err := w.CountLive(ctx, w.root)
		servicetest.Must(t, err)
		if !slices.Contains(live.APIs, admin.LiveTokens{Audience: servicetest.Orders, Count: admin.Count{Count: 1}}) || live.CountedAt.IsZero() {
			t.Errorf("live tokens: %+v", live)
		}
		before := drill()
		if before.Live.Count != 1 || len(before.Holdings) != 1 || before.Holdings[0].Count != 1 || before.Known != (admin.VerifierCounts{Current: 1}) ||
			len(before.Replicas) != 1 || !before.Replicas[0].Publishes || before.Converged {
			t.Errorf("before: %+v", before)
		}
		_, begun, err := w.RevokeKey(ctx, w.root, entry.KID)
		servicetest.Must(t, err)
		_, err = w.FinishRevocation(ctx, w.root, begun.ID, func(admin.Revocation) {})
		servicetest.Must(t, err)
		w.Refresh(t)
		after := drill()
		if after.Live.Count != 0 || after.Known != (admin.VerifierCounts{Older: 1}) || after.Replicas[0].Publishes || after.Converged || !after.At.IsZero() {
			t.Errorf("after: %+v", after)
		}
		fetch("curl")
		if end := drill(); !end.Converged || end.At.IsZero() || end.Known != (admin.VerifierCounts{Current: 1}) || !end.Replicas[0].Publishes {
			t.Errorf("in the end: %+v", end)
		}
		silent := domain.Replica{ID: "silent", Version: "1", StartedAt: time.Now().Add(-24 * time.Hour), JWKS: `"older"`}
		for _, of := range []struct {
			ago       time.Duration
			jwks      string
			converged bool
		}{{9 * time.Minute, silent.JWKS, false}, {11 * time.Minute, silent.JWKS, true}, {9 * time.Minute, etag(t, w), true}} {
			silent.SeenAt, silent.JWKS = time.Now().Add(-of.ago), of.jwks
			silent.AsOf = silent.SeenAt
			servicetest.Must(t, w.db.PutReplica(ctx, silent))
			if d := drill(); d.Converged != of.converged || len(d.Replicas) != 2 {
				t.Errorf("with a replica that fell silent %v ago: converged %t, %+v", of.ago, d.Converged, d.Replicas)
			}
		}
		silent.JWKS, silent.SeenAt = `"older"`, time.Now().Add(-9*time.Minute)
		servicetest.Must(t, w.db.PutReplica(ctx, silent))
		servicetest.Must(t, w.db.DeleteReplica(ctx, silent.ID))
		if !drill().Converged {
			t.Error("a replica that was stopped counts")
		}
		if _, err := w.DrillKey(ctx, w.root, "none"); err == nil {
			t.Error("there is a drill of no key")
		}
	})
}
