package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
)

// progress draws a bar on stderr while the tokens of a revocation are updated; nil where stderr is no terminal. Token ids begin
// with the time of issue, so the cursor shows which part is done.
func (a *app) progress() func(admin.Revocation) {
	if _, _, ok := terminal(a.stderr); !ok {
		return nil
	}
	const width = 30
	var first time.Time
	return func(r admin.Revocation) {
		at := r.MarkedUntil
		if first.IsZero() {
			first = at
		}
		done := 1.0
		if span := r.CreatedAt.Sub(first); r.DoneAt.IsZero() && span > 0 {
			done = min(1, max(0, at.Sub(first).Seconds()/span.Seconds()))
		}
		filled := int(done * width)
		fmt.Fprintf(a.stderr, "\r[%s%s] %3.0f %%  %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled), done*100, revokedView{r.RevokedTokens, r.RevokedGrants})
		if !r.DoneAt.IsZero() {
			fmt.Fprintln(a.stderr)
		}
	}
}
