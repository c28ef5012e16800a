package limits

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

var start = time.Unix(1_000_000, 0)

// waits is for how long an error says to wait; 0 for none.
func waits(t *testing.T, err error) time.Duration {
	t.Helper()
	if err == nil {
		return 0
	}
	wait, ok := errors.AsType[*domain.WaitError](err)
	if !ok || wait.For <= 0 || !errors.Is(err, domain.ErrBusy) {
		t.Fatalf("error %v", err)
	}
	return wait.For
}

func TestAMeterLetsABurstThroughAndThenItsRate(t *testing.T) {
	m, name := NewMeter(2), At("192.0.2.1:1", "shop")
	for n := range 2 * BurstSeconds {
		if wait := waits(t, m.Spend(name, 1, start)); wait > 0 {
			t.Fatalf("request %d has to wait %s", n, wait)
		}
	}
	if wait := waits(t, m.Spend(name, 1, start)); wait != time.Second/2 {
		t.Errorf("one too many has to wait %s", wait)
	}
	if wait := waits(t, m.Check(name, start)); wait != time.Second/2 {
		t.Errorf("the next would have to wait %s", wait)
	}
	if wait := waits(t, m.Spend(name, 4, start)); wait != 2*time.Second {
		t.Errorf("what costs four has to wait %s", wait)
	}
	if wait := waits(t, m.Spend(At("192.0.2.1:1", "other"), 1, start)); wait > 0 {
		t.Errorf("another has to wait %s", wait)
	}
	later := start.Add(time.Second)
	if m.Check(name, later) != nil || m.Spend(name, 2, later) != nil || m.Spend(name, 1, later) == nil {
		t.Error("after a second there is not room for two")
	}
	if nobody := NewMeter(0); nobody.Spend(name, 1000, start) != nil || nobody.Check(name, start) != nil {
		t.Error("without a limit something is refused")
	}
}

func TestAddressesOfOnePersonCountTogether(t *testing.T) {
	for _, same := range [][2]string{{"[2001:db8::1]:1", "[2001:db8::ffff:2]:9"}, {"192.0.2.1:1", "[::ffff:192.0.2.1]:9"}, {"[fe80::1%eth0]:1", "[fe80::2]:1"}} {
		if At(same[0], "") != At(same[1], "") {
			t.Errorf("%s and %s are two", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1"}, {"192.0.2.1:1", "192.0.2.2:1"}, {"192.0.2.1:1", "@"}} {
		if At(other[0], "") == At(other[1], "") {
			t.Errorf("%s and %s are one", other[0], other[1])
		}
	}
}

func TestAFloodOfNamesFreesNobodyAndStopsNobody(t *testing.T) {
	m, hot := NewMeter(1), At("192.0.2.1:1", "")
	for m.Spend(hot, 1, start) == nil {
	}
	refused := 0
	for n := range 200_000 { // many more than there are cells
		address := fmt.Sprintf("[2001:db8:%x:%x::1]:1", n>>16, n&0xffff)
		if m.Spend(At(address, ""), 1, start.Add(time.Duration(n)*10*time.Microsecond)) != nil {
			refused++
		}
	}
	if m.Check(hot, start.Add(time.Second/2)) == nil || m.Spend(hot, 1, start.Add(time.Second/2)) == nil {
		t.Error("the flood has freed a name that was at its limit")
	}
	if refused > 0 {
		t.Errorf("%d of 200000 names were refused their first request", refused)
	}
}

func TestAtTheSameTimeNoMoreGetThrough(t *testing.T) {
	m, name := NewMeter(10), At("192.0.2.1:1", "")
	var through atomic.Int64
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for range 1000 {
				if m.Spend(name, 1, start) == nil {
					through.Add(1)
				}
			}
		})
	}
	asking.Wait()
	if n := through.Load(); n != 10*BurstSeconds {
		t.Errorf("%d got through", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	f := newFailures(20, nil, time.Now, nil)
	f.Failed(b.Context(), "192.0.2.7:1", "other")
	for b.Loop() {
		if f.Check("192.0.2.1:4711", "shop", nothing, never) != nil {
			b.Fatal("refused")
		}
		f.Succeeded("192.0.2.1:4711", "shop")
	}
}
