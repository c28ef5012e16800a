package session

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// expiryStep is how many expired sessions end in one transaction.
const expiryStep = 50

// End ends a session. Done before is no error.
func (s *Sessions) End(ctx context.Context, session domain.Session) error {
	err := s.store.Tx(ctx, func(ctx context.Context) error { return s.end(ctx, s.now(), session) })
	if err != nil {
		return fmt.Errorf("end session %d: %w", session.ID, err)
	}
	return nil
}

// EndExpired ends expired and idle sessions, each once, whichever replica calls it. Such sessions are refused already; ending them
// notifies clients and services. domain.ErrClocksDiffer if this machine's clock is wrong.
func (s *Sessions) EndExpired(ctx context.Context) error {
	now, err := s.clock.DeletionTime(ctx)
	for n := expiryStep; err == nil && n == expiryStep; {
		n, err = s.endExpired(ctx, now)
	}
	if err != nil {
		return fmt.Errorf("end expired sessions: %w", err)
	}
	return nil
}

func (s *Sessions) endExpired(ctx context.Context, now time.Time) (n int, err error) {
	err = s.store.Tx(ctx, func(ctx context.Context) error {
		expired, err := s.store.HoldExpiredSessions(ctx, now, now.Add(-s.lim.Idle), expiryStep)
		if n = len(expired); err != nil || n == 0 {
			return err
		}
		return s.end(ctx, now, expired...)
	})
	return n, err
}

// end ends sessions in the transaction that ctx carries.
func (s *Sessions) end(ctx context.Context, now time.Time, sessions ...domain.Session) error {
	ids := make([]int64, len(sessions))
	for i, session := range sessions {
		ids[i] = session.ID
	}
	ended, err := s.store.EndSessions(ctx, now, ids...)
	if err != nil || len(ended) == 0 {
		return err
	}
	events := make([]event.Event, len(ended))
	for i, session := range ended {
		events[i] = event.SessionEnded{Session: session.SID, SessionID: session.ID, UserID: session.UserID}
	}
	if err := s.events.Record(ctx, events...); err != nil { // first: services hear of what is not revoked yet
		return err
	}
	return s.revoker.RevokeOfSessions(ctx, ids...)
}

// maxFrontchannel is how many clients one page notifies of a sign-out.
const maxFrontchannel = 20

// Frontchannel returns where the browser has to tell clients of the end of a session.
func (s *Sessions) Frontchannel(ctx context.Context, session domain.Session) ([]domain.FrontchannelLogout, error) {
	logouts, err := s.frontchannel.FrontchannelLogouts(ctx, session.ID, maxFrontchannel)
	if err != nil {
		return nil, fmt.Errorf("find the clients of session %d: %w", session.ID, err)
	}
	return logouts, nil
}
