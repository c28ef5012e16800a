package batch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/internal/batch"
)

func TestStateShowsBatchesThatHangAndThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		outcome := make(chan error)
		batches := batch.New(ctx, "test", 1, func(_ context.Context, calls []int) ([]int, error) { return calls, <-outcome })
		ended := make(chan struct{})
		call := func() { _, _ = batches.Do(ctx, 1); ended <- struct{}{} }
		if s := batches.State(); s != (batch.State{}) {
			t.Errorf("at first: %+v", s)
		}
		go call()
		synctest.Wait()
		go call()
		synctest.Wait()
		time.Sleep(time.Second)
		if s := batches.State(); s.Running != time.Second || s.Failing != 0 || s.Calls != 1 || s.Sizes[0] != 1 {
			t.Errorf("while the first hangs: %+v", s)
		}
		outcome <- errors.New("gone")
		<-ended
		synctest.Wait()
		time.Sleep(time.Second)
		if s := batches.State(); s.Running != time.Second || s.Failing != 2*time.Second || s.Failed != 1 {
			t.Errorf("after the first failed: %+v", s)
		}
		outcome <- nil
		<-ended
		if s := batches.State(); s.Running != 0 || s.Failing != 0 || s.Failed != 1 || s.Calls != 2 {
			t.Errorf("after the second: %+v", s)
		}
	})
}
