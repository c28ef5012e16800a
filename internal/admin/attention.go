package admin

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/statistics"
)

// Attention finds what somebody should look at. Each method returns at most limit of them, by an index.
type Attention interface {
	// ExpiringSecrets returns secrets that expire until a time and are the last of clients that are enabled, the first one first.
	ExpiringSecrets(ctx context.Context, now, until time.Time, limit int) ([]domain.ExpiringSecret, error)
	// UnusedSince returns enabled clients with a grant type that administrators made and that got no token since a time.
	UnusedSince(ctx context.Context, before time.Time, limit int) ([]domain.UnusedClient, error)
	// ExpiringAssignments returns assignments that end until a time, the first one first.
	ExpiringAssignments(ctx context.Context, now, until time.Time, limit int) ([]domain.Assignment, error)
	// Backlogs returns what receivers have not acknowledged, of one if a client is named, counted up to count.
	Backlogs(ctx context.Context, client string, count, limit int) ([]domain.Backlog, error)
	// CountAdministrators is as of directory.Assignments.
	CountAdministrators(ctx context.Context, now time.Time) (all, able int, err error)
}

// When something wants attention.
const (
	soon       = 14 * 24 * time.Hour // before the end of a secret, or of an assignment
	unused     = 90 * 24 * time.Hour
	overdue    = time.Hour   // after the time of a rotation
	behindFor  = time.Minute // that a receiver has not acknowledged an event
	silent     = statistics.Silent
	shownOf    = 5 // of a kind
	backlogMax = 1000
)

// Kinds of a Hint.
const (
	HintSecret        = "secret_expires"
	HintAdministrator = "single_administrator"
	HintPlainHTTP     = "plain_http"
	HintUnused        = "client_unused"
	HintAssignment    = "assignment_expires"
	HintKey           = "key_overdue"
	HintReceiver      = "receiver_behind"
	HintReplica       = "replica_silent"
	HintConditions    = "conditions_failed"
)

// Hint is something that somebody should look at.
type Hint struct {
	Kind    string    `json:"kind" enum:"secret_expires,single_administrator,plain_http,client_unused,assignment_expires,key_overdue,receiver_behind,replica_silent,conditions_failed"`
	Object  string    `json:"object,omitempty" doc:"client:reporting, user:alice, group:ops, key:KID or replica:ID; left out: the installation"`
	About   string    `json:"about,omitempty" doc:"The role of an assignment; the hint of a secret; how many conditions failed in the last hour"`
	At      time.Time `json:"at,omitzero" doc:"When it ends, or since when it is so"`
	Further bool      `json:"further,omitempty" doc:"There are more of the kind"`
}

// ListAttention lists what somebody should look at, of what the caller may read; of each kind those that are first.
func (s *Service) ListAttention(ctx context.Context, caller authn.Caller) ([]Hint, error) {
	ctx, err := s.authorize(ctx, caller, "attention.list")
	if err != nil {
		return nil, err
	}
	now := s.config.Now()
	hints := []Hint{}
	for _, of := range []struct {
		permission string
		find       func(ctx context.Context, now time.Time) ([]Hint, error)
	}{
		{readSettings, s.plainHTTP}, {readAssignments, s.singleAdministrator}, {readKeys, s.overdueKeys}, {readStatistics, s.silentReplicas}, {readStatistics, s.failedConditions},
		{readReceivers, s.receiversBehind}, {readClients, s.expiringSecrets}, {readAssignments, s.expiringAssignments}, {readClients, s.unusedClients},
	} {
		if !caller.May(of.permission) {
			continue
		}
		found, err := of.find(ctx, now)
		if err != nil {
			return nil, err
		}
		if len(found) > shownOf {
			found = found[:shownOf]
			found[shownOf-1].Further = true
		}
		hints = append(hints, found...)
	}
	return hints, nil
}

func (s *Service) plainHTTP(context.Context, time.Time) ([]Hint, error) {
	issuer, err := url.Parse(s.config.Issuer)
	if err != nil || issuer.Scheme != "http" || outbound.IsLoopback(issuer.Hostname()) {
		return nil, nil
	}
	return []Hint{{Kind: HintPlainHTTP}}, nil
}

func (s *Service) singleAdministrator(ctx context.Context, now time.Time) ([]Hint, error) {
	_, n, err := s.config.Attention.CountAdministrators(ctx, now)
	if err != nil || n != 1 {
		return nil, err
	}
	return []Hint{{Kind: HintAdministrator}}, nil
}

func (s *Service) overdueKeys(ctx context.Context, now time.Time) (hints []Hint, err error) {
	stored, err := s.config.Keys.List(ctx)
	for _, k := range stored {
		if key := s.showKey(k); key.State == domain.KeyActive && now.Sub(key.RotatesAt) > overdue {
			hints = append(hints, Hint{Kind: HintKey, Object: "key:" + key.KID, At: key.RotatesAt})
		}
	}
	return hints, err
}

func (s *Service) silentReplicas(ctx context.Context, _ time.Time) (hints []Hint, err error) {
	replicas, err := s.replicas(ctx, time.Hour)
	for _, r := range replicas {
		if r.Silent {
			hints = append(hints, Hint{Kind: HintReplica, Object: "replica:" + r.ID, At: r.SeenAt})
		}
	}
	return hints, err
}

// failedConditions are those of policies, in the last hour: mostly they read a member that requests do not have.
func (s *Service) failedConditions(ctx context.Context, now time.Time) (hints []Hint, err error) {
	sums, err := s.config.Statistics.Store.SumStatistics(ctx, now.Add(-time.Hour), now, time.Hour)
	failed := int64(0)
	for _, sum := range sums {
		if sum.Kind == statistics.ConditionFailed {
			failed += sum.Count
		}
	}
	if failed > 0 {
		hints = append(hints, Hint{Kind: HintConditions, About: strconv.FormatInt(failed, 10)})
	}
	return hints, err
}

func (s *Service) receiversBehind(ctx context.Context, now time.Time) (hints []Hint, err error) {
	backlogs, err := s.config.Attention.Backlogs(ctx, "", 1, 200)
	for _, b := range backlogs {
		if b.Seq > 0 && now.Sub(b.Since) > behindFor {
			hints = append(hints, Hint{Kind: HintReceiver, Object: "receiver:" + b.Client, At: b.Since})
		}
	}
	return hints, err
}

func (s *Service) expiringSecrets(ctx context.Context, now time.Time) (hints []Hint, err error) {
	secrets, err := s.config.Attention.ExpiringSecrets(ctx, now, now.Add(soon), shownOf+1)
	for _, e := range secrets {
		hints = append(hints, Hint{Kind: HintSecret, Object: "client:" + e.Client, About: e.Hint, At: e.ExpiresAt})
	}
	return hints, err
}

func (s *Service) expiringAssignments(ctx context.Context, now time.Time) (hints []Hint, err error) {
	assignments, err := s.config.Attention.ExpiringAssignments(ctx, now, now.Add(soon), shownOf+1)
	for _, a := range assignments {
		hints = append(hints, Hint{Kind: HintAssignment, Object: string(a.SubjectKind) + ":" + a.Subject, About: a.Role, At: a.ExpiresAt})
	}
	return hints, err
}

func (s *Service) unusedClients(ctx context.Context, now time.Time) (hints []Hint, err error) {
	clients, err := s.config.Attention.UnusedSince(ctx, now.Add(-unused), shownOf+1)
	for _, c := range clients {
		hints = append(hints, Hint{Kind: HintUnused, Object: "client:" + c.Client, At: c.Since})
	}
	return hints, err
}
