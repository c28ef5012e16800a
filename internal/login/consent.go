package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
)

// consentForm is the data of the consent page.
type consentForm struct {
	Flow   string
	Client *domain.Client
	Target string // where the answer goes: the host of the redirect URI, or its scheme
	Host   string // of the metadata document by which the client describes itself, empty: it has none
	Device bool   // the answer goes to a program on the person's device
	User   domain.User
	asks
}

// asks are what a client asks for.
type asks struct {
	Identity []ask // what it wants to know of the person
	Access   []access
}

// access is what the client wants to do at an API.
type access struct {
	API  string
	Asks []ask
}

// ask is one scope or claim in plain words.
type ask struct{ Scope, Words string }

// identityWords explain the scopes that Signet itself gives meaning to.
var identityWords = map[string]string{
	domain.ScopeOpenID:        "Know who you are, by a name for you that does not change",
	domain.ScopeProfile:       "See your profile: name and username, and if you have them picture, birthday, language and the like",
	domain.ScopeEmail:         "See your e-mail address",
	domain.ScopePhone:         "See your phone number, if you have one here",
	domain.ScopeAddress:       "See your postal address, if you have one here",
	domain.ScopeRoles:         "See your roles",
	domain.ScopeGroups:        "See the groups that you are in",
	domain.ScopeOfflineAccess: "Stay connected while you are away",
}

// claimWords explains a claim that is asked for by itself.
func claimWords(claim string) string {
	switch claim {
	case "groups", "roles":
		return identityWords[claim] // named as its scope
	case "preferred_username":
		return "See your username"
	case "email_verified", "phone_number_verified":
		return "See whether your " + strings.ReplaceAll(strings.TrimSuffix(claim, "_verified"), "_", " ") + " is verified"
	case "zoneinfo":
		return "See your time zone"
	case "updated_at":
		return "See when your profile was last changed"
	}
	return "See your " + strings.ReplaceAll(claim, "_", " ")
}

func (l *Login) showConsent(w http.ResponseWriter, r *http.Request) {
	sealed := r.URL.Query().Get("flow")
	waiting, client, ok := l.asked(w, r, sealed)
	if !ok {
		return
	}
	_, user, ok := l.signedIn(w, r, sealed)
	if !ok {
		return
	}
	form := consentForm{Flow: sealed, Client: client, Target: target(waiting.RedirectURI), User: user}
	if client.Origin == domain.OriginMetadata {
		form.Host = target(client.ClientID)
	}
	form.Device = client.Impersonable(waiting.RedirectURI)
	var err error
	if form.asks, err = l.explain(r.Context(), waiting.APIs); err != nil {
		l.fail(w, r, err)
		return
	}
	for _, claim := range waiting.SingleClaims {
		form.Identity = append(form.Identity, ask{claim, claimWords(claim)})
	}
	form.addMapped(client)
	l.pages.Render(w, r, http.StatusOK, "consent", form)
}

func (l *Login) consent(w http.ResponseWriter, r *http.Request) {
	sealed := r.PostForm.Get("flow")
	waiting, client, ok := l.asked(w, r, sealed)
	if !ok {
		return
	}
	session, user, ok := l.signedIn(w, r, sealed)
	if !ok {
		return
	}
	// Anything but a clear yes is a no.
	allowed := r.PostForm.Get("decision") == "allow"
	if allowed {
		given := waiting.APIs
		if len(waiting.SingleClaims) > 0 {
			given = append(slices.Clone(given), domain.GrantAPI{Audience: domain.ClaimsAudience, Scopes: waiting.SingleClaims})
		}
		for _, api := range given {
			if err := l.sessions.GiveConsent(r.Context(), user, *client, api.Audience, api.Scopes); err != nil {
				l.fail(w, r, err)
				return
			}
		}
	}
	waiting.Answer(session.SID, allowed)
	l.resumeWith(w, r, waiting)
}

// asked is a sealed interaction, with the client that waits for it; or it answers, and is not ok.
func (l *Login) asked(w http.ResponseWriter, r *http.Request, sealed string) (interaction.Interaction, *domain.Client, bool) {
	i, ok := l.interaction(w, r, sealed)
	if !ok {
		return i, nil, false
	}
	if i.ClientID == "" {
		l.expired(w, r)
		return i, nil, false
	}
	client, ok := l.client(w, r, i)
	return i, client, ok
}

// signedIn returns who is signed in; or it answers with the way to the sign-in page, and is not ok.
func (l *Login) signedIn(w http.ResponseWriter, r *http.Request, sealed string) (domain.Session, domain.User, bool) {
	session, user, err := l.pages.SignedIn(r)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		path := "/login"
		if sealed != "" {
			path += "?flow=" + url.QueryEscape(sealed)
		}
		http.Redirect(w, r, path, http.StatusSeeOther)
		return domain.Session{}, domain.User{}, false
	case err != nil:
		l.fail(w, r, err)
		return domain.Session{}, domain.User{}, false
	}
	return session, user, true
}

// explain puts each scope that is asked for in plain words, by API.
func (l *Login) explain(ctx context.Context, apis []domain.GrantAPI) (a asks, err error) {
	for _, scope := range domain.Scopes(apis) {
		if known, ok := identityWords[scope]; ok {
			a.Identity = append(a.Identity, ask{scope, known})
		}
	}
	for _, asked := range apis {
		name, words := asked.Audience, map[string]string{}
		api, err := l.registry.LookupAPI(ctx, asked.Audience)
		switch {
		case errors.Is(err, domain.ErrNotFound): // the scopes stand for themselves
		case err != nil:
			return asks{}, err
		default:
			name = api.Name
			for _, permission := range api.Permissions {
				words[permission.Name] = permission.Description
			}
		}
		at := access{API: name}
		for _, scope := range asked.Scopes {
			if _, ok := identityWords[scope]; !ok {
				at.Asks = append(at.Asks, ask{scope, words[scope]})
			}
		}
		if len(at.Asks) > 0 {
			a.Access = append(a.Access, at)
		}
	}
	return a, nil
}

// addMapped adds what the claim mappings of a client send to it in ID tokens and userinfo, whatever else it asks for.
func (a *asks) addMapped(client *domain.Client) {
	listed := func(name string) bool {
		return slices.ContainsFunc(a.Identity, func(is ask) bool { return is.Scope == name })
	}
	if !listed(domain.ScopeOpenID) {
		return
	}
	for _, m := range client.ClaimMappings {
		if !listed(m.Claim) {
			a.Identity = append(a.Identity, ask{m.Claim, claimWords(m.Claim)})
		}
	}
}

// target is the host of a redirect URI, or its scheme, as a person may recognize it.
func target(redirectURI string) string {
	uri, err := url.Parse(redirectURI)
	switch {
	case err != nil || uri.Scheme == "":
		return ""
	case uri.Host == "":
		return uri.Scheme + ":"
	}
	return uri.Host
}
