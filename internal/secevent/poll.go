package secevent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// maxEvents is how many tokens an answer holds at most.
const maxEvents = 100

// Poll is a request for events (RFC 8936 §2.2).
type Poll struct {
	MaxEvents         *int                `json:"maxEvents"` // absent: as many as there are, 100 at most; 0: none, this only acknowledges
	ReturnImmediately bool                `json:"returnImmediately"`
	Ack               []string            `json:"ack"`
	SetErrs           map[string]SetError `json:"setErrs"`
}

// SetError says why a receiver refuses a token (RFC 8935 §2.4).
type SetError struct {
	Code        string `json:"err"`
	Description string `json:"description" empty:"allowed"`
}

// Answer holds tokens by their id (RFC 8936 §2.3).
type Answer struct {
	Sets          map[string]string `json:"sets"`
	MoreAvailable bool              `json:"moreAvailable"` // there may be more at once, even if sets is empty
}

// ErrNotPolling says that a client is not registered to poll for events.
var ErrNotPolling = errors.New("not registered to poll for events")

// Poll acknowledges what the request names, and answers with what the client has to hear and has not acknowledged. If there is
// nothing it waits for 25 seconds; a client that is far behind is told to ask again instead. domain.ErrInvalid for a negative
// maxEvents.
func (s *Service) Poll(ctx context.Context, clientID string, p Poll) (Answer, error) {
	limit := maxEvents
	if p.MaxEvents != nil {
		if limit = min(*p.MaxEvents, maxEvents); limit < 0 {
			return Answer{}, fmt.Errorf("%w maxEvents: it must not be negative", domain.ErrInvalid)
		}
	}
	if err := s.acknowledgePoll(ctx, clientID, p); err != nil {
		return Answer{}, err
	}
	patience := time.NewTimer(s.longPoll)
	defer patience.Stop()
	for {
		news, stopped := s.next()
		answer, err := s.offer(ctx, clientID, limit)
		if err != nil || len(answer.Sets) > 0 || answer.MoreAvailable || limit == 0 || p.ReturnImmediately || stopped {
			return answer, err
		}
		if !s.wait(ctx, clientID, news, patience.C) {
			return answer, ctx.Err()
		}
	}
}

// wait waits until there is something new; false if there is no time, or no room, for that: then it makes a short pause, since
// the caller will ask again at once.
func (s *Service) wait(ctx context.Context, clientID string, news <-chan struct{}, patience <-chan time.Time) bool {
	if !s.beginWait(clientID) {
		select {
		case <-time.After(crowdedPause):
		case <-patience:
		case <-ctx.Done():
		}
		return false
	}
	defer s.endWait(clientID)
	select {
	case <-news:
		return true
	case <-patience:
	case <-ctx.Done():
	}
	return false
}

// beginWait takes a place to wait for a client; false if there is none left.
func (s *Service) beginWait(clientID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == maxWaiting || s.waitingOf[clientID] == maxWaitingOf {
		return false
	}
	s.waiting++
	s.waitingOf[clientID]++
	return true
}

// endWait gives the place back.
func (s *Service) endWait(clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	if s.waitingOf[clientID]--; s.waitingOf[clientID] == 0 {
		delete(s.waitingOf, clientID)
	}
}

func (s *Service) offer(ctx context.Context, clientID string, limit int) (Answer, error) {
	answer := Answer{Sets: map[string]string{}}
	queue, err := s.load(ctx, clientID)
	if err == nil && queue.receiver.Method != domain.DeliveryPoll {
		err = ErrNotPolling
	}
	if err != nil {
		return answer, err
	}
	for _, i := range queue.open[:min(limit, len(queue.open))] {
		if answer.Sets[queue.jti(i)], err = s.make(ctx, queue, i); err != nil {
			return answer, err
		}
	}
	answer.MoreAvailable = len(queue.open) > limit || queue.behind
	return answer, s.advance(ctx, queue)
}

// acknowledgePoll acknowledges what a receiver has got, or refuses. An id that is not waiting to be acknowledged means nothing: it may have
// been acknowledged before. A refused token counts as acknowledged, since it would only be refused again (RFC 8936 §2.4); the
// audit log keeps why.
func (s *Service) acknowledgePoll(ctx context.Context, clientID string, p Poll) error {
	const attempts = 10 // against other polls of the same receiver
	if len(p.Ack)+len(p.SetErrs) == 0 {
		return nil
	}
	var err error
	for range attempts {
		if err = s.acknowledgeOnce(ctx, clientID, p); !errors.Is(err, domain.ErrConsumed) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
}

func (s *Service) acknowledgeOnce(ctx context.Context, clientID string, p Poll) error {
	queue, err := s.loadPending(ctx, clientID, true) // a pause does not undo what was sent before
	if err == nil && queue.receiver.Method != domain.DeliveryPoll {
		err = ErrNotPolling
	}
	if err != nil {
		return err
	}
	var done, refused []item
	acked := keySet(p.Ack)
	for _, i := range queue.open {
		if _, bad := p.SetErrs[queue.jti(i)]; bad {
			refused = append(refused, i)
		} else if acked[queue.jti(i)] {
			done = append(done, i)
		}
	}
	if len(done)+len(refused) == 0 {
		return nil
	}
	return s.Store.Tx(ctx, func(ctx context.Context) error {
		for _, i := range refused {
			if err := s.recordRefusal(ctx, &queue, i, p.SetErrs[queue.jti(i)]); err != nil {
				return err
			}
		}
		_, err := s.acknowledge(ctx, queue, append(done, refused...)...)
		return err
	})
}
