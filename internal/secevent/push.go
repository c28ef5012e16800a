package secevent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/outbound"
)

const (
	pushTimeout = 10 * time.Second // of one request
	leaseTime   = time.Minute      // of a round of deliveries to one receiver
	maxBackoff  = 10 * time.Minute
	roundSize   = 100
	maxRefusals = 5       // of one token, then it is skipped
	maxAnswer   = 4 << 10 // bytes
	maxError    = 200     // bytes of a receiver's error that are kept
)

// deliver pushes a receiver's unacknowledged events in order, one request at a time, while this replica holds the lease. It reports
// whether there may be more to do now. A token counts as delivered once its 202 is stored; a crash before that sends it again, with the
// same jti.
func (s *Service) deliver(ctx context.Context, clientID string) (more bool, err error) {
	queue, err := s.load(ctx, clientID)
	switch {
	case err != nil:
		return false, err
	case len(queue.open) == 0:
		return queue.behind, s.advance(ctx, queue)
	}
	ahead, err := s.Clock.Ahead(ctx)
	if err != nil {
		return false, err
	}
	now := func() time.Time { return s.Now().Add(-ahead) }
	began := now()
	until := began.Add(leaseTime)
	if err := s.Deliveries.LeaseReceiver(ctx, queue.receiver.ID, began, until); err != nil {
		return false, fmt.Errorf("lease the receiver: %w", err)
	}
	leased, due := queue.receiver, queue.receiver.NextAttemptAt
	leased.LeasedUntil = until
	defer func() { // on every path: nobody else may push while the lease lasts
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushTimeout)
		defer cancel()
		err = errors.Join(err, s.Deliveries.ReleaseReceiver(release, leased, due))
	}()
	// Another replica may have delivered before the lease.
	if queue, err = s.load(ctx, clientID); err != nil {
		return false, err
	}
	due = queue.receiver.NextAttemptAt
	queue.receiver.LeasedUntil = until
	more, err = s.pushAll(ctx, &queue, now)
	leased = queue.receiver
	return more, err
}

// pushAll pushes a round of tokens, until one fails, and sets the receiver's attempts accordingly. now is by the database's clock.
func (s *Service) pushAll(ctx context.Context, queue *pending, now func() time.Time) (more bool, err error) {
	r := &queue.receiver
	r.NextAttemptAt = now() // after this round others come first that wait for a slot
	for n, i := range queue.open {
		if n == roundSize || now().Add(s.pushTimeout).After(r.LeasedUntil) {
			return true, nil
		}
		if n > 0 {
			if as, err := s.asBefore(ctx, *r); err != nil || !as {
				return true, err
			}
		}
		token, err := s.make(ctx, *queue, i)
		if err != nil {
			return false, err
		}
		failure := s.push(ctx, *r, token)
		refusal, refused := errors.AsType[*refusedError](failure)
		switch {
		case failure == nil:
			r.Progress, err = s.acknowledge(ctx, *queue, i)
		case ctx.Err() != nil:
			return false, nil // the server stops: not the receiver's fault
		case refused && r.Attempts+1 >= maxRefusals:
			r.Progress, err = s.giveUp(ctx, *queue, i, refusal.SetError)
		default:
			r.Attempts++
			r.NextAttemptAt, r.LastError = now().Add(backoff(r.Attempts)), failure.Error()
			return false, nil
		}
		if err != nil {
			return false, err
		}
		r.Attempts, r.LastError = 0, ""
	}
	return true, nil
}

// asBefore says whether a receiver was neither changed nor paused since it was read.
func (s *Service) asBefore(ctx context.Context, r domain.Receiver) (bool, error) {
	now, err := s.Store.FindReceiver(ctx, r.Client)
	return now.Version == r.Version && now.PausedAt.Equal(r.PausedAt), err
}

// giveUp goes on to the next token, and keeps in the audit log why.
func (s *Service) giveUp(ctx context.Context, queue pending, i item, why SetError) (next domain.Progress, err error) {
	err = s.Store.Tx(ctx, func(ctx context.Context) error {
		if err := s.recordRefusal(ctx, &queue, i, why); err != nil {
			return err
		}
		next, err = s.acknowledge(ctx, queue, i)
		return err
	})
	return next, err
}

// backoff is how long to wait after so many failures in a row: from a second to ten minutes, spread over the upper half.
func backoff(failures int) time.Duration {
	d := min(time.Second<<min(failures-1, 20), maxBackoff)
	return d/2 + rand.N(d/2)
}

// refusedError says that the receiver cannot process this token (RFC 8935 §2.4, invalid_request; Shared Signals Framework 1.0 §8.1.4.1,
// invalid_state). Any other failure may be temporary or get repaired (the receiver is down, requires another bearer token, does not know
// the key yet), so the token is sent until it is accepted.
type refusedError struct{ SetError }

func (e *refusedError) Error() string {
	return strings.TrimSpace("refused: " + e.Code + " " + e.Description)
}

// push sends one token (RFC 8935 §2.1); nil if the receiver answered 202.
func (s *Service) push(ctx context.Context, r domain.Receiver, token string) error {
	ctx, cancel := context.WithTimeout(ctx, s.pushTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Endpoint, strings.NewReader(token))
	if err != nil {
		return errors.New("the endpoint is not a URL")
	}
	request.Header.Set("Content-Type", "application/secevent+jwt")
	request.Header.Set("Accept", "application/json")
	if len(r.SealedToken) > 0 {
		bearer, err := s.Master.Open(sealName(r.Client), r.SealedToken)
		if err != nil {
			return fmt.Errorf("the bearer token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+string(bearer))
	}
	response, err := s.clients.Do(request, r.AllowPrivate)
	if err != nil {
		if errors.Is(err, outbound.ErrNotPublic) {
			err = fmt.Errorf("%w: register the receiver with --allow-private if it should be", err)
		}
		return errors.New(clip(err.Error()))
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // what is missing is only an explanation
	if response.StatusCode == http.StatusAccepted {
		return nil
	}
	var said SetError
	if response.StatusCode != http.StatusBadRequest || json.Unmarshal(answer, &said) != nil || said.Code == "" {
		return fmt.Errorf("the endpoint answered %d, not 202", response.StatusCode)
	}
	said = SetError{clip(said.Code), clip(said.Description)}
	if said.Code == "invalid_request" || said.Code == "invalid_state" {
		return &refusedError{said}
	}
	return fmt.Errorf("the endpoint answered %s %s", said.Code, said.Description)
}

// recordRefusal keeps in the audit log that a receiver refused a token for good. Call it before acknowledge.
func (s *Service) recordRefusal(ctx context.Context, queue *pending, i item, why SetError) error {
	why = SetError{clip(why.Code), clip(why.Description)}
	if queue.isVerification(i) {
		queue.refusal = strings.TrimSpace(why.Code + " " + why.Description)
	}
	return s.Recorder.Record(ctx, event.ReceiverRefused{
		ClientID: queue.receiver.Client, TokenID: queue.jti(i), Err: why.Code, Description: why.Description,
	})
}

// clip makes somebody else's words fit to be kept: one line of plain text, not long.
func clip(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.ToValidUTF8(text[:min(len(text), maxError)], "")
}
