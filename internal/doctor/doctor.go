// Package doctor looks at an installation as its operator would, and says what to do about what it finds. It changes nothing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/server"
)

// State is how serious a finding is.
type State string

// The states.
const (
	Good    State = "ok"
	Warning State = "warning" // it works, and may not for long, or not as it should
	Problem State = "problem" // tokens, users or data are at risk
	Skipped State = "skipped" // it could not be checked
)

// Finding is what one check came to.
type Finding struct {
	State  State  `json:"state"`
	Check  string `json:"check"`
	About  string `json:"about"`
	Advice string `json:"advice,omitempty"`
}

// Options say what is checked.
type Options struct {
	Offline bool // ask nothing of the issuer over the network
	Now     func() time.Time
}

// examination collects findings.
type examination struct {
	Options
	config   config.Config
	findings []Finding
}

func (e *examination) add(state State, check, advice, format string, args ...any) {
	e.findings = append(e.findings, Finding{state, check, fmt.Sprintf(format, args...), advice})
}

// Examine makes all checks, one after the other.
func Examine(ctx context.Context, cfg config.Config, options Options) []Finding {
	e := &examination{Options: options, config: cfg}
	e.files()
	e.disk()
	e.certificate()
	services := e.open(ctx)
	if services != nil {
		defer services.Close()
		e.keys(ctx, services)
		e.attention(ctx, services)
	}
	if e.Offline {
		e.add(Skipped, "issuer", "", "the issuer was not asked: --offline")
	} else {
		e.issuer(ctx, services)
	}
	return e.findings
}

// Worst is the most serious state of findings.
func Worst(findings []Finding) State {
	worst := Good
	for _, f := range findings {
		if f.State == Problem || f.State == Warning && worst != Problem {
			worst = f.State
		}
	}
	return worst
}

// open looks at the database and opens the services on it. nil if that cannot be.
func (e *examination) open(ctx context.Context) *server.Services {
	if !e.database(ctx) {
		return nil
	}
	services, err := server.Open(ctx, e.config, server.ModeRead)
	if errors.Is(err, server.ErrNotMigrated) { // the schema is: it has no master key yet
		e.add(Skipped, "start", "", "no server has run on this database yet")
		return nil
	}
	if err != nil {
		e.add(Problem, "start", "a server would not start either: do what it says", "%v", err)
		return nil
	}
	return services
}
