package adminui

import (
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func TestOnlyWhoDidSomethingCanUndoItAndNotForLong(t *testing.T) {
	now := time.Now()
	visitOf := func(session int64, key string) *visit {
		return &visit{
			surface: &surface{Config: Config{UndoKey: []byte(key), Now: func() time.Time { return now }}}, session: domain.Session{ID: session},
			w: httptest.NewRecorder(), r: httptest.NewRequest("POST", "/admin/x", nil),
		}
	}
	mine := visitOf(1, "key")
	if err := mine.offerUndo(undo{Done: "user.disabled", Arguments: []string{"alice"}, Event: 7, Page: []string{"users", "alice"}, Session: 1, Until: now.Add(undoFor)}); err != nil {
		t.Fatal(err)
	}
	led, err := url.Parse(mine.w.(*httptest.ResponseRecorder).Header().Get("Location"))
	if err != nil || led.Path != "/admin/users/alice" || led.Query().Get("done") != "user.disabled" {
		t.Fatalf("it leads to %v, %v", led, err)
	}
	offer := led.Query().Get("undo")
	if u, ok := mine.openUndo(offer); !ok || u.Arguments[0] != "alice" || u.Event != 7 {
		t.Errorf("opened is %+v, %v", u, ok)
	}
	for what, v := range map[string]*visit{"another session": visitOf(2, "key"), "another server's key": visitOf(1, "other")} {
		if _, ok := v.openUndo(offer); ok {
			t.Errorf("%s can undo it", what)
		}
	}
	forged := []byte(offer)
	forged[0] ^= 1
	for _, other := range []string{"", "AA", offer + "A", offer[:len(offer)-1], string(forged)} {
		if _, ok := mine.openUndo(other); ok {
			t.Errorf("%q is opened", other)
		}
	}
	now = now.Add(undoFor)
	if _, ok := mine.openUndo(offer); ok {
		t.Error("it can be undone later")
	}
}

func TestWhatIsOfferedNamesOperationsThatThereAre(t *testing.T) {
	for done, u := range undoes {
		if !doneKeys[done] || admin.OperationOf(u.operation).Name == "" {
			t.Errorf("%s is undone by %q", done, u.operation)
		}
	}
	for _, a := range append(pages(), actions...) {
		if a.operation != "" && admin.OperationOf(a.operation).Name == "" {
			t.Errorf("%s needs %q", a.path, a.operation)
		}
	}
}
