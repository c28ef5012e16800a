package oauth

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// logLeftOut says which claims of a client's or an API's mappings were left out; the log is bounded.
func (p *Provider) logLeftOut(ctx context.Context, kind, name string, failures []domain.ClaimFailure) {
	for _, f := range failures {
		p.Log.WarnContext(ctx, "claim left out: its expression failed", kind, name, "claim", f.Claim, "reason", f.Reason)
	}
}
