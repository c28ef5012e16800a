package admin

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Receiver is a client that gets security events.
type Receiver struct {
	ClientID      string    `json:"client_id"`
	Description   string    `json:"description,omitempty"`
	Method        string    `json:"method" enum:"poll,push"`
	Endpoint      string    `json:"endpoint,omitempty"`
	HasBearer     bool      `json:"has_bearer_token"`
	AllowPrivate  bool      `json:"allow_private"`
	Events        []string  `json:"events"`
	Acknowledged  int64     `json:"acknowledged_seq" doc:"Every event of the audit log up to it is acknowledged"`
	WaitingSince  time.Time `json:"waiting_since,omitzero" doc:"When the first event was that it has not acknowledged; left out: it has acknowledged all"`
	Missed        int64     `json:"missed_seq,omitzero" doc:"The last event that was deleted, after events.retention, before it was acknowledged"`
	Failures      int       `json:"failures" doc:"In a row"`
	NextAttemptAt time.Time `json:"next_attempt_at,omitzero"`
	LastError     string    `json:"last_error,omitempty"`
	Paused        bool      `json:"paused"`
	PausedAt      time.Time `json:"paused_at,omitzero"`
	Status        string    `json:"status" enum:"enabled,paused,disabled" doc:"Of its stream; disabled: paused, and its events are not kept, as it asked itself"`
	StatusReason  string    `json:"status_reason,omitempty" doc:"Why it is so, if it said that"`
	ManagedBy     string    `json:"managed_by,omitempty" doc:"The set of files that it comes from: applying them again undoes other changes. Left out: none"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	Version       int64     `json:"-"`

	Verification Verification `json:"verification,omitzero" doc:"The last verification event that it was sent; left out: there was none"`
}

// Verification is a verification event that a receiver was sent.
type Verification struct {
	Seq            int64     `json:"seq" doc:"Of its event in the audit log"`
	State          string    `json:"state" doc:"Which the event says"`
	SentAt         time.Time `json:"sent_at"`
	AcknowledgedAt time.Time `json:"acknowledged_at,omitzero" doc:"Left out: the receiver has not acknowledged it"`
	RefusedAt      time.Time `json:"refused_at,omitzero" doc:"Left out: the receiver has not refused it"`
	Refusal        string    `json:"refusal,omitempty" doc:"Why the receiver refused it"`
}

// IsPending says whether the receiver was sent it and has not answered.
func (v Verification) IsPending() bool {
	return v.Seq > 0 && v.AcknowledgedAt.IsZero() && v.RefusedAt.IsZero()
}

func showVerification(v domain.Verification) Verification {
	shown := Verification{Seq: v.Seq, State: v.State, SentAt: v.At, Refusal: v.Refusal}
	if v.Refusal != "" {
		shown.RefusedAt = v.AnsweredAt
	} else {
		shown.AcknowledgedAt = v.AnsweredAt
	}
	return shown
}

// receiversShown are the most of which the events that wait are looked at.
const receiversShown = 1000

// showReceivers shows receivers, of which one may be named, with the events that wait for them.
func (s *Service) showReceivers(ctx context.Context, name string, receivers ...domain.Receiver) ([]Receiver, error) {
	shown, err := list(receivers, nil, showReceiver)
	if err != nil || len(receivers) == 0 {
		return shown, err
	}
	backlogs, err := s.config.Attention.Backlogs(ctx, name, 1, receiversShown)
	since := map[string]time.Time{}
	for _, b := range backlogs {
		since[b.Client] = b.Since
	}
	for i := range shown {
		shown[i].WaitingSince = since[shown[i].ClientID]
	}
	return shown, err
}

func showReceiver(r domain.Receiver) Receiver {
	shown := Receiver{
		ClientID: r.Client, Description: r.Description, Method: string(r.Method), Endpoint: r.Endpoint, HasBearer: len(r.SealedToken) > 0, AllowPrivate: r.AllowPrivate,
		Events: array(r.Events), Acknowledged: r.Progress.Acked, Missed: r.Missed, Failures: r.Attempts, LastError: r.LastError,
		Paused: !r.PausedAt.IsZero(), PausedAt: r.PausedAt, Status: string(r.Status()), StatusReason: r.StatusReason, ManagedBy: r.ManagedBy, CreatedAt: r.CreatedAt,
		UpdatedAt: r.UpdatedAt, Version: r.Version, Verification: showVerification(r.Verification),
	}
	if r.Attempts > 0 {
		shown.NextAttemptAt = r.NextAttemptAt
	}
	return shown
}

// CreateReceiver makes a client a receiver; the bearer token, if any, is sent with every push. The errors of secevent.Create.
func (s *Service) CreateReceiver(ctx context.Context, caller authn.Caller, receiver domain.Receiver, bearer string) (Receiver, error) {
	ctx, err := s.authorize(ctx, caller, "receiver.create")
	if err != nil {
		return Receiver{}, err
	}
	receiver, err = s.config.Receivers.Create(ctx, receiver, bearer)
	return showReceiver(receiver), err
}

// FindReceiver shows a receiver. domain.ErrNotFound if that client is none.
func (s *Service) FindReceiver(ctx context.Context, caller authn.Caller, clientID string) (Receiver, error) {
	ctx, err := s.authorize(ctx, caller, "receiver.find")
	if err != nil {
		return Receiver{}, err
	}
	receiver, err := s.config.Receivers.Find(ctx, clientID)
	if err != nil {
		return Receiver{}, err
	}
	shown, err := s.showReceivers(ctx, clientID, receiver)
	if err != nil {
		return Receiver{}, err
	}
	return shown[0], nil
}

// ListReceivers lists receivers by client_id. ErrCursor for that of another list.
func (s *Service) ListReceivers(ctx context.Context, caller authn.Caller, q Query) (Page[Receiver], error) {
	const operation = "receiver.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Receiver]{}, err
	}
	return page(ctx, s, operation, q, s.config.Receivers.List, func(o domain.Receiver) string { return o.Client }, func(receivers []domain.Receiver) ([]Receiver, error) {
		return s.showReceivers(ctx, "", receivers...)
	})
}

// UpdateReceiver changes a receiver as edit does, and its bearer token to the given one. domain.ErrConflict if the receiver is not of the
// version, unless that is nil; otherwise the errors of secevent.Update.
func (s *Service) UpdateReceiver(
	ctx context.Context, caller authn.Caller, clientID string, version *int64, bearer *string, edit func(*domain.Receiver) error,
) (Receiver, error) {
	ctx, err := s.authorize(ctx, caller, "receiver.update")
	if err != nil {
		return Receiver{}, err
	}
	receiver, err := s.config.Receivers.Update(ctx, clientID, bearer, func(r *domain.Receiver) error {
		if err := sameVersion(version, r.Version); err != nil {
			return err
		}
		return edit(r)
	})
	return showReceiver(receiver), err
}

// RotateBearer makes another bearer token for a receiver's pushes and returns it; it is never shown again. domain.ErrConflict if the
// receiver is not of the version, unless that is nil; otherwise the errors of secevent.RotateBearer.
func (s *Service) RotateBearer(ctx context.Context, caller authn.Caller, clientID string, version *int64) (string, error) {
	ctx, err := s.authorize(ctx, caller, "receiver.rotate_bearer")
	if err != nil {
		return "", err
	}
	return s.config.Receivers.RotateBearer(ctx, clientID, func(r domain.Receiver) error { return sameVersion(version, r.Version) })
}

// VerifyReceiver sends a receiver a verification event with a state, if that is not empty. The errors of secevent.Verify.
func (s *Service) VerifyReceiver(ctx context.Context, caller authn.Caller, clientID, state string) (Verification, error) {
	ctx, err := s.authorize(ctx, caller, "receiver.verify")
	if err != nil {
		return Verification{}, err
	}
	sent, err := s.config.Receivers.Verify(ctx, clientID, state)
	return showVerification(sent), err
}

// PauseReceiver keeps a receiver's events until it is resumed, for the retention. domain.ErrNotFound if that client is none.
func (s *Service) PauseReceiver(ctx context.Context, caller authn.Caller, clientID string) error {
	ctx, err := s.authorize(ctx, caller, "receiver.pause")
	if err != nil {
		return err
	}
	return s.config.Receivers.SetPaused(ctx, clientID, true)
}

// ResumeReceiver delivers the events that were kept, and retries a failed delivery at once. domain.ErrNotFound if that client is none.
func (s *Service) ResumeReceiver(ctx context.Context, caller authn.Caller, clientID string) error {
	ctx, err := s.authorize(ctx, caller, "receiver.resume")
	if err != nil {
		return err
	}
	return s.config.Receivers.SetPaused(ctx, clientID, false)
}

// DeleteReceiver stops sending events to a client. domain.ErrNotFound if that client is none.
func (s *Service) DeleteReceiver(ctx context.Context, caller authn.Caller, clientID string) error {
	ctx, err := s.authorize(ctx, caller, "receiver.delete")
	if err != nil {
		return err
	}
	return s.config.Receivers.Delete(ctx, clientID)
}
