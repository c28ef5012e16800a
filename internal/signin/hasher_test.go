package signin

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/secrethash"
)

// queue asks for a slot, and puts its name into the list when it has it.
func queue(ctx context.Context, t *testing.T, s *slots, name string, served *[]string) {
	go func() {
		if err := s.acquire(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		*served = append(*served, name)
	}()
	synctest.Wait()
}

func TestKnownBrowsersAreServedBeforeStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := newSlots(1)
		if err := slots.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		var served []string
		unknown := stranger(t.Context())
		queue(unknown, t, slots, "stranger 1", &served)
		queue(unknown, t, slots, "stranger 2", &served)
		queue(t.Context(), t, slots, "known 1", &served)
		queue(t.Context(), t, slots, "known 2", &served)
		for range 4 {
			slots.release()
			synctest.Wait()
		}
		if want := []string{"known 1", "known 2", "stranger 1", "stranger 2"}; !slices.Equal(served, want) {
			t.Errorf("served %q, want %q", served, want)
		}
		slots.release()
		if slots.free != 1 {
			t.Errorf("%d slots are free, want 1", slots.free)
		}
	})
}

func TestStrangersWhoWaitAreNotTooManyAndTakeNoPlaceOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := newSlots(1)
		if err := slots.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		var served []string
		for range maxWaiting {
			queue(stranger(t.Context()), t, slots, "stranger", &served)
		}
		if err := slots.acquire(stranger(t.Context())); !errors.Is(err, domain.ErrBusy) {
			t.Errorf("one more stranger: %v", err)
		}
		queue(t.Context(), t, slots, "known", &served)
		slots.release()
		synctest.Wait()
		if !slices.Equal(served, []string{"known"}) {
			t.Errorf("served %q", served)
		}
		for range maxWaiting {
			slots.release()
			synctest.Wait()
		}
	})
}

func TestWaitingToHashEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(1)
		if err := h.slots.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.hash(gone, "correct horse"); !errors.Is(err, context.Canceled) || errors.Is(err, domain.ErrBusy) {
			t.Errorf("of a browser that went away: %v", err)
		}
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.hash(late, "correct horse"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, domain.ErrBusy) {
			t.Errorf("after its time: %v", err)
		}
		h.slots.release()
		if err := h.slots.acquire(t.Context()); err != nil || len(h.slots.waiting[known])+len(h.slots.waiting[strangers]) != 0 {
			t.Errorf("%v; waiting: %d known, %d strangers", err, len(h.slots.waiting[known]), len(h.slots.waiting[strangers]))
		}
	})
}

// resident reads a value of /proc/self/status in MiB: "VmRSS", or its peak "VmHWM".
func resident(t *testing.T, name string) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err) // not Linux
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kilobytes, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes >> 10
		}
	}
	t.Fatalf("no %s in /proc/self/status", name)
	return 0
}

func TestManySignInsAtOnceTakeTheMemoryOfAFew(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes several times as much")
	}
	const slots, sum = 4, 60
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // forget the peak so far
		t.Skip(err)
	}
	before := resident(t, "VmRSS")
	h := newHasher(slots)
	var hashing sync.WaitGroup
	for range sum {
		hashing.Go(func() {
			if _, err := h.hash(t.Context(), "correct horse"); err != nil {
				t.Error(err)
			}
		})
	}
	hashing.Wait()
	took, most := resident(t, "VmHWM")-before, slots*19+32 // a hash takes 19
	t.Logf("%d hashes at once took %d MiB", sum, took)
	if took > most {
		t.Errorf("%d hashes at once took %d MiB, want at most %d", sum, took, most)
	}
}

func TestOneHashAtATimeTakesMoreMemoryThanThoseOfToday(t *testing.T) {
	heavy, err := secrethash.Parse("$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHRzYWx0$" + strings.Repeat("A", 43))
	if err != nil || !secrethash.IsHeavy(heavy) || secrethash.IsHeavy(secrethash.None) {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(4)
		ask := func(ctx context.Context, sum int) chan error {
			ended := make(chan error)
			for range sum {
				go func() {
					_, err := h.matches(ctx, "x", heavy)
					ended <- err
				}()
			}
			return ended
		}
		if err := h.heavy.acquire(t.Context()); err != nil { // one is under way
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := ask(stranger(ctx), maxWaiting+10)
		for range 10 { // too many to wait
			if err := <-ended; !errors.Is(err, domain.ErrBusy) {
				t.Error(err)
			}
		}
		synctest.Wait()
		if running, waiting := h.slots.load(); running+waiting != 0 {
			t.Errorf("%d run and %d wait for a slot, which others need", running, waiting)
		}
		first := ask(t.Context(), 1)
		synctest.Wait()
		h.heavy.release()
		if err := <-first; err != nil {
			t.Error("strangers who wait keep out who is known:", err)
		}
		cancel()
		for range maxWaiting {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		synctest.Wait()
		if running, waiting := h.heavy.load(); running+waiting != 0 {
			t.Errorf("%d run and %d wait after all have ended", running, waiting)
		}
	})
}
