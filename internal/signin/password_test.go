package signin_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/signin"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is the services over a database, at a time that the test sets.
type world struct {
	*servicetest.Replica
	t   *testing.T
	db  *store.DB
	now time.Time
}

func each(t *testing.T, test func(*world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{t: t, db: db, now: time.Now().UTC().Truncate(time.Microsecond)}
		w.Replica = servicetest.NewReplica(t, db, keys.NewMaster(), func() time.Time { return w.now })
		test(w)
		_, err := w.Log.Verify(eventtest.Context(t))
		w.check(err)
	})
}

func (w *world) check(err error) {
	w.t.Helper()
	servicetest.Must(w.t, err)
}

func (w *world) refused(err, want error, fragments ...string) {
	w.t.Helper()
	servicetest.Refused(w.t, err, want, fragments...)
}

func (w *world) user(username, password string) domain.User {
	w.t.Helper()
	return w.AddUser(w.t, username, password)
}

// authenticate is the user whose password it is.
func (w *world) authenticate(name, password string) (domain.User, error) {
	w.t.Helper()
	step, err := w.Passwords.Verify(eventtest.Context(w.t), domain.Authentication{}, signin.Attempt{Username: name, Answer: password})
	if err != nil {
		return domain.User{}, err
	}
	user, err := w.Directory.FindUserByID(eventtest.Context(w.t), step.UserID)
	w.check(err)
	return user, nil
}

// hash is that of a user's password, as stored.
func (w *world) hash(user domain.User) string {
	w.t.Helper()
	credential, err := w.db.FindCredential(eventtest.Context(w.t), user.ID, domain.CredentialPassword)
	w.check(err)
	return credential.Data
}

func (w *world) setHash(user domain.User, hash string) {
	w.t.Helper()
	w.check(w.db.PutCredential(eventtest.Context(w.t), domain.Credential{UserID: user.ID, Kind: domain.CredentialPassword, Data: hash}))
}

func TestPasswordsThatBreakARuleAreRefused(t *testing.T) {
	each(t, func(w *world) {
		for _, tc := range []struct {
			user     domain.User
			password string
			want     string
		}{
			{domain.User{Username: "a", Email: "someone@x.example"}, "Someone@x.example", "it is the e-mail address"},
			{domain.User{Username: "a"}, "Password123", "one of the most common ones"},
			{domain.User{Username: "a"}, "          ", "one of the most common ones"},
			{domain.User{Username: "a"}, "one line\nand another", "more than one line"},
			{domain.User{Username: "a"}, "correct\thorse", "control character"},
			{domain.User{Username: "a"}, "p\xe4sswoerter-lang", "not valid UTF-8"},
			{domain.User{Username: "a"}, "bad\xff-byte-within", "to UTF-8"},
			{domain.User{Username: "a"}, "short", "at least 10 characters"},
			{domain.User{Username: "administrator"}, "administrator", "it is the username"},
		} {
			_, err := w.Directory.CreateUser(eventtest.Context(w.t), tc.user, w.Passwords.New(tc.password))
			w.refused(err, domain.ErrInvalid, tc.want)
			_, err = w.Directory.FindUser(eventtest.Context(w.t), tc.user.Username)
			w.refused(err, domain.ErrNotFound)
		}
	})
}

func TestEmailAddressOf254CharactersIsAUsername(t *testing.T) {
	each(t, func(w *world) {
		for _, username := range []string{
			strings.Repeat("x", 73) + "@x.example", strings.Repeat("x", 64) + "@" + strings.Repeat("y", 60) + "." + strings.Repeat("z", 120) + ".example",
		} {
			w.user(username, "correct horse")
			user, err := w.authenticate(username, "correct horse")
			w.check(err)
			if user.Username != username {
				w.t.Errorf("%s signed in as %s", username, user.Username)
			}
		}
	})
}

func TestAnEmailAddressThatOnePersonHasSignsInToo(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		with := func(username, email string) domain.User {
			return w.AddPerson(w.t, domain.User{Username: username, Email: email}, "correct horse")
		}
		alice := with("alice", "Alice@People.example")
		bob := with("alice@home.example", "shared@people.example")
		with("carol", "alice@home.example") // bob's username
		with("dave", "shared@people.example")
		with("eve", "eve@people.example")
		with("old-eve", "eve@people.example")
		w.check(w.Directory.DisableUser(ctx, "old-eve", ""))
		w.user("nobody", "correct horse")
		for name, want := range map[string]string{
			"alice@people.example": alice.Username, "ALICE@PEOPLE.EXAMPLE": alice.Username, "alice@home.example": bob.Username,
			"eve@people.example": "eve", "shared@people.example": "", "": "", "@": "", "alice@": "", "%@people.example": "",
		} {
			user, err := w.authenticate(name, "correct horse")
			if user.Username != want || (err == nil) != (want != "") {
				w.t.Errorf("%s signed in %q, %v", name, user.Username, err)
			}
		}
	})
}

// NFC and NFD spellings of one password (RFC 8265 §4).
const composed, decomposed = "p\u00e4ssw\u00f6rter-\u00e9", "pa\u0308sswo\u0308rter-e\u0301"

func TestPasswordsMatchHoweverTheirLettersAreComposed(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", composed)
		w.user("bob", decomposed)
		w.user("carol", "an\u3000ideographic\u00a0space")
		for _, tc := range []struct {
			username, password string
			ok                 bool
		}{
			{"alice", composed, true}, {"alice", decomposed, true}, {"bob", composed, true}, {"bob", decomposed, true},
			{"carol", "an ideographic space", true}, {"alice", "passworter-e", false}, {"alice", strings.ToUpper(composed), false},
		} {
			if _, err := w.authenticate(tc.username, tc.password); (err == nil) != tc.ok {
				w.t.Errorf("%s with %+q: %v", tc.username, tc.password, err)
			}
		}
	})
}

