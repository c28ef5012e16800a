package main

import (
	"context"
	"path/filepath"
	"time"
)

// startFresh starts Signet on SQLite and waits for the first token.
func (s *scale) startFresh(ctx context.Context) error {
	i, err := install(s.dir, "SIGNET_DATA_DIR="+filepath.Join(s.dir, "sqlite"), "SIGNET_DATABASE_URL=")
	if err != nil {
		return err
	}
	reader, _, err := i.register(ctx) // which makes the database
	if err != nil {
		return err
	}
	for _, what := range []string{"from start to first token on SQLite, the first time, when it makes its keys", "from start to first token on SQLite, again"} {
		took, err := i.firstToken(ctx, reader)
		if err != nil {
			return err
		}
		s.atMost(1, took.Seconds(), "s", what)
	}
	return nil
}

// firstToken starts a replica and says how long it takes until a client has a token.
func (i *installation) firstToken(ctx context.Context, reader credentials) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	began := time.Now()
	t, err := i.start(ctx, hostOf(i.issuer))
	if err != nil {
		return 0, err
	}
	defer t.stop()
	for {
		if _, err = t.issue(ctx, reader); err == nil || ctx.Err() != nil {
			return time.Since(began), err
		}
		time.Sleep(time.Millisecond)
	}
}
