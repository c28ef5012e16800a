package batch_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/internal/batch"
)

// sizes runs five calls, one every half a millisecond, where a batch takes some time, and returns how many calls each batch had.
func sizes(t *testing.T, concurrency int, takes time.Duration) (sizes []int, all time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		batches := batch.New(ctx, "test", concurrency, func(_ context.Context, calls []int) ([]int, error) {
			sizes = append(sizes, len(calls))
			time.Sleep(takes)
			return calls, nil
		})
		began := time.Now()
		var callers sync.WaitGroup
		for n := range 5 {
			callers.Go(func() {
				if got, err := batches.Do(ctx, n); got != n || err != nil {
					t.Errorf("call %d: %d, %v", n, got, err)
				}
			})
			synctest.Wait()
			time.Sleep(500 * time.Microsecond)
		}
		callers.Wait()
		all = time.Since(began)
	})
	return sizes, all
}

func TestCallsDuringAShortBatchGoTogetherInTheNext(t *testing.T) {
	if got, _ := sizes(t, 2, 1600*time.Microsecond); !slices.Equal(got, []int{1, 3, 1}) {
		t.Errorf("batches of %d calls", got)
	}
}

func TestALongBatchIsNotWaitedFor(t *testing.T) {
	got, all := sizes(t, 2, time.Second)
	if !slices.Equal(got, []int{1, 4}) || all >= 2*time.Second {
		t.Errorf("batches of %d calls, in %s", got, all)
	}
}

func TestNoMoreBatchesRunAtTheSameTimeThanAllowed(t *testing.T) {
	got, all := sizes(t, 1, time.Second)
	if !slices.Equal(got, []int{1, 4}) || all < 2*time.Second {
		t.Errorf("batches of %d calls, in %s", got, all)
	}
}
