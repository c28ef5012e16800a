package doctor

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

// keys looks at the ages of signing keys. Those whose rotation is overdue are among what wants attention.
func (e *examination) keys(ctx context.Context, services *server.Services) {
	const check = "signing keys"
	stored, err := services.Keys.List(ctx)
	if err != nil {
		e.add(Warning, check, "", "%v", err)
		return
	}
	active, next := map[string]time.Duration{}, map[string]bool{}
	for _, k := range stored {
		switch k.State {
		case domain.KeyActive:
			active[k.Alg] = e.Now().Sub(k.ActivatedAt)
		case domain.KeyNext:
			next[k.Alg] = true
		}
	}
	if len(active) == 0 {
		e.add(Warning, check, "signet serve", "there is none that signs: no server has run on this database yet")
	}
	for alg, age := range active {
		if next[alg] {
			e.add(Good, check, "", "%s has signed for %s, and the next key is published", alg, domain.DurationText(age.Round(time.Hour)))
		} else {
			e.add(Warning, check, "see in the log of the server why it makes none; signet key rotate", "%s has no next key: if the active one had to be revoked, services would see the new one late", alg)
		}
	}
}

// advice is what to do about what wants attention.
var advice = map[string]string{
	admin.HintSecret:        "signet client secret add, and remove the old one when the client has the new one",
	admin.HintAdministrator: "assign the role administrator to a second person, so that one can be locked out",
	admin.HintUnused:        "disable it: signet client disable",
	admin.HintAssignment:    "assign it anew with --until, or let it end",
	admin.HintKey:           "see in the logs of the servers why they do not rotate it; signet key rotate",
	admin.HintReceiver:      "see whether the service runs; signet receiver show",
	admin.HintReplica:       "see whether the machine runs; if it was taken away, nothing is to be done",
	admin.HintConditions:    "see in the log which condition fails; signet policy test",
}

// attention adds what the administration shows as wanting attention, and whether there is an administrator.
func (e *examination) attention(ctx context.Context, services *server.Services) {
	const check = "attention"
	if needed, err := services.Directory.SetupNeeded(ctx); err == nil && needed {
		e.add(Warning, "administrator", "use the link that signet serve prints, or signet assign administrator --user NAME", "there is none")
	}
	caller, err := authn.OperatingSystemUser()
	var hints []admin.Hint
	if err == nil {
		hints, err = services.Admin.ListAttention(ctx, caller)
	}
	if err != nil {
		e.add(Warning, check, "", "%v", err)
		return
	}
	for _, h := range hints {
		if h.Kind == admin.HintPlainHTTP { // said of the issuer
			continue
		}
		about := h.Kind
		if h.Object != "" {
			about += " " + h.Object
		}
		if h.About != "" {
			about += " (" + h.About + ")"
		}
		if !h.At.IsZero() {
			about += " at " + h.At.UTC().Format(time.RFC3339)
		}
		e.add(Warning, check, advice[h.Kind], "%s", about)
	}
	if scarce, err := services.DB.ScarceIDs(ctx); err == nil && len(scarce) > 0 {
		e.add(Problem, "ids", "ask for a version of signet that has wider ones", "ids are running out: %v", scarce)
	}
}
