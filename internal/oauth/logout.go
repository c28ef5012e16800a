package oauth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/page"
	"github.com/signet-auth/signet/internal/token"
)

// logoutRequest is a request of an application to sign its user out (OpenID Connect RP-Initiated Logout 1.0 §2).
type logoutRequest struct {
	client      *domain.Client  // nil: none is known
	hint        *token.IDClaims // of the id_token_hint, nil: none that counts
	redirectURI string          // where to go then, empty: stay
	state       string
	problem     string // why the user is not redirected although the application asked for it
}

// endSessionForm is the data of the page that asks the person.
type endSessionForm struct {
	Client  string // its name, empty: none is known
	User    domain.User
	Request url.Values // as it came: it is judged again, so that what is wrong with it is said in the end
}

// logout is the logout endpoint. With an ID token of this very session the user is signed out at once. Otherwise the user is asked: any
// site can send a browser here.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request) {
	values, wrong, err := parse(r.URL.RawQuery, logoutParameters)
	if err == nil {
		err = wrong.first()
	}
	var request logoutRequest
	if err == nil {
		request, err = p.readLogout(r, values)
	}
	if err != nil {
		p.failLogout(w, r, err)
		return
	}
	session, user, err := p.Pages.SignedIn(r)
	hinted := false
	if hint := request.hint; err == nil && hint != nil && hint.Session == session.SID {
		hinted, err = p.isAbout(r.Context(), *hint, &user)
	}
	switch {
	case errors.Is(err, domain.ErrNotFound):
		if request.client != nil && request.client.SelfRegistered() { // nobody has seen who this is: a link here must not lead on
			request.redirectURI = ""
		}
		p.loggedOut(w, r, request, nil)
	case err != nil:
		p.failLogout(w, r, err)
	case hinted:
		p.endSession(w, r, request)
	default:
		form := endSessionForm{User: user, Request: onlyLogout(values)}
		if request.client != nil {
			form.Client = request.client.Name
		}
		p.Pages.AllowRedirect(w)
		p.Pages.Render(w, r, http.StatusOK, "end_session", form)
	}
}

// postLogout takes the same request as a form: a POST from another site brings no cookie, the GET that follows does.
func (p *Provider) postLogout(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	var values url.Values
	var wrong problems
	if err == nil {
		values, wrong, err = parse(body, logoutParameters)
	}
	if err == nil {
		err = wrong.first()
	}
	if err != nil {
		p.failLogout(w, r, err)
		return
	}
	kept := onlyLogout(values)
	query := kept.Encode()
	if besideRedirectURI(query, url.Values{"redirect_uri": kept["post_logout_redirect_uri"]}) > maxRequest {
		p.failLogout(w, r, errTooLarge)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/oauth2/logout?"+query, http.StatusSeeOther)
}

// onlyLogout are the parameters of a logout request among values.
func onlyLogout(values url.Values) url.Values {
	kept := url.Values{}
	for _, name := range logoutParameters {
		if values.Has(name) {
			kept.Set(name, values.Get(name))
		}
	}
	return kept
}

// confirmLogout takes the person's yes.
func (p *Provider) confirmLogout(w http.ResponseWriter, r *http.Request) {
	request, err := p.readLogout(r, onlyLogout(r.PostForm))
	if err != nil {
		p.failLogout(w, r, err)
		return
	}
	p.endSession(w, r, request)
}

// readLogout judges a request. Its errors do not prevent the sign-out, only the redirect after it.
func (p *Provider) readLogout(r *http.Request, values url.Values) (request logoutRequest, err error) {
	if err := p.Cache.Refresh(r.Context()); err != nil {
		return request, err
	}
	clientID := values.Get("client_id")
	if values.Has("id_token_hint") {
		claims, err := p.Minter.VerifyIDToken(r.Context(), values.Get("id_token_hint"))
		switch {
		case errors.Is(err, keys.ErrNotOurs), errors.Is(err, keys.ErrUnknownKey): // clients keep hints for longer than keys live
			request.problem = "The id_token_hint is not an ID token that this server can check."
		case err != nil:
			return request, err
		case clientID != "" && clientID != claims.ClientID:
			request.problem, clientID = "The client_id is not that of the id_token_hint.", ""
		default:
			clientID, request.hint = claims.ClientID, &claims
		}
	}
	if clientID != "" {
		found, err := p.Registry.LookupClient(r.Context(), clientID)
		switch {
		case errors.Is(err, domain.ErrNotFound), err == nil && !found.DisabledAt.IsZero():
			request.problem = "No such application is registered here."
		case err != nil:
			return request, err
		default:
			request.client = found
		}
	}
	to := values.Get("post_logout_redirect_uri")
	switch {
	case to == "":
		request.problem = ""
	case request.client == nil && request.problem == "":
		request.problem = "The post_logout_redirect_uri needs a client_id or an id_token_hint."
	case request.client == nil:
	case !slices.Contains(request.client.PostLogoutRedirectURIs, to):
		request.problem = "The post_logout_redirect_uri is not one that is registered for this application."
	default:
		request.redirectURI, request.state, request.problem = to, values.Get("state"), ""
	}
	return request, nil
}

// endSession signs the person out.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request, request logoutRequest) {
	frames, err := p.Pages.SignOut(w, r)
	if err != nil {
		p.failLogout(w, r, err)
		return
	}
	p.loggedOut(w, r, request, frames)
}

// loggedOut redirects the user who signed out, after applications were notified in frames.
func (p *Provider) loggedOut(w http.ResponseWriter, r *http.Request, request logoutRequest, frames []string) {
	to := request.redirectURI
	if to != "" && request.state != "" {
		to = appendQuery(to, []string{"state", request.state})
	}
	switch {
	case request.problem != "" || len(frames) > 0:
		p.Pages.SignedOut(w, r, page.SignedOut{Frames: frames, Next: to, Reason: request.problem})
	case to != "":
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusSeeOther)
	default:
		http.Redirect(w, r, "/logout", http.StatusSeeOther)
	}
}

func (p *Provider) failLogout(w http.ResponseWriter, r *http.Request, err error) {
	e := wire(err)
	p.logFailure(r, e, err)
	switch wait, tooMany := errors.AsType[*domain.WaitError](err); {
	case tooMany:
		p.Pages.TooMany(w, r, wait)
		return
	case e.Status == http.StatusServiceUnavailable:
		p.Pages.Unavailable(w, r)
		return
	}
	if e.Status >= http.StatusInternalServerError {
		p.Pages.Error(w, r, e.Status, "Something went wrong", "This is our fault, not yours. Please try again in a moment.")
		return
	}
	p.Pages.Problem(w, r, e.Status, "Signing out did not work",
		"The application sent a request that Signet cannot answer. You can sign out of Signet on your account's page.", e.Description)
}
