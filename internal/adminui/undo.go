package adminui

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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
	run       func(v *visit, arguments []string) error
}{
	"assignment.unassigned": {"assignment.assign", func(v *visit, a []string) error {
		var until time.Time
		if a[3] != "" {
			var err error
			if until, err = time.Parse(time.RFC3339Nano, a[3]); err != nil {
				return err
			}
		}
		return v.Admin.Assign(v.ctx(), v.caller, a[0], domain.SubjectKind(a[1]), a[2], until)
	}},
	"client.disabled": {"client.enable", func(v *visit, a []string) error { return v.Admin.EnableClient(v.ctx(), v.caller, a[0]) }},
	"group.member_removed": {"group.add_member", func(v *visit, a []string) error {
		return v.Admin.AddMember(v.ctx(), v.caller, a[0], a[1])
	}},
	"receiver.paused": {"receiver.resume", func(v *visit, a []string) error { return v.Admin.ResumeReceiver(v.ctx(), v.caller, a[0]) }},
	"token.suspended": {"token.resume", func(v *visit, a []string) error {
		id, err := domain.ParseTokenID(a[0])
		if err != nil {
			return err
		}
		return v.Admin.ResumeToken(v.ctx(), v.caller, id)
	}},
	"user.disabled": {"user.enable", func(v *visit, a []string) error {
		_, err := v.Admin.EnableUser(v.ctx(), v.caller, a[0])
		return err
	}},
}

// undo is what takes back something that was done, in the session that did it.
type undo struct {
	Done      string    `json:"done"` // a key of undoes
	Arguments []string  `json:"arguments"`
	Page      []string  `json:"page"` // which it leads back to, as address takes it
	Session   int64     `json:"session"`
	Until     time.Time `json:"until"`
}

// doneUntil is done of what can be undone, with these arguments, for a while.
func (v *visit) doneUntil(what string, arguments []string, path ...string) error {
	text, err := json.Marshal(undo{Done: what, Arguments: arguments, Page: path, Session: v.session.ID, Until: v.Now().Add(undoFor)})
	if err != nil {
		return fmt.Errorf("offer to undo %s: %w", what, err)
	}
	offer := url.Values{"done": {what}, "undo": {base64.RawURLEncoding.EncodeToString(append(v.undoMAC(text), text...))}}
	http.Redirect(v.w, v.r, address(path...)+"?"+offer.Encode(), http.StatusSeeOther)
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
	if err := undoes[u.Done].run(v, u.Arguments); err != nil {
		return v.explained(err, address(u.Page...))
	}
	return v.done("undone", u.Page...)
}
