package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAJobThatFailsLogsAnotherErrorButNotEachMinuteTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		left := []string{"1", "1", "2", "2", "2", "2", "", "3"} // what each run fails with
		flaky := job{"flaky", 20 * time.Second, func(context.Context) error {
			now := left[0]
			if left = left[1:]; len(left) == 0 {
				defer time.AfterFunc(time.Second, end)
			}
			if now == "" {
				return nil
			}
			return errors.New(now)
		}, nil}
		var log bytes.Buffer
		flaky.run(ctx, slog.New(slog.NewTextHandler(&log, nil)))
		want := []string{"error=1", "error=2", "works again", "error=3"}
		if logged := regexp.MustCompile(`error=\d|works again`).FindAllString(log.String(), -1); !slices.Equal(logged, want) {
			t.Errorf("it logs %v, want %v", logged, want)
		}
	})
}
