package resourceserver_test

import (
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

const policyPath = "/access/v1/policy"

// holder is a resourceserver.PolicyHolder that takes what does not begin with "bad".
type holder struct {
	mu    sync.Mutex
	text  string
	until time.Time
}

func (h *holder) SetPolicy(text string, until time.Time) error {
	if strings.HasPrefix(text, "bad") {
		return errors.New("not taken")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text, h.until = text, until
	return nil
}

func (h *holder) get() (string, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text, time.Until(h.until)
}

func (i *issuer) policy(changes claims) string {
	i.t.Helper()
	return i.sign("ec", "policy+jwt", i.policyClaims(changes))
}

func (*issuer) policyClaims(changes claims) claims {
	now := time.Now()
	return merged(claims{"iss": issuerURL, "aud": audience, "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(), "number": 3, "policy": "rules: []"}, changes)
}

// publish makes the issuer publish a policy to the client that serves the API.
func (i *issuer) publish(token string) {
	tag := fmt.Sprintf(`"%d"`, len(token))
	i.answer(policyPath, func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "orders%2Fsvc" || secret != "s%3Acret" || r.URL.Query().Get("audience") != audience {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve(w, r, "private, max-age=5", tag, []byte(token))
	})
}

func TestThePolicyOfTheAPIIsFollowed(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		held := new(holder)
		i.publish(i.policy(nil))
		v := i.ready(resourceserver.WithPolicy("orders/svc", "s:cret", held), resourceserver.WithMaxStale(time.Minute))
		synctest.Wait()
		if text, left := held.get(); text != "rules: []" || left <= 50*time.Second || left > time.Minute {
			t.Errorf("held is %q for %v", text, left)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, left := held.get(); left <= 50*time.Second {
			t.Errorf("after a minute it counts for %v", left)
		}
		if s := v.Status().Policy; s.Number != 3 || s.Error != nil || time.Since(s.Current) > 10*time.Second {
			t.Errorf("the status is %+v", s)
		}
		i.mu.Lock()
		tags := i.tags[policyPath]
		i.mu.Unlock()
		if len(tags) < 8 || len(tags) > 20 || tags[len(tags)-1] == "" {
			t.Errorf("asked with the tags %q", tags)
		}

		i.publish(i.policy(claims{"policy": "rules: [] # changed", "number": 4}))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if text, _ := held.get(); text != "rules: [] # changed" {
			t.Errorf("after a change held is %q", text)
		}
		for name, token := range map[string]string{
			"of another issuer":    i.policy(claims{"iss": "https://other.example"}),
			"for another audience": i.policy(claims{"aud": "https://other.example"}),
			"from the future":      i.policy(claims{"iat": time.Now().Add(time.Hour).Unix()}),
			"from before":          i.policy(claims{"iat": time.Now().Add(-2 * time.Minute).Unix(), "policy": "old"}),
			"expired":              i.policy(claims{"exp": time.Now().Unix()}),
			"without an end":       i.policy(claims{"exp": nil}),
			"without a text":       i.policy(claims{"policy": nil}),
			"of another type":      i.policy(claims{"policy": []string{"x"}}),
			"an access token":      i.token(claims{"policy": "x", "number": 1}),
			"another's signature":  i.sign("other", "policy+jwt", i.policyClaims(claims{"policy": "x"})),
			"not a token":          "rules: []",
			"too large":            i.policy(claims{"policy": strings.Repeat("x", 3<<20)}),
			"not taken":            i.policy(claims{"policy": "bad"}),
		} {
			i.publish(token)
			time.Sleep(45 * time.Second)
			synctest.Wait()
			if text, left := held.get(); text != "rules: [] # changed" {
				t.Errorf("%s: held is %q for %v", name, text, left)
			}
			if s := v.Status().Policy; s.Error == nil || s.Number != 4 {
				t.Errorf("%s: the status is %+v", name, s)
			}
		}
		if _, left := held.get(); left > 0 {
			t.Errorf("without news it counts for %v", left)
		}
		i.publish(i.policy(claims{"policy": "", "number": 0}))
		time.Sleep(time.Minute)
		synctest.Wait()
		if text, left := held.get(); text != "" || left <= 0 {
			t.Errorf("at last held is %q for %v", text, left)
		}
	})
}

func TestAPolicyCountsNoLongerThanItSays(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		held := new(holder)
		began := time.Now()
		i.publish(i.policy(claims{"exp": began.Add(10 * time.Minute).Unix()}))
		v := i.ready(resourceserver.WithPolicy("orders/svc", "s:cret", held))
		synctest.Wait()
		if _, left := held.get(); left > 10*time.Minute || left < 9*time.Minute {
			t.Errorf("it counts for %v", left)
		}
		if s := v.Status().Policy; !s.Issued.Equal(began.Truncate(time.Second)) || !s.ExpiresAt.Equal(began.Add(10*time.Minute).Truncate(time.Second)) {
			t.Errorf("the status is %+v", s)
		}
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		i.mu.Lock()
		tags := i.tags[policyPath]
		i.mu.Unlock()
		if tags[len(tags)-1] != "" {
			t.Errorf("past half of its time it is asked for with the tag %q", tags[len(tags)-1])
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if _, left := held.get(); left > 0 {
			t.Errorf("past its end it counts for %v", left)
		}
		if s := v.Status().Policy; s.Error == nil {
			t.Errorf("the status is %+v", s)
		}
	})
}

func TestAnEventMakesThePolicyBeFetchedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		held := new(holder)
		i.publish(i.policy(nil))
		s := newStream(i)
		i.ready(resourceserver.WithPolicy("orders/svc", "s:cret", held), resourceserver.WithEvents(service, "s:cret"))
		synctest.Wait()
		changed := func(about string) string {
			t.Helper()
			s.send(event("urn:signet:event-type:policy-change", ofURI(about), nil, nil))
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			text, _ := held.get()
			return text
		}
		i.publish(i.policy(claims{"policy": "rules: [] # changed"}))
		if text := changed("https://other.example"); text != "rules: []" {
			t.Errorf("after a change of another API's policy held is %q", text)
		}
		if text := changed(audience); text != "rules: [] # changed" {
			t.Errorf("after a change held is %q", text)
		}
		fetched := func() int {
			i.mu.Lock()
			defer i.mu.Unlock()
			return len(i.tags[policyPath])
		}
		before := fetched()
		for range 40 {
			s.send(event("urn:signet:event-type:policy-change", ofURI(audience), nil, nil))
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := fetched() - before; n < 1 || n > 6 {
			t.Errorf("40 changes in 200 ms made it be fetched %d times", n)
		}
		s.acknowledged(t)
	})
}

func TestAPolicyWhoseKeyWasRevokedIsFetchedAnew(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		held := new(holder)
		answer := func(token string) { // which says that nothing has changed to whoever has any
			i.answer(policyPath, func(w http.ResponseWriter, r *http.Request) {
				tag := r.Header.Get("If-None-Match")
				if tag == "" {
					tag = `"any"`
				}
				serve(w, r, "private, max-age=5", tag, []byte(token))
			})
		}
		answer(i.sign("rsa", "policy+jwt", i.policyClaims(claims{"policy": "forged"})))
		i.ready(resourceserver.WithPolicy("orders/svc", "s:cret", held))
		synctest.Wait()
		if text, _ := held.get(); text != "forged" {
			t.Errorf("held is %q", text)
		}
		answer(i.policy(nil))
		i.setKeys(map[string]crypto.Signer{"ec": ecKey(), "ed": edKey()})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if text, _ := held.get(); text != "rules: []" {
			t.Errorf("after the key is gone held is %q", text)
		}
	})
}
