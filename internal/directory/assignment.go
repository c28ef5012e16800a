package directory

import (
	"cmp"
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Assign gives a role to a user, a group or a client, or changes until when it has it; only Role, SubjectKind, Subject and
// ExpiresAt count. ErrInvalid for an unknown kind, an expiry that has passed and an end of the last administrator, ErrNotFound says what
// does not exist.
func (d *Directory) Assign(ctx context.Context, a domain.Assignment) error {
	a.CreatedAt = d.now()
	checkExpiry := func() error {
		if !a.Active(d.now()) {
			return expired(a)
		}
		return nil
	}
	if err := cmp.Or(checkExpiry(), checkSubject(&a)); err != nil {
		return err
	}
	return d.events.Change(ctx, assigned(a), func(ctx context.Context) error {
		if err := checkExpiry(); err != nil { // it may have waited for the transaction
			return err
		}
		return d.KeepAdministrator(ctx, func() error { return d.assignments.PutAssignment(ctx, a) })
	})
}

// Unassign takes a role from a user, a group or a client. ErrInvalid for the last administrator,
// ErrNotFound says what does not exist.
func (d *Directory) Unassign(ctx context.Context, role string, kind domain.SubjectKind, subject string) error {
	return d.UnassignAll(ctx, []domain.Assignment{{Role: role, SubjectKind: kind, Subject: subject}})
}

// subjectName is the subject of an assignment as "user:alice", "group:ops" or "client:reporting".
func subjectName(a domain.Assignment) string { return string(a.SubjectKind) + ":" + a.Subject }

// checkSubject makes a user's name canonical.
func checkSubject(a *domain.Assignment) error {
	switch a.SubjectKind {
	case domain.SubjectUser:
		a.Subject = canonical(a.Subject)
	case domain.SubjectGroup, domain.SubjectClient:
	default:
		return domain.Invalid("kind", domain.RuleOneOf, "kind of subject %q: assign roles to a user, a group or a client", a.SubjectKind)
	}
	return nil
}

// ListAssignments returns a page of the assignments that a filter chooses, the oldest first.
func (d *Directory) ListAssignments(ctx context.Context, f domain.AssignmentFilter, p domain.Page) ([]domain.Assignment, error) {
	if f.SubjectKind == domain.SubjectUser {
		f.Subject = canonical(f.Subject)
	}
	return d.assignments.ListAssignments(ctx, f, p)
}

// forGood is later than any assignment ends.
var forGood = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// KeepAdministrator makes a change unless it takes away the last administrator, or the last who can sign in, now or when assignments end
// that have an end. The end of the audit log, which is locked in the transaction, keeps others from doing the same at the same time.
func (d *Directory) KeepAdministrator(ctx context.Context, change func() error) error {
	type count struct{ all, able int }
	times := [...]time.Time{d.now(), forGood}
	counted := func() (counts [len(times)]count, err error) {
		for i, at := range times {
			if counts[i].all, counts[i].able, err = d.assignments.CountAdministrators(ctx, at); err != nil {
				return counts, err
			}
		}
		return counts, nil
	}
	before, err := counted()
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	after, err := counted()
	if err != nil {
		return err
	}
	for i, at := range times {
		switch {
		case before[i].able > 0 && after[i].able == 0 && after[i].all > 0:
			return domain.Invalid("", domain.RuleState, "change: this is the last administrator who can sign in; make another user one first")
		case before[i].all == 0 || after[i].all > 0:
		case at.Equal(forGood):
			return domain.Invalid("", domain.RuleState, "change: this is the last administrator without an end; make another user one first")
		default:
			return domain.Invalid("", domain.RuleState, "change: this is the last administrator; make another user one first")
		}
	}
	return nil
}
