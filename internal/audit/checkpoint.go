package audit

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Checkpoint notes what the log is now, in the log's own table, and returns that. domain.ErrNotFound if the log is empty.
func (l *Log) Checkpoint(ctx context.Context) (domain.Checkpoint, error) {
	p, err := l.store.EndOfLog(ctx)
	if err == nil && p.Seq == 0 {
		err = domain.ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("find the end of the audit log: %w", err)
	}
	p.At = l.now().UTC().Truncate(time.Microsecond)
	p.MAC = l.chain.Checkpoint(p)
	if err := l.store.InsertCheckpoint(ctx, p); err != nil {
		return p, fmt.Errorf("store a checkpoint of the audit log: %w", err)
	}
	return p, nil
}

// FormatCheckpoint writes a checkpoint as text that can be noted elsewhere.
func FormatCheckpoint(p domain.Checkpoint) string {
	text := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf("%d.%d.%s.%s", p.Seq, p.At.UnixMicro(), text(p.Hash), text(p.MAC))
}

// ParseCheckpoint reads what FormatCheckpoint wrote. domain.ErrInvalid if it is not a checkpoint of this installation.
func (l *Log) ParseCheckpoint(text string) (domain.Checkpoint, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 4 {
		return domain.Checkpoint{}, fmt.Errorf("%w checkpoint: it has not four parts", domain.ErrInvalid)
	}
	seq, err1 := strconv.ParseInt(parts[0], 10, 64)
	at, err2 := strconv.ParseInt(parts[1], 10, 64)
	hash, err3 := base64.RawURLEncoding.DecodeString(parts[2])
	mac, err4 := base64.RawURLEncoding.DecodeString(parts[3])
	p := domain.Checkpoint{Seq: seq, At: time.UnixMicro(at).UTC(), Hash: hash, MAC: mac}
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || !hmac.Equal(mac, l.chain.Checkpoint(p)) {
		return domain.Checkpoint{}, fmt.Errorf("%w checkpoint: it was changed, or is another installation's", domain.ErrInvalid)
	}
	return p, nil
}
