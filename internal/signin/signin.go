// Package signin establishes who signs in, step by step. A step is passed by a method, each a file of this package; the session begins
// when no method asks for another step.
package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/statistics"
)

// Method is a way to prove who one is.
type Method interface {
	// Name is what the interaction, and the field of the form with the answer, call it.
	Name() string
	// Follows says whether the step may, or has to, come next in a sign-in that has come so far.
	Follows(ctx context.Context, a domain.Authentication) (bool, error)
	// Verify checks what a person sent, and returns the step; Method and At are filled in for it. ErrInvalid if it proves nothing or the
	// user may not sign in: the same error, after the same time, for every reason. ErrBusy if too many sign in at the moment.
	Verify(ctx context.Context, a domain.Authentication, attempt Attempt) (interaction.Step, error)
	// Confirm returns ErrInvalid unless the user still has the credential that the step was passed with.
	Confirm(ctx context.Context, step interaction.Step) error
	// Used notes that a session began by the step.
	Used(ctx context.Context, step interaction.Step) error
}

// Transactions run several statements as one.
type Transactions interface {
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
}

// Config is what a Service is made of.
type Config struct {
	Methods      []Method // in the order in which a page offers them
	Transactions Transactions
	Directory    *directory.Directory
	Sessions     *session.Sessions
	Events       *event.Recorder
	Counters     *statistics.Counters // nil: nothing is counted
	Shared       Shared               // nil: failures are counted by this replica alone
	SharedKey    []byte               // hides in it who fails, the same at all replicas
	Now          func() time.Time
}

// Service signs people in.
type Service struct {
	Log *slog.Logger // of refusals; none unless it is set before the first sign-in

	config   Config
	throttle *throttle
	shared   *shared
	refusals *event.Bounded
}

// New makes a Service.
func New(c Config) (*Service, error) {
	throttle, err := newThrottle(c.Now)
	if err != nil {
		return nil, err
	}
	return &Service{Log: slog.New(slog.DiscardHandler), config: c, throttle: throttle, shared: newShared(c), refusals: event.NewBounded(c.Events, refusalsAtOnce, refusalsEvery)}, nil
}

// Progress is how far a sign-in has come.
type Progress struct {
	domain.Authentication                    // by the steps that were passed
	Steps                 []interaction.Step // that were passed
	Next                  []string           // the methods of which one comes next
}

// Attempt is what a person sent for the next step.
type Attempt struct {
	Method    string // one of Progress.Next
	Username  string // as typed, where no step has named the user yet
	Answer    string // the password
	Remote    string // address of the request
	Browser   string // a name for the browser, if the user signed in on it before
	Secret    string // of the browser, that it keeps when somebody signs in
	UserAgent string
}

// Outcome is what a step has led to: a session, or Progress to one.
type Outcome struct {
	Progress
	Session domain.Session
	Token   string // of the session; empty: another step comes next
}

// Resume says how far the sign-in has come of which these steps were passed. It begins anew if they count no more: the user may not sign
// in, or a credential was changed or removed.
func (s *Service) Resume(ctx context.Context, steps []interaction.Step) (Progress, error) {
	if len(steps) > 0 {
		p, err := s.progress(ctx, steps)
		if err != nil && !errors.Is(err, domain.ErrInvalid) || err == nil && len(p.Next) > 0 {
			return p, err
		}
	}
	return s.progress(ctx, nil)
}

// Try takes a step of a sign-in that has come so far, and begins the session if it was the last. ErrInvalid if what was sent proves
// nothing or the user may not sign in, a domain.WaitError if too many attempts have failed, another ErrBusy if too many are under way.
func (s *Service) Try(ctx context.Context, p Progress, a Attempt) (Outcome, error) {
	name := cmp.Or(p.User.Username, a.Username)
	try := &attempt{name: name, address: domain.RemoteAddr(a.Remote), browser: a.Browser}
	counted, err := s.admit(ctx, try)
	if err != nil {
		return Outcome{}, err
	}
	end := failed // also if it panics
	defer func() {
		s.shared.end(ctx, counted, end, s.Log)
		s.throttle.end(try, end)
	}()
	outcome, err := s.try(ctx, p, a)
	switch {
	case errors.Is(err, domain.ErrInvalid):
		s.config.Counters.Count(statistics.SignInRefused)
		s.Log.InfoContext(ctx, "sign-in refused", "username", name[:min(len(name), 256)], "ip", domain.Network(a.Remote))
		if refusal := s.recordRefusal(ctx, name, domain.Network(a.Remote)); refusal != nil {
			return Outcome{}, refusal
		}
	case err != nil || outcome.Token == "":
		end = noGuess
	default:
		end = succeeded
		s.config.Counters.Count(statistics.SignedIn)
	}
	return outcome, err
}

