package acme

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/signet-auth/signet/internal/domain"
)

// failures are those of a name in succession. Replicas share them, and they outlive a restart: an authority refuses for hours whom it had to
// refuse too often.
type failures struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
}

// due is when the next attempt may be made.
func (f failures) due(first time.Duration) time.Time {
	if f.Count == 0 {
		return time.Time{}
	}
	return f.Last.Add(min(first<<min(f.Count-1, 16), lastRetry))
}

// failuresKey is of a name at the authority: another may do better.
func (c *Certificates) failuresKey(name string) string {
	return "failures/" + certmagic.StorageKeys.Safe(c.issuer.IssuerKey()) + "/" + certmagic.StorageKeys.Safe(name)
}

func (c *Certificates) failures(ctx context.Context, name string) (f failures, err error) {
	text, err := c.storage.Load(ctx, c.failuresKey(name))
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return f, err
}

// endKey is the key of the function in a ctx that ends an attempt: certmagic would go on trying, and keep the lock.
type endKey struct{}

// happened is certmagic's callback. It paces the attempts, while certmagic holds the name's lock, and logs how they end.
func (c *Certificates) happened(ctx context.Context, event string, details map[string]any) error {
	name, _ := details["identifier"].(string)
	renewal, _ := details["renewal"].(bool)
	switch event {
	case "cert_obtaining":
		f, err := c.failures(ctx, name)
		if err != nil {
			return certmagic.ErrNoRetry{Err: err}
		}
		if now := c.cfg.Now(); now.Before(f.due(c.cfg.retry)) && !now.Before(f.Last) { // the clock may have been set back
			return certmagic.ErrNoRetry{Err: fmt.Errorf("%w: the last attempt failed", domain.ErrTooSoon)}
		}
	case "cert_obtained":
		c.cfg.Log.InfoContext(ctx, "a certificate was obtained", "name", name, "renewal", renewal)
		return c.storage.Delete(ctx, c.failuresKey(name))
	case "cert_failed":
		failed, _ := details["error"].(error)
		if errors.Is(failed, context.Canceled) { // this process stops
			return nil
		}
		ctx = context.WithoutCancel(ctx) // the attempt may have taken all its time
		f, err := c.failures(ctx, name)
		f = failures{f.Count + 1, c.cfg.Now()}
		text, _ := json.Marshal(f) //nolint:errchkjson // it always marshals
		err = errors.Join(err, c.storage.Store(ctx, c.failuresKey(name), text))
		c.cfg.Log.ErrorContext(ctx, "no certificate could be obtained", "name", name, "renewal", renewal, "error", failed,
			"next", f.due(c.cfg.retry))
		if end, ok := ctx.Value(endKey{}).(context.CancelFunc); ok {
			end()
		}
		return err
	}
	return nil
}