func TestAHashOfAPasswordAsItWasTypedStillWorks(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		alice := w.user("alice", "correct horse")
		hashed := func(typed string) {
			hash, err := signin.HashAsTyped(ctx, typed)
			w.check(err)
			w.setHash(alice, hash)
		}
		for _, typed := range []string{"with\tcontrol", decomposed} {
			hashed(typed)
			_, err := w.authenticate("alice", typed)
			w.check(err)
		}
		_, err := w.authenticate("alice", composed) // hashed anew, as prepared
		w.check(err)
	})
}

func TestMinimumOfPasswordsIsASetting(t *testing.T) {
	each(t, func(w *world) {
		w.Passwords = signin.NewPasswords(w.db, w.Directory, 15, func() time.Time { return w.now })
		_, err := w.Directory.CreateUser(eventtest.Context(w.t), domain.User{Username: "a"}, w.Passwords.New("correct horse"))
		w.refused(err, domain.ErrInvalid, "at least 15 characters")
		w.user("b", "correct horse battery")
	})
}

func TestOnlyTheRightPasswordOfAnEnabledUserSignsIn(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		alice := w.user("alice", "correct horse")
		w.user("bob", "")
		w.user("carol", "correct horse")
		w.check(w.Directory.DisableUser(ctx, "carol", ""))
		signedIn, err := w.authenticate("Alice", "correct horse")
		w.check(err)
		if signedIn.ID != alice.ID {
			w.t.Errorf("signed in %+v", signedIn)
		}
		var answers []string
		for _, tc := range []struct{ username, password string }{
			{"alice", "wrong horse"}, {"alice", ""}, {"alice", strings.Repeat("x", 2000)}, {"bob", ""}, {"bob", "correct horse"},
			{"carol", "correct horse"}, {"nobody", "correct horse"}, {"", ""}, {"' OR 1=1 --", "x"},
		} {
			_, err := w.authenticate(tc.username, tc.password)
			w.refused(err, domain.ErrInvalid)
			answers = append(answers, err.Error())
		}
		for _, a := range answers {
			if a != answers[0] {
				w.t.Errorf("answers differ between users: %q and %q", answers[0], a)
			}
		}
	})
}

func TestAPasswordIsHashedWhoeverItIsSaidToBeOf(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", "correct horse")
		w.user("bob", "")
		w.user("carol", "correct horse")
		w.check(w.Directory.DisableUser(eventtest.Context(w.t), "carol", ""))
		for _, name := range []string{"alice", "bob", "carol", "nobody", "nobody@x.example", ""} {
			waiting, release, err := w.Passwords.TakeSlots(eventtest.Context(w.t))
			w.check(err)
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				if _, err := w.authenticate(name, "wrong horse"); !errors.Is(err, domain.ErrInvalid) {
					w.t.Errorf("%q: %v", name, err)
				}
			}()
			for waiting() == 0 {
				select {
				case <-answered:
					w.t.Fatalf("%q is answered without a hash", name)
				case <-time.After(time.Millisecond):
				}
			}
			release()
			<-answered
		}
	})
}

func TestANewPasswordReplacesTheOldAndEndsWhatWasGotWithIt(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		svc, _ := w.AddService(w.t, "svc")
		alice := w.user("alice", "correct horse")
		live, other := w.AddTokens(w.t, w.db, alice, svc, w.now), w.AddTokens(w.t, w.db, w.user("bystander", ""), svc, w.now)
		w.refused(w.Passwords.Set(ctx, "alice", "short"), domain.ErrInvalid)
		if got := live(); got != [3]bool{true, true, true} {
			w.t.Errorf("a password that was refused ended token, grant or session: %v", got)
		}
		w.check(w.Passwords.Set(ctx, "alice", "battery staple"))
		if got := live(); got != [3]bool{} {
			w.t.Errorf("token, grant and session outlived the password: %v", got)
		}
		if got := other(); got != [3]bool{true, true, true} {
			w.t.Errorf("a bystander's token, grant and session are live: %v", got)
		}
		_, err := w.authenticate("alice", "correct horse")
		w.refused(err, domain.ErrInvalid)
		_, err = w.authenticate("alice", "battery staple")
		w.check(err)
		if user, err := w.Directory.FindUser(ctx, "alice"); err != nil || user.Version != alice.Version+1 {
			w.t.Errorf("alice is %+v, %v", user, err)
		}
		w.refused(w.Passwords.Set(ctx, "nobody", "battery staple"), domain.ErrNotFound, `user "nobody": not found`)
	})
}

// oldHash is a hash of a password with an all-zero salt and less work than today's.
func oldHash(password string) string {
	key := argon2.IDKey([]byte(password), make([]byte, 16), 1, 64, 1, 32)
	return "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + base64.RawStdEncoding.EncodeToString(key)
}

func TestAnOldHashIsReplacedAtSignIn(t *testing.T) {
	each(t, func(w *world) {
		user := w.user("alice", "")
		w.setHash(user, oldHash("correct horse"))
		_, err := w.authenticate("alice", "wrong horse")
		w.refused(err, domain.ErrInvalid)
		_, err = w.authenticate("alice", "correct horse")
		w.check(err)
		if hash := w.hash(user); !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			w.t.Errorf("hash is %s", hash)
		}
		_, err = w.authenticate("alice", "correct horse")
		w.check(err)
	})
}
