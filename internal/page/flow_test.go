package page

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

var waiting = Flow{
	Query:       "client_id=notes&redirect_uri=https%3A%2F%2Fnotes.example%2Fcb&state=secret-state",
	RequestedAt: start,
	ClientID:    "notes",
	Audience:    "https://orders.example",
	Scopes:      []string{"openid", "orders:read"},
	AnsweredIn:  7,
	Denied:      true,
}

func seal(t *testing.T, pages *Pages, flow Flow) string {
	t.Helper()
	sealed, err := pages.SealFlow(flow)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedFlowComesBackAsItWas(t *testing.T) {
	pages, now := newPages(t, "https://id.example")
	sealed := seal(t, pages, waiting)
	*now = now.Add(flowLifetime - time.Second)
	opened, err := pages.OpenFlow(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(waiting, opened); diff != "" {
		t.Error(diff)
	}
}

func TestSealedFlowShowsNothing(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	outer, err := base64.URLEncoding.DecodeString(seal(t, pages, waiting))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(outer), "|")
	inner, err := base64.URLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(inner), "secret-state") {
		t.Error("the flow can be read")
	}
}

func TestFlowWithAnInvalidSealIsRefused(t *testing.T) {
	pages, now := newPages(t, "https://id.example")
	sealed := seal(t, pages, waiting)
	middle := len(sealed) / 2
	flipped := sealed[:middle] + string(sealed[middle]^1) + sealed[middle+1:]
	device, err := pages.trusted.Encode(trustedName, sealedFlow{waiting, now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"empty": "", "noise": "noise", "changed": flipped, "cut": sealed[:middle], "huge": strings.Repeat(sealed, 100),
		"sealed for another purpose": device,
	} {
		if _, err := pages.OpenFlow(value); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFlowExpires(t *testing.T) {
	pages, now := newPages(t, "https://id.example")
	sealed := seal(t, pages, waiting)
	*now = now.Add(flowLifetime)
	if _, err := pages.OpenFlow(sealed); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("after %s: %v", flowLifetime, err)
	}
}

func TestFlowTooLargeForAURLIsRefused(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	large := waiting
	large.Query += strings.Repeat("x", maxFlowLength)
	if _, err := pages.SealFlow(large); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("sealed: %v", err)
	}
}
