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
	liveAPIs = 10
	liveMax  = 10_000
	liveKept = 15 * time.Second
)

// liveCache keeps the last counts, and lets one caller count at a time.
type liveCache struct {
	mu   sync.Mutex
	last LiveCounts
}

// CountLive counts the live tokens of the first ten APIs, each up to 10,000; the counts may be fifteen seconds old.
func (s *Service) CountLive(ctx context.Context, caller authn.Caller) (LiveCounts, error) {
	ctx, err := s.authorize(ctx, caller, "token.count_live")
	if err == nil {
		err = s.require(ctx, caller, "token.count_live", readAPIs)
	}
	if err != nil {
		return LiveCounts{}, err
	}
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	now := s.config.Now()
	if now.Sub(s.live.last.CountedAt) < liveKept {
		return s.live.last, nil
	}
	apis, err := s.config.Registry.ListAPIs(ctx, domain.Page{Limit: liveAPIs + 1})
	if err != nil {
		return LiveCounts{}, err
	}
	counts := LiveCounts{APIs: []LiveTokens{}, More: len(apis) > liveAPIs, CountedAt: now}
	for _, api := range apis[:min(len(apis), liveAPIs)] {
		n, more, err := s.config.Index.Count(ctx, domain.TokenFilter{APIID: api.ID, State: domain.TokenLive}, liveMax)
		if err != nil {
			return LiveCounts{}, err
		}
		counts.APIs = append(counts.APIs, LiveTokens{api.Audience, Count{n, more}})
	}
	s.live.last = counts
	return counts, nil
}
