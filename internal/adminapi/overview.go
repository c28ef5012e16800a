package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

func (s *surface) mountOverview() {
	register(s, http.MethodGet, "/statistics", "statistics.sum", s.sumStatistics)
	register(s, http.MethodGet, "/replicas", "replica.list", all(s.Admin.ListReplicas))
	register(s, http.MethodGet, "/attention", "attention.list", all(s.Admin.ListAttention))
	register(s, http.MethodGet, "/settings", "setting.list", all(s.Admin.ListSettings))
	register(s, http.MethodGet, "/live-tokens", "token.count_live", func(ctx context.Context, caller authn.Caller, _ *struct{}) (*objectOutput[admin.LiveCounts], error) {
		counts, err := s.Admin.CountLive(ctx, caller)
		return shown(counts, 0, err)
	})
	register(s, http.MethodGet, "/keys/{kid}/drill", "key.drill", func(ctx context.Context, caller authn.Caller, in *keyInput) (*objectOutput[admin.Drill], error) {
		drill, err := s.Admin.DrillKey(ctx, caller, in.KID)
		return shown(drill, 0, err)
	})
}

// all makes a handler of an operation that lists objects that are few.
func all[V any](find func(ctx context.Context, caller authn.Caller) ([]V, error)) func(context.Context, authn.Caller, *struct{}) (*pageOutput[V], error) {
	return func(ctx context.Context, caller authn.Caller, _ *struct{}) (*pageOutput[V], error) {
		objects, err := find(ctx, caller)
		out := new(pageOutput[V])
		out.Body.Items = objects
		return out, err
	}
}

type sumStatisticsInput struct {
	From time.Time `query:"from" doc:"Left out: an hour before 'to'. Nothing is kept for longer than a fortnight"`
	To   time.Time `query:"to" doc:"Left out: now"`
	Step int       `query:"step" default:"60" minimum:"60" maximum:"86400" doc:"In seconds: 60, 300, 900, 3600, 21600 or 86400"`
}

func (s *surface) sumStatistics(ctx context.Context, caller authn.Caller, in *sumStatisticsInput) (*pageOutput[admin.Statistic], error) {
	if in.To.IsZero() {
		in.To = time.Now()
	}
	if in.From.IsZero() {
		in.From = in.To.Add(-time.Hour)
	}
	sums, err := s.Admin.SumStatistics(ctx, caller, in.From, in.To, time.Duration(in.Step)*time.Second)
	out := new(pageOutput[admin.Statistic])
	out.Body.Items = sums
	return out, err
}
