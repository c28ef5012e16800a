package admin

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Drill is what the revocation of a signing key ends, or has ended, and who has come to know of it.
type Drill struct {
	Key          Key             `json:"key"`
	Live         Count           `json:"live_tokens" doc:"Tokens that it signed and that are live"`
	Holdings     []Holding       `json:"holdings" doc:"Whose they are, by the newest 1,000; the most first"`
	Replicas     []Replica       `json:"replicas"`
	Verifiers    []Verifier      `json:"verifiers" doc:"Who has fetched the key set in the last day, those that have not fetched the one that counts first; at most 100"`
	Known        VerifierCounts  `json:"verifier_counts"`
	Receivers    []DrillReceiver `json:"receivers" doc:"Receivers of security events"`
	Published    DrillCount      `json:"replica_counts" doc:"Replicas that publish the key set that counts, of those that run or can still publish an older one"`
	Acknowledged DrillCount      `json:"receiver_counts" doc:"Receivers that have acknowledged the event of the revocation"`
	Converged    bool            `json:"converged" doc:"The key is revoked, all replicas publish a key set without it, none that fell silent can still publish an older one from memory, all verifiers that are known have fetched it, and all receivers have acknowledged the event"`
	At           time.Time       `json:"converged_at,omitzero" doc:"When the last verifier fetched it"`
}

// Holding is how many live tokens of a key a client has for an API.
type Holding struct {
	ClientID string `json:"client_id"`
	Audience string `json:"aud"`
	Count    int    `json:"count"`
}

// Verifier is somebody who fetches the key set: an address and a user agent, which are kept as a hash.
type Verifier struct {
	ID          string    `json:"id"`
	UserAgent   string    `json:"user_agent"`
	Current     bool      `json:"current" doc:"It was last given the key set that counts"`
	ConfirmedAt time.Time `json:"confirmed_at,omitzero" doc:"When it first sent the entity tag of what it was given (If-None-Match)"`
	SeenAt      time.Time `json:"seen_at"`
}

// VerifierCounts are how many there are.
type VerifierCounts struct {
	Current int `json:"current"`
	Older   int `json:"older" doc:"Were last given another key set"`
}

// DrillCount is how many have come to know of a revocation.
type DrillCount struct {
	Done int `json:"done" doc:"How many know it"`
	All  int `json:"all" doc:"How many there are"`
}

// Whole says whether all have.
func (c DrillCount) Whole() bool { return c.Done == c.All }

// DrillReceiver is whether a receiver has acknowledged the event of the revocation.
type DrillReceiver struct {
	ClientID     string    `json:"client_id"`
	Acknowledged bool      `json:"acknowledged"`
	WaitingSince time.Time `json:"waiting_since,omitzero" doc:"When the first event was that it has not acknowledged"`
}

const (
	holdingsOf     = 1000
	verifiersShown = 100
	verifiersKnown = 10_000
	aDay           = 24 * time.Hour
)

// DrillKey says what revoking a key would end and, once it is revoked, who has come to know of it. What the caller may not read of that
// is left out. domain.ErrNotFound if there is no key of the kid.
func (s *Service) DrillKey(ctx context.Context, caller authn.Caller, kid string) (Drill, error) {
	ctx, err := s.authorize(ctx, caller, "key.drill")
	if err != nil {
		return Drill{}, err
	}
	stored, err := s.config.Keys.Find(ctx, kid)
	if err != nil {
		return Drill{}, err
	}
	d := Drill{Key: s.showKey(stored), Holdings: []Holding{}, Receivers: []DrillReceiver{}}
	if caller.May(readTokens) {
		if err := s.addHoldings(ctx, &d, stored.ID); err != nil {
			return Drill{}, err
		}
	}
	if d.Replicas, err = s.replicas(ctx, max(time.Hour, s.mayPublish())); err != nil {
		return Drill{}, err
	}
	if err := s.addVerifiers(ctx, &d); err != nil {
		return Drill{}, err
	}
	if err := s.addReceivers(ctx, &d); err != nil {
		return Drill{}, err
	}
	d.count()
	d.Converged = d.Key.State == domain.KeyRevoked && d.Known.Older == 0 && d.Published.Whole() && d.Acknowledged.Whole()
	if !d.Converged {
		d.At = time.Time{}
	}
	if !caller.May(readReceivers) {
		d.Receivers, d.Acknowledged = []DrillReceiver{}, DrillCount{}
	}
	return d, nil
}

