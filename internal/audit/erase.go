package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const stepSize = 5000 // events that one transaction looks at or deletes

// Erase erases actor, target and details of every event that names a user by username, as it is stored, and says how many these were.
// What happened and when stays, and the chain stays whole; so does who erased or purged. It goes step by step, may be interrupted and
// run again.
func (l *Log) Erase(ctx context.Context, username string) (erased int, err error) {
	name := string(domain.SubjectUser) + ":" + username
	members := []string{fmt.Sprintf(`"user":%q`, username), fmt.Sprintf(`"subject":%q`, name)}
	subjects, err := l.subjectsOf(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("find the subject of the user in the audit log: %w", err)
	}
	for _, subject := range subjects {
		members = append(members, fmt.Sprintf(`"sub":%q`, subject))
	}
	end, err := l.store.EndOfLog(ctx)
	if err != nil {
		return 0, fmt.Errorf("find the end of the audit log: %w", err)
	}
	for after := int64(0); after < end.Seq; {
		n, through, err := l.eraseStep(ctx, after, []string{name}, members)
		if err != nil {
			return erased, fmt.Errorf("erase from the audit log: %w", err)
		}
		erased, after = erased+n, through
	}
	return erased, nil
}

// subjectsOf are the "sub"s that users of a name had, by the events of their deletion. Such an event is the last that has the "sub", so that
// an erasure that is interrupted before it finds it again.
func (l *Log) subjectsOf(ctx context.Context, name string) (subjects []string, err error) {
	filter := domain.EventFilter{Action: event.UserDeleted{}.Kind(), Target: name}
	err = l.Export(ctx, filter, 0, func(deletions []domain.Event) error {
		for _, e := range deletions {
			var user event.UserDeleted
			if err := json.Unmarshal([]byte(e.Details), &user); err != nil {
				return fmt.Errorf("event %d: %w", e.Seq, err)
			}
			subjects = append(subjects, user.Subject)
		}
		return nil
	})
	return subjects, err
}

func (l *Log) eraseStep(ctx context.Context, after int64, names, members []string) (n int, through int64, err error) {
	err = l.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		end, err := l.store.EndOfLog(ctx)
		if err != nil {
			return nil, err
		}
		var seqs []int64
		seqs, through, err = l.store.EraseEvents(ctx, after, stepSize, end.Seq+1, names, members) // the seq of the event that this returns
		if n = len(seqs); err != nil || n == 0 {
			return nil, err
		}
		return event.AuditErased{Events: n, First: seqs[0], Last: seqs[n-1], Digest: digestOf(seqs)}, nil
	})
	return n, through, err
}

// digestOf is SHA-256 in hex over seqs in order.
func digestOf(seqs []int64) string {
	h := sha256.New()
	for _, seq := range seqs {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(seq)))
	}
	return hex.EncodeToString(h.Sum(nil))
}
