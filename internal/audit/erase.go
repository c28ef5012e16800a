package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const stepSize = 5000 // events that one transaction looks at or deletes

// Erase erases actor, target and details of every event that names a user, and says how many these were: by username, as it is stored,
// or by one of the values, such as subject and e-mail address. What happened and when stays, and the chain stays whole; so does who
// erased or purged. It goes step by step, may be interrupted and run again.
func (l *Log) Erase(ctx context.Context, username string, values ...string) (erased int, err error) {
	name := string(domain.SubjectUser) + ":" + username
	values = append(values, username, name)
	end, err := l.store.EndOfLog(ctx)
	if err != nil {
		return 0, fmt.Errorf("find the end of the audit log: %w", err)
	}
	for after := int64(0); after < end.Seq; after += stepSize {
		n, err := l.eraseStep(ctx, after, min(after+stepSize, end.Seq), []string{name}, values)
		if err != nil {
			return erased, fmt.Errorf("erase from the audit log: %w", err)
		}
		erased += n
	}
	return erased, nil
}

func (l *Log) eraseStep(ctx context.Context, after, through int64, names, values []string) (n int, err error) {
	err = l.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		end, err := l.store.EndOfLog(ctx)
		if err != nil {
			return nil, err
		}
		seqs, err := l.store.EraseEvents(ctx, after, through, end.Seq+1, names, values) // the seq of the event that this returns
		if n = len(seqs); err != nil || n == 0 {
			return nil, err
		}
		return event.AuditErased{Events: n, First: seqs[0], Last: seqs[n-1], Digest: digestOf(seqs)}, nil
	})
	return n, err
}

// digestOf is SHA-256 in hex over seqs in order.
func digestOf(seqs []int64) string {
	h := sha256.New()
	for _, seq := range seqs {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(seq)))
	}
	return hex.EncodeToString(h.Sum(nil))
}