// admit counts an attempt as a failure until it ends, here and at all replicas together. Errors as Try's.
func (s *Service) admit(ctx context.Context, a *attempt) (counted []bucketKey, err error) {
	if err = s.throttle.admit(ctx, a); err == nil {
		if counted, err = s.shared.admit(ctx, a); err != nil {
			s.throttle.end(a, noGuess)
		}
	}
	if errors.Is(err, domain.ErrBusy) {
		s.config.Counters.Count(statistics.Limited + limits.KindSignIn)
	}
	return counted, err
}

// try takes the step. Where many wait for a hash, browsers that the name has signed in on go first.
func (s *Service) try(ctx context.Context, p Progress, a Attempt) (Outcome, error) {
	verifying := ctx
	if a.Browser == "" {
		verifying = stranger(ctx)
	}
	step, err := s.verify(verifying, p, a)
	if err != nil {
		return Outcome{}, err
	}
	p, err = s.progress(ctx, append(slices.Clone(p.Steps), step))
	if err != nil || len(p.Next) > 0 {
		return Outcome{Progress: p}, err
	}
	return s.begin(ctx, p, a)
}

func (s *Service) verify(ctx context.Context, p Progress, a Attempt) (interaction.Step, error) {
	method := s.method(a.Method)
	if method == nil || !slices.Contains(p.Next, a.Method) {
		return interaction.Step{}, fmt.Errorf("%w step %q of a sign-in", domain.ErrInvalid, a.Method)
	}
	step, err := method.Verify(ctx, p.Authentication, a)
	if err != nil {
		return interaction.Step{}, err
	}
	if p.User.ID != 0 && step.UserID != p.User.ID {
		return interaction.Step{}, fmt.Errorf("%w step %q: it is another user's", domain.ErrInvalid, a.Method)
	}
	step.Method, step.At = a.Method, s.config.Now()
	return step, nil
}

// begin starts the session of a sign-in whose steps have all been passed, or renews that which the browser has of the user.
func (s *Service) begin(ctx context.Context, p Progress, a Attempt) (Outcome, error) {
	o := Outcome{Progress: p}
	browser := session.Browser{Secret: a.Secret, UserAgent: a.UserAgent, IP: domain.Network(a.Remote)}
	err := s.config.Transactions.Tx(ctx, func(ctx context.Context) (err error) {
		o.Token, o.Session, err = s.config.Sessions.Start(ctx, p.Authentication, browser)
		if errors.Is(err, domain.ErrReferenced) {
			return fmt.Errorf("%w user %q: deleted by now", domain.ErrInvalid, p.User.Username)
		}
		if err != nil {
			return err
		}
		// A change of a credential ends the sessions that there are. From the start of the session until the commit there is
		// none: one made before is seen here, one made later ends this session too.
		_, err = s.confirm(ctx, p.Steps)
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	for _, step := range p.Steps { // outside the transaction, in which it would wait for changes of credentials that wait for the audit log
		if err := s.method(step.Method).Used(ctx, step); err != nil {
			s.Log.WarnContext(ctx, "note the use of a credential", "error", err)
		}
	}
	return o, nil
}

// progress is that of a sign-in of which these steps were passed, in their order. ErrInvalid if they count no more.
func (s *Service) progress(ctx context.Context, steps []interaction.Step) (Progress, error) {
	p := Progress{Steps: steps}
	if len(steps) > 0 {
		user, err := s.confirm(ctx, steps)
		if err != nil {
			return Progress{}, err
		}
		last := steps[len(steps)-1]
		p.Authentication = domain.Authentication{User: user, ACR: last.ACR, At: last.At, Via: steps[0].Method}
		for _, step := range steps {
			p.Methods = append(p.Methods, step.AMR...)
		}
	}
	for _, method := range s.config.Methods {
		follows, err := method.Follows(ctx, p.Authentication)
		if err != nil {
			return Progress{}, err
		}
		if follows {
			p.Next = append(p.Next, method.Name())
		}
	}
	return p, nil
}

// confirm finds the user who passed the steps. ErrInvalid if they count no more: the user is gone or disabled, or has not the credential
// of one any more.
func (s *Service) confirm(ctx context.Context, steps []interaction.Step) (domain.User, error) {
	user, err := s.config.Directory.FindUserByID(ctx, steps[0].UserID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !user.DisabledAt.IsZero() {
		return domain.User{}, fmt.Errorf("%w user %d: deleted or disabled by now", domain.ErrInvalid, steps[0].UserID)
	}
	if err != nil {
		return domain.User{}, err
	}
	for _, step := range steps {
		method := s.method(step.Method)
		if method == nil {
			return domain.User{}, fmt.Errorf("%w step %q of a sign-in", domain.ErrInvalid, step.Method)
		}
		if err := method.Confirm(ctx, step); err != nil {
			return domain.User{}, err
		}
	}
	return user, nil
}

// method is the method of a name, nil if there is none.
func (s *Service) method(name string) Method {
	i := slices.IndexFunc(s.config.Methods, func(m Method) bool { return m.Name() == name })
	if i < 0 {
		return nil
	}
	return s.config.Methods[i]
}
