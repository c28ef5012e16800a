package signin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Refused sign-ins are recorded, so many at once and then one in a time, so that a flood of them cannot fill the log.
const (
	refusalsAtOnce = 20
	refusalsEvery  = 10 * time.Second
	usernameBytes  = 254
)

// recordRefusal records that a sign-in under this name was refused, or counts it if too many were.
func (s *Service) recordRefusal(ctx context.Context, username, ip string) error {
	err := s.refusals.Record(event.WithActor(ctx, event.System), func(omitted int64) event.Event {
		return event.SignInFailed{Username: domain.ClipText(strings.ToLower(username), usernameBytes), IP: ip, Omitted: omitted}
	})
	if err != nil {
		return fmt.Errorf("record a refused sign-in: %w", err)
	}
	return nil
}
