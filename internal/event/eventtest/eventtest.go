// Package eventtest helps tests of what records events.
package eventtest

import (
	"context"
	"testing"

	"github.com/signet-auth/signet/internal/event"
)

// Context is the test's ctx with the system as actor.
func Context(t testing.TB) context.Context { return event.WithActor(t.Context(), event.System) }
