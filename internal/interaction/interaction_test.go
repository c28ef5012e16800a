package interaction

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var request = Request{
	ClientID: "notes", RedirectURI: "https://notes.example/cb", APIs: []domain.GrantAPI{{Audience: "https://orders.example", Scopes: []string{"openid", "orders:read"}}},
	State: " secret-state ", Nonce: "n", CodeChallenge: "c", Prompt: []string{"login"}, MaxAge: -1, LoginHint: "alice",
}

var steps = []Step{{Method: "password", UserID: 3, AMR: []string{"pwd"}, ACR: "1", Proof: "p", At: start}}

func newSealer(t *testing.T, key byte) (*Sealer, *time.Time) {
	t.Helper()
	now := start
	s, err := NewSealer([]byte(strings.Repeat(string('a'+rune(key)), 32)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return s, &now
}

func seal(t *testing.T, s *Sealer, i Interaction) string {
	t.Helper()
	text, err := s.Seal(i)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestASealedInteractionComesBackAsItWas(t *testing.T) {
	s, now := newSealer(t, 0)
	i := New(request, "firefox", start)
	i.SignIn("7")
	i.Answer("7", true)
	i.Pass(steps)
	i.Typed = url.Values{"name": {"clerk"}}
	text := seal(t, s, i)
	*now = start.Add(Lifetime - time.Second)
	opened, err := s.Open(text, "firefox")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(i, opened); diff != "" {
		t.Error(diff)
	}
	if !opened.SignedInBy("7") || !opened.AllowedBy("7") || opened.DeniedBy("7") || opened.SignedInBy("8") || opened.AllowedBy("8") {
		t.Errorf("what was done is %+v", opened)
	}
}

func TestAnotherBrowserGetsTheRequestAloneWithoutWhatWasDone(t *testing.T) {
	s, _ := newSealer(t, 0)
	i := New(request, "firefox", start)
	i.SignIn("7")
	i.Answer("7", true)
	i.Pass(steps)
	i.Typed = url.Values{"name": {"clerk"}}
	opened, err := s.Open(seal(t, s, i), "chromium")
	if err != nil {
		t.Fatal(err)
	}
	if opened.Acted("7") || opened.AllowedBy("7") || len(opened.Steps) != 0 || opened.Typed != nil {
		t.Error("what was done in another browser counts")
	}
	if diff := cmp.Diff(request, opened.Request); diff != "" {
		t.Error(diff)
	}
	if string(opened.ID) == string(i.ID) {
		t.Error("it has the id of what was done")
	}
}

func TestNothingCountsInNoSession(t *testing.T) {
	i := New(request, "firefox", start)
	if i.SignedInBy("") || i.AllowedBy("") || i.DeniedBy("") || i.Acted("") {
		t.Errorf("something was done: %+v", i)
	}
}

func TestASignInTakesBackAnAnswerFromBefore(t *testing.T) {
	i := New(request, "firefox", start)
	i.Answer("7", true)
	i.SignIn("7")
	if i.AllowedBy("7") {
		t.Error("the answer still counts")
	}
}

func TestASignInThatIsDoneLeavesNoSteps(t *testing.T) {
	i := New(request, "firefox", start)
	i.Pass(steps)
	i.SignIn("7")
	if len(i.Steps) != 0 {
		t.Errorf("steps are left: %+v", i.Steps)
	}
}

func TestEachActHasAnIDOfItsOwn(t *testing.T) {
	i := New(request, "firefox", start)
	seen := map[string]bool{string(i.ID): true}
	i.SignIn("7")
	seen[string(i.ID)] = true
	i.Answer("7", true)
	seen[string(i.ID)] = true
	i.Pass(steps)
	seen[string(i.ID)] = true
	i.Forget()
	if seen[string(i.ID)] = true; len(seen) != 5 {
		t.Errorf("%d ids, want 5", len(seen))
	}
}

func TestAConsentPageIsOneActHoweverOftenItsFormIsSent(t *testing.T) {
	once := New(request, "firefox", start)
	again, other := once, New(request, "firefox", start)
	once.Answer("7", true)
	again.Answer("7", true)
	other.Answer("7", true)
	if string(once.ID) != string(again.ID) || string(once.ID) == string(other.ID) {
		t.Errorf("ids %x, %x and of another page %x", once.ID, again.ID, other.ID)
	}
}

func TestASealShowsNothingAndStandsNoChange(t *testing.T) {
	s, now := newSealer(t, 0)
	other, _ := newSealer(t, 1)
	text := seal(t, s, New(request, "firefox", start))
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || strings.Contains(string(raw), "secret-state") {
		t.Error("the interaction can be read")
	}
	changed := append([]byte{}, raw...)
	changed[len(changed)/2] ^= 1
	for name, sealed := range map[string]string{
		"changed": base64.RawURLEncoding.EncodeToString(changed), "cut": text[:len(text)-4], "empty": "", "text": "not sealed at all",
		"too long": strings.Repeat("A", MaxSealed+1), "of another key": seal(t, other, New(request, "firefox", start)),
	} {
		if _, err := s.Open(sealed, "firefox"); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	*now = start.Add(Lifetime)
	if _, err := s.Open(text, "firefox"); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("expired: %v", err)
	}
}

func TestWhatCanBeSealedCanBeSealedOnceThePersonHasSignedIn(t *testing.T) {
	s, _ := newSealer(t, 0)
	i, accepted := New(request, "firefox", start), New(request, "firefox", start)
	for {
		i.State += rand.Text()
		if _, err := s.Seal(i); err != nil {
			break
		}
		accepted = i
	}
	if len(accepted.State) < MaxSealed/2 {
		t.Fatalf("a request with a state of %d bytes is too large", len(i.State))
	}
	accepted.Pass([]Step{
		{Method: "password", UserID: 1 << 40, AMR: []string{"pwd"}, ACR: "urn:signet:password", Proof: rand.Text(), At: start},
		{Method: "security key", UserID: 1 << 40, AMR: []string{"hwk", "user"}, ACR: "urn:signet:second", Proof: rand.Text(), At: start},
	})
	seal(t, s, accepted)
	accepted.SignIn(rand.Text())
	accepted.Choose(rand.Text())
	seal(t, s, accepted)
}

func TestATypicalRequestIsSmallWhenSealed(t *testing.T) {
	s, _ := newSealer(t, 0)
	typical := request
	typical.State, typical.Nonce = "af0ifjsldkjaf0ifjsldkj", "n-0S6_WzA2Mjn-0S6_WzA2Mj"
	typical.CodeChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if text := seal(t, s, New(typical, "firefox", start)); len(text) > 800 {
		t.Errorf("%d bytes", len(text))
	}
	large := request
	for range MaxSealed / 16 {
		large.State += rand.Text()
	}
	if _, err := s.Seal(New(large, "firefox", start)); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("too large: %v", err)
	}
}