// count counts who has come to know of the revocation. A replica that fell silent counts as long as it may publish an older key set.
func (d *Drill) count() {
	for _, r := range d.Replicas {
		if r.Silent && !r.Older() {
			continue
		}
		d.Published.All++
		if !r.Older() {
			d.Published.Done++
		}
	}
	for _, r := range d.Receivers {
		d.Acknowledged.All++
		if r.Acknowledged {
			d.Acknowledged.Done++
		}
	}
}

func (s *Service) addHoldings(ctx context.Context, d *Drill, key int64) error {
	filter := domain.TokenFilter{KeyID: key, State: domain.TokenLive}
	n, more, err := s.config.Index.Count(ctx, filter, maxCounted)
	if err != nil {
		return err
	}
	d.Live = Count{n, more}
	filter.Limit = holdingsOf
	entries, _, err := s.config.Index.List(ctx, filter)
	if err != nil {
		return err
	}
	counts := map[Holding]int{}
	for _, e := range entries {
		counts[Holding{ClientID: e.Client, Audience: e.Audience}]++
	}
	for h := range maps.Keys(counts) {
		d.Holdings = append(d.Holdings, Holding{h.ClientID, h.Audience, counts[h]})
	}
	slices.SortFunc(d.Holdings, func(a, b Holding) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.ClientID, b.ClientID), cmp.Compare(a.Audience, b.Audience))
	})
	return nil
}

// addVerifiers adds who holds which key set. Each was given one at the time that it was last seen.
func (s *Service) addVerifiers(ctx context.Context, d *Drill) error {
	etag, err := s.currentJWKS(ctx)
	if err != nil {
		return err
	}
	known, err := s.config.Statistics.Store.ListVerifiers(ctx, s.config.Now().Add(-aDay), verifiersKnown)
	if err != nil {
		return err
	}
	d.Verifiers = make([]Verifier, 0, len(known))
	for _, v := range known {
		shown := Verifier{ID: v.ID, UserAgent: v.Agent, Current: v.JWKS == etag, ConfirmedAt: v.ConfirmedAt, SeenAt: v.SeenAt}
		if shown.Current {
			d.Known.Current++
			if v.SeenAt.After(d.At) {
				d.At = v.SeenAt
			}
		} else {
			d.Known.Older++
		}
		d.Verifiers = append(d.Verifiers, shown)
	}
	slices.SortStableFunc(d.Verifiers, func(a, b Verifier) int { return cmp.Compare(current(a), current(b)) })
	d.Verifiers = d.Verifiers[:min(len(d.Verifiers), verifiersShown)]
	return nil
}

func current(v Verifier) int {
	if v.Current {
		return 1
	}
	return 0
}

func (s *Service) addReceivers(ctx context.Context, d *Drill) error {
	var seq int64 // of the event of the revocation
	if d.Key.State == domain.KeyRevoked {
		events, err := s.config.Audit.Search(ctx, domain.EventFilter{Action: "key.revoke", Target: "key:" + d.Key.KID}, domain.Page{Limit: 1})
		if err != nil {
			return err
		}
		if len(events) > 0 {
			seq = events[0].Seq
		}
	}
	backlogs, err := s.config.Attention.Backlogs(ctx, "", 1, replicasShown)
	for _, b := range backlogs {
		d.Receivers = append(d.Receivers, DrillReceiver{ClientID: b.Client, Acknowledged: seq > 0 && (b.Seq == 0 || b.Seq > seq), WaitingSince: b.Since})
	}
	return err
}
