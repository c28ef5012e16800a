package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnePlaceDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(newBoundedLog(slog.NewTextHandler(&out, nil)))
		for range 1000 {
			log.With("path", "/x").Error("request failed")
			time.Sleep(time.Millisecond)
		}
		log.Error("another")
		time.Sleep(time.Second)
		log.Error("at last")
		if n := strings.Count(out.String(), "request failed"); n < logBurst || n > logBurst+1 {
			t.Errorf("%d records of one place, want %d", n, logBurst)
		}
		for _, other := range []string{"another", "at last"} {
			if !strings.Contains(out.String(), other) {
				t.Errorf("%q is left out", other)
			}
		}
	})
}

func TestLogSaysHowMuchItLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(newBoundedLog(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		for n := range logBurst + 51 {
			if n == logBurst+50 {
				time.Sleep(time.Second)
			}
			log.Error("request failed")
			log.Debug("request")
		}
		if !strings.Contains(out.String(), "left_out=50") {
			t.Error("it does not say that 50 records were left out")
		}
		if n := strings.Count(out.String(), "msg=request\n"); n != logBurst+51 {
			t.Errorf("%d debug records of %d", n, logBurst+51)
		}
	})
}
