package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// nameServer answers each question for an IPv4 address by what resolve gives, and all others by nothing (RFC 1035 §4).
func nameServer(t *testing.T, resolve func(name string) netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			question := packet[12:n]
			var labels []string
			end := 0
			for question[end] != 0 {
				length := int(question[end])
				labels = append(labels, string(question[end+1:end+1+length]))
				end += 1 + length
			}
			end += 5 // the root, type and class
			answer := append([]byte{packet[0], packet[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[:end]...)
			if binary.BigEndian.Uint16(question[end-4:]) == 1 {
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				answer = append(answer, resolve(strings.Join(labels, ".")).AsSlice()...)
			}
			_, _ = conn.WriteTo(answer, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

// A name may resolve to a public address when somebody looks and to this machine when somebody connects: it is the connection that counts.
func TestANameThatResolvesAnewLeadsNowhereElse(t *testing.T) {
	var called atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	t.Cleanup(inside.Close)
	at, err := url.Parse(inside.URL)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	addresses := []string{"127.0.0.2", "127.0.0.1", "127.0.0.3", "127.0.0.1"}
	resolver := nameServer(t, func(string) netip.Addr {
		return netip.MustParseAddr(addresses[int(asked.Add(1)-1)%len(addresses)])
	})
	clients := newClients(time.Minute, resolver)
	get := func(do func(*http.Request, bool) (*http.Response, error), private bool) error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://rebind.example:"+at.Port()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := do(request, private)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	for range addresses {
		for what, do := range map[string]func(*http.Request, bool) (*http.Response, error){"a registered endpoint": clients.Do, "a stranger's": clients.DoForStranger} {
			if err := get(do, false); !errors.Is(err, ErrNotPublic) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	if asked.Load() < 8 || called.Load() > 0 {
		t.Fatalf("the name was resolved %d times, this machine called %d times", asked.Load(), called.Load())
	}
	// The same server answers where private addresses are allowed: what is refused above is the address, nothing else.
	always := newClients(time.Minute, nameServer(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") }))
	if err := get(always.Do, true); err != nil || called.Load() != 1 {
		t.Errorf("%v, called %d times", err, called.Load())
	}
	// A connection that was allowed for one reach is not used again for another.
	if err := get(always.Do, false); !errors.Is(err, ErrNotPublic) || called.Load() != 1 {
		t.Errorf("%v, called %d times", err, called.Load())
	}
}
