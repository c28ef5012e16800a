package admin

import (
	"context"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// LiveTokens is how many tokens of an API are live.
type LiveTokens struct {
	Audience string `json:"audience"`
	Count
}

// LiveCounts are how many tokens are live, by API.
type LiveCounts struct {
	APIs      []LiveTokens `json:"apis"`
	More      bool         `json:"more" doc:"There are more APIs"`
	CountedAt time.Time    `json:"counted_at"`
}

const (
	liveAPIs  = 10
	liveMax   = 10_000
	liveFresh = 15 * time.Second
	liveKept  = 10 * time.Minute // for as long counts are shown while they are made anew
)

// liveCache keeps the last counts: to count takes longer than a page may.
type liveCache struct {
	mu       sync.Mutex
	last     LiveCounts
	counting bool
}

// CountLive counts the live tokens of the first ten APIs, each up to 10,000. The counts may be as old as when they were last asked for,
// up to ten minutes.
func (s *Service) CountLive(ctx context.Context, caller authn.Caller) (LiveCounts, error) {
	const operation = "token.count_live"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.require(ctx, caller, operation, readAPIs)
	}
	if err != nil {
		return LiveCounts{}, err
	}
	s.live.mu.Lock()
	last, age, counting := s.live.last, s.config.Now().Sub(s.live.last.CountedAt), s.live.counting
	begin := age >= liveFresh && age < liveKept && !counting
	s.live.counting = counting || begin
	s.live.mu.Unlock()
	switch {
	case age >= liveKept:
		return s.countLive(ctx)
	case begin:
		go func() {
			_, _ = s.countLive(context.WithoutCancel(ctx)) // who asks next sees that they are old
			s.live.mu.Lock()
			s.live.counting = false
			s.live.mu.Unlock()
		}()
	}
	return last, nil
}

func (s *Service) countLive(ctx context.Context) (LiveCounts, error) {
	apis, err := s.config.Registry.ListAPIs(ctx, domain.Page{Limit: liveAPIs + 1})
	if err != nil {
		return LiveCounts{}, err
	}
	counts := LiveCounts{APIs: []LiveTokens{}, More: len(apis) > liveAPIs, CountedAt: s.config.Now()}
	for _, api := range apis[:min(len(apis), liveAPIs)] {
		n, more, err := s.config.Index.Count(ctx, domain.TokenFilter{APIID: api.ID, State: domain.TokenLive}, liveMax)
		if err != nil {
			return LiveCounts{}, err
		}
		counts.APIs = append(counts.APIs, LiveTokens{api.Audience, Count{n, more}})
	}
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	s.live.last = counts
	return counts, nil
}
