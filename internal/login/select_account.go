package login

import (
	"cmp"
	"net/http"

	"github.com/signet-auth/signet/internal/domain"
)

// selectAccountForm is the data of the page on which a person who is signed in says as whom they go on.
type selectAccountForm struct {
	Flow   string
	Client string // the name of whoever asks
	User   domain.User
}

func (l *Login) showSelectAccount(w http.ResponseWriter, r *http.Request) {
	sealed := r.URL.Query().Get("flow")
	_, client, ok := l.asked(w, r, sealed)
	if !ok {
		return
	}
	if _, user, ok := l.signedIn(w, r, sealed); ok {
		l.pages.Render(w, r, http.StatusOK, "select_account", selectAccountForm{sealed, cmp.Or(client.Name, client.ClientID), user})
	}
}

// selectAccount goes on as the person who is signed in. The other choice is a link to the sign-in page.
func (l *Login) selectAccount(w http.ResponseWriter, r *http.Request) {
	sealed := r.PostForm.Get("flow")
	waiting, _, ok := l.asked(w, r, sealed)
	if !ok {
		return
	}
	if session, _, ok := l.signedIn(w, r, sealed); ok {
		waiting.Choose(session.SID)
		l.resumeWith(w, r, waiting)
	}
}
