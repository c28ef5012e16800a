package adminapi

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/limits"
)

// limit refuses a request of a caller who sends too many.
func (s *surface) limit(ctx huma.Context, next func(huma.Context)) {
	caller, _ := ctx.Context().Value(callerKey{}).(authn.Caller)
	if err := s.Limit.Spend(limits.Name{Who: string(caller.Actor()) + " " + caller.Client()}, 1, time.Now()); err != nil {
		s.refuse(ctx, s.problem(ctx.Context(), *ctx.Operation(), err))
		return
	}
	next(ctx)
}
