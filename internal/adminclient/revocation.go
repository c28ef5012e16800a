package adminclient

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/admin"
)

// Finish waits until the tokens of a revocation are marked; on the database it marks them itself. progress, unless nil, is called as it
// goes on.
func (c *Client) Finish(ctx context.Context, r admin.Revocation, progress func(admin.Revocation)) (admin.Revocation, error) {
	if progress == nil {
		progress = func(admin.Revocation) {}
	}
	if !r.DoneAt.IsZero() || r.ID == 0 {
		progress(r)
		return r, nil
	}
	if c.finish != nil {
		return c.finish(ctx, r.ID, progress)
	}
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		_, err := c.Call(ctx, Request{Operation: "revocation.find", Path: []string{strconv.FormatInt(r.ID, 10)}}, &r)
		if problem, ok := errors.AsType[*Problem](err); ok && problem.Status == http.StatusUnauthorized {
			return r, nil // the caller's own token was among those that are revoked
		}
		if err != nil {
			return r, err
		}
		progress(r)
		if !r.DoneAt.IsZero() {
			return r, nil
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-ticker.C:
		}
	}
}

const pollEvery = 500 * time.Millisecond
