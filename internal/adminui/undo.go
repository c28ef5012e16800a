package adminui

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountUndo() {
	s.handle("POST /undo", "", takeBack)
}

// undoFor is for how long somebody can undo what they did.
const undoFor = 5 * time.Minute

// undoes are what can be undone, by the key of what was done.
var undoes = map[string]struct {
	operation string // that undoes it, which the visitor needs the permission of
	action    string // as events call what was done
	target    string // the kind of the object that its first argument names, as events call it
	run       func(ctx context.Context, v *visit, arguments []string) error
}{
	"assignment.unassigned": {"assignment.assign", "role.unassign", "role", func(ctx context.Context, v *visit, a []string) error {
		var until time.Time
		if a[3] != "" {
			var err error
			if until, err = time.Parse(time.RFC3339Nano, a[3]); err != nil {
				return err
			}
		}
		return v.Admin.Assign(ctx, v.caller, a[0], domain.SubjectKind(a[1]), a[2], until)
	}},
	"client.disabled": {"client.enable", "client.disable", "client", func(ctx context.Context, v *visit, a []string) error {
		return v.Admin.EnableClient(ctx, v.caller, a[0])
	}},
	"group.member_removed": {"group.add_member", "group.remove_member", "group", func(ctx context.Context, v *visit, a []string) error {
		return v.Admin.AddMember(ctx, v.caller, a[0], a[1])
	}},
	"receiver.paused": {"receiver.resume", "receiver.pause", "receiver", func(ctx context.Context, v *visit, a []string) error {
		return v.Admin.ResumeReceiver(ctx, v.caller, a[0])
	}},
	"token.suspended": {"token.resume", "token.suspend", "token", func(ctx context.Context, v *visit, a []string) error {
		id, err := domain.ParseTokenID(a[0])
		if err != nil {
			return err
		}
		return v.Admin.ResumeToken(ctx, v.caller, id)
	}},
	"user.disabled": {"user.enable", "user.disable", "user", func(ctx context.Context, v *visit, a []string) error {
		_, err := v.Admin.EnableUser(ctx, v.caller, a[0])
		return err
	}},
}

// undo is what takes back something that was done, in the session that did it.
type undo struct {
	Done      string    `json:"done"` // a key of undoes
	Arguments []string  `json:"arguments"`
	Event     int64     `json:"event"` // that says so
	Page      []string  `json:"page"`  // which it leads back to, as address takes it
	Session   int64     `json:"session"`
	Until     time.Time `json:"until"`
}

// doneUntil is done of what can be undone, with these arguments, for a while, as long as nobody else changes the object.
func (v *visit) doneUntil(what string, arguments []string, path ...string) error {
	of := undoes[what]
	seq, err := v.Admin.Done(v.ctx(), v.caller, of.action, of.target+":"+arguments[0])
	switch {
	case err != nil:
		return err
	case seq == 0:
		return v.done(what, path...)
	}
	return v.offerUndo(undo{Done: what, Arguments: arguments, Event: seq, Page: path, Session: v.session.ID, Until: v.Now().Add(undoFor)})
}

// offerUndo leads to a page that says what was done, and lets it be undone.
func (v *visit) offerUndo(u undo) error {
	text, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("offer to undo %s: %w", u.Done, err)
	}
	offer := url.Values{"done": {u.Done}, "undo": {base64.RawURLEncoding.EncodeToString(append(v.undoMAC(text), text...))}}
	http.Redirect(v.w, v.r, address(u.Page...)+"?"+offer.Encode(), http.StatusSeeOther)
	return nil
}

// undoMAC authenticates an undo, so that no link makes a page offer what nobody did.
func (v *visit) undoMAC(text []byte) []byte {
	mac := hmac.New(sha256.New, v.UndoKey)
	mac.Write(text)
	return mac.Sum(nil)
}

// openUndo reads what doneUntil made for this session; false if it did not, or too long ago.
func (v *visit) openUndo(offer string) (u undo, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(offer)
	if err != nil || len(raw) <= sha256.Size || !hmac.Equal(raw[:sha256.Size], v.undoMAC(raw[sha256.Size:])) {
		return undo{}, false
	}
	if err := json.Unmarshal(raw[sha256.Size:], &u); err != nil {
		return undo{}, false
	}
	return u, u.Session == v.session.ID && v.Now().Before(u.Until) && undoes[u.Done].run != nil
}

// undoOf is the button that undoes what the page says was done; without a path there is none.
func (v *visit) undoOf(done string) action {
	offer := v.r.URL.Query().Get("undo")
	if u, ok := v.openUndo(offer); !ok || u.Done != done || !v.may(undoes[done].operation) {
		return action{}
	}
	return action{Text: v.text("undo"), Path: address("undo"), Post: true, Fields: map[string]string{"undo": offer}}
}

func takeBack(v *visit) error {
	u, ok := v.openUndo(v.r.PostForm.Get("undo"))
	if !ok {
		return v.refuse(v.text("undo.late"), root+"/")
	}
	err := v.Admin.Undo(v.ctx(), v.caller, u.Event, func(ctx context.Context) error { return undoes[u.Done].run(ctx, v, u.Arguments) })
	switch {
	case errors.Is(err, domain.ErrConflict):
		return v.refuse(v.text("undo.moved"), address(u.Page...))
	case errors.Is(err, domain.ErrRevoked):
		return v.refuse(v.text("token.is_revoked"), address(u.Page...))
	case err != nil:
		return v.explained(err, address(u.Page...))
	}
	return v.done("undone", u.Page...)
}
