package oauth

import (
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/registration"
	"github.com/signet-auth/signet/internal/token"
)

// authorization is an authorization request on its way (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).
type authorization struct {
	fosite.AuthorizeRequester
	client      *domain.Client
	redirectURI string            // where the answer goes: one that the client has registered
	mode        string            // how it gets there
	state       string            // to the byte
	apis        []domain.GrantAPI // that it asks for, with the scopes that mean something there
	prompt      []string
	claims      claimsRequest
	maxAge      time.Duration // negative: not asked for
	waiting     interaction.Interaction
	revision    int64 // of the snapshot that it is judged on
}

// authorize is the authorization endpoint. A request that needs the person is sealed, waits at /login or /consent, and
// comes back as the one parameter "flow".
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	var a *authorization
	var spent bool // the answers that the person gave for this request were used before
	err := domain.ErrStale
	for attempt := 0; attempt < maxAttempts && (errors.Is(err, domain.ErrStale) || errors.Is(err, domain.ErrConsumed)); attempt++ {
		spent = spent || errors.Is(err, domain.ErrConsumed)
		a, err = p.tryAuthorization(w, r, spent)
	}
	if err != nil {
		p.failAuthorization(w, r, a, err)
	}
}

// tryAuthorization judges a request on the current snapshot, and answers it. domain.ErrStale if that changed before the code was stored,
// domain.ErrConsumed if the person's answers were used before: then no response has been written.
func (p *Provider) tryAuthorization(w http.ResponseWriter, r *http.Request, spent bool) (*authorization, error) {
	if err := p.Cache.Refresh(r.Context()); err != nil {
		return nil, err
	}
	revision := p.Cache.Revision()
	a, err := p.readAuthorization(w, r)
	switch {
	case err != nil:
		return a, err
	case r.Method == http.MethodPost:
		// A POST from another site brings no cookie; the GET that follows does.
		return a, p.interact(w, r, a, "/oauth2/authorize")
	}
	a.revision = revision
	if spent {
		a.waiting.Forget()
	}
	return a, p.answer(w, r, a)
}

// readAuthorization parses and judges a request. A returned authorization with an error is one that may be redirected.
func (p *Provider) readAuthorization(w http.ResponseWriter, r *http.Request) (*authorization, error) {
	values, wrong, waiting, err := p.authorizationForm(w, r)
	if err != nil {
		return nil, err
	}
	unsupported := unsupportedParameter(values, wrong)
	found, to, err := p.trusted(r, values, wrong)
	switch {
	case err != nil && unsupported != nil && wire(err).Status < http.StatusInternalServerError:
		return nil, unsupported // the request object may have had what is missing
	case err != nil:
		return nil, err
	}
	a := &authorization{
		client: found, redirectURI: to, state: values.Get("state"),
		waiting: waiting,
	}
	mode, unknownMode := responseMode(to, values)
	a.mode = mode
	values.Del("response_mode") // fosite would treat it in ways of its own
	switch {
	case unsupported != nil:
		return a, unsupported
	case len(wrong) > 0:
		return a, wrong.first()
	case unknownMode != nil:
		return a, unknownMode
	case !values.Has("response_type"):
		return a, fosite.ErrInvalidRequest.WithHint(ourWords + "The response_type is missing.")
	case values.Get("response_type") != "code":
		return a, fosite.ErrUnsupportedResponseType
	}
	r.Form, r.PostForm = values, url.Values{}
	r.MultipartForm, r.Body = &multipart.Form{}, http.NoBody // or fosite would read a body without bounds
	a.AuthorizeRequester, err = p.fosite.NewAuthorizeRequest(context.WithValue(r.Context(), judgedRedirect{}, to), r)
	if err != nil && !errors.Is(err, fosite.ErrInvalidState) { // a short state is the client's choice: PKCE does what it is for
		return a, err
	}
	return a, p.judge(r, a)
}

// trusted returns the client of a request and the redirect URI to which it may be answered.
func (p *Provider) trusted(r *http.Request, values url.Values, wrong problems) (*domain.Client, string, error) {
	ctx := r.Context()
	if err := errors.Join(wrong["client_id"], wrong["redirect_uri"]); err != nil {
		return nil, "", err
	}
	err := p.Registrations.Document(ctx, values.Get("client_id"), domain.Network(r.RemoteAddr))
	if failed := new(registration.DocumentError); errors.As(err, &failed) {
		return nil, "", fosite.ErrInvalidRequest.WithHint(ourWords + printable(failed.Reason))
	}
	var found *domain.Client
	if err == nil {
		found, err = p.Registry.LookupClient(ctx, values.Get("client_id"))
	}
	if errors.Is(err, domain.ErrNotFound) || err == nil && !found.DisabledAt.IsZero() {
		return nil, "", fosite.ErrInvalidRequest.WithHint(ourWords + "No such application is registered here.")
	} else if err != nil {
		return nil, "", err
	}
	to, err := redirectURI(found, values.Get("redirect_uri"))
	return found, to, err
}

// unsupportedParameter says which parameter of a request is not supported and cannot be ignored (OpenID Connect Core §3.1.2.6, §6). It
// is checked first: a request object may have what the query lacks.
func unsupportedParameter(values url.Values, wrong problems) error {
	has := func(name string) bool { return values.Has(name) || wrong[name] != nil }
	switch {
	case has("request"):
		return fosite.ErrRequestNotSupported
	case has("request_uri"):
		return fosite.ErrRequestURINotSupported
	case has("registration"):
		return fosite.ErrRegistrationNotSupported
	}
	return nil
}

// authorizationForm reads the parameters from a sealed interaction, the query or the body, and returns the errors by parameter. The
// interaction is empty if none is sealed.
func (p *Provider) authorizationForm(w http.ResponseWriter, r *http.Request) (
	values url.Values, wrong problems, waiting interaction.Interaction, err error,
) {
	encoded := r.URL.RawQuery
	sealed, ours := strings.CutPrefix(encoded, "flow=")
	switch {
	case r.Method == http.MethodPost:
		if encoded, err = readBody(w, r); err != nil {
			return nil, nil, waiting, err
		}
	case ours && !strings.Contains(sealed, "&"):
		browser, err := p.Pages.Browser(w, r)
		if err != nil {
			return nil, nil, waiting, err
		}
		if waiting, err = p.Sealer.Open(sealed, browser); err != nil {
			return nil, nil, waiting, fmt.Errorf("%w: %w", errExpired, err)
		}
		return requestForm(waiting.Request), nil, waiting, nil
	}
	if values, wrong, err = parse(encoded, authorizationParameters); err == nil && besideRedirectURI(encoded, values) > maxRequest {
		err = fosite.ErrInvalidRequest.WithHint(ourWords + "The request is too long.")
	}
	return values, wrong, waiting, err
}

// judge checks everything of a request that does not depend on the person.
func (p *Provider) judge(r *http.Request, a *authorization) error {
	form := a.GetRequestForm()
	if !slices.Contains(a.client.GrantTypes, domain.GrantAuthorizationCode) {
		return fosite.ErrUnauthorizedClient.WithHint(ourWords + "The client is not registered for this grant type.")
	}
	if err := checkChallenge(a.client, form); err != nil {
		return err
	}
	if err := a.readPrompt(form); err != nil {
		return err
	}
	if err := checkScopeForm(form); err != nil {
		return err
	}
	targets, err := p.Registry.Targets(r.Context(), a.client, p.resources(form), renewable(a.client, a.GetRequestedScopes()))
	if err != nil {
		return targetError(err)
	}
	a.apis = p.asked(targets)
	if len(a.waiting.ID) > 0 {
		a.apis = within(a.apis, a.waiting.APIs)
	}
	if slices.Contains(domain.Scopes(a.apis), domain.ScopeOpenID) {
		a.claims, err = parseClaims(form.Get("claims"))
	}
	return err
}

// renewable leaves out offline_access where no refresh token could be issued for it (OpenID Connect Core §11).
func renewable(c *domain.Client, scopes []string) []string {
	if slices.Contains(c.GrantTypes, domain.GrantRefreshToken) {
		return scopes
	}
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope == domain.ScopeOfflineAccess })
}

// within leaves out what the consent page did not show: an API may since have got a permission with the name of another API's.
func within(asked, shown []domain.GrantAPI) (apis []domain.GrantAPI) {
	for _, s := range shown {
		for _, api := range asked {
			if api.Audience == s.Audience {
				api.Scopes = slices.DeleteFunc(api.Scopes, func(scope string) bool { return !slices.Contains(s.Scopes, scope) })
				apis = append(apis, api)
			}
		}
	}
	return apis
}

func (a *authorization) readPrompt(form url.Values) error {
	a.prompt = token.SplitScopes(form.Get("prompt"))
	for _, prompt := range a.prompt {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, prompt) {
			return fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'prompt' has an unknown value.")
		}
	}
	if slices.Contains(a.prompt, "none") && len(a.prompt) > 1 {
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'prompt' is 'none' and something else.")
	}
	a.maxAge = -1
	if text := form.Get("max_age"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'max_age' is not a number of seconds.")
		}
		a.maxAge = time.Duration(seconds) * time.Second
	}
	return nil
}

// answer asks the person for what is missing, or gives the code.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, a *authorization) error {
	signedIn, err := p.Pages.Session(r)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	silent := slices.Contains(a.prompt, "none")
	needed := err != nil
	if !needed {
		if needed, err = p.needsLogin(r, a, signedIn); err != nil {
			return err
		}
	}
	switch {
	case needed && silent:
		return fosite.ErrLoginRequired
	case needed:
		return p.interact(w, r, a, "/login")
	case a.mustChoose(signedIn):
		return p.interact(w, r, a, "/select-account")
	case a.waiting.DeniedBy(signedIn.SID):
		return fosite.ErrAccessDenied.WithHint(ourWords + "The user did not allow it.")
	}
	consented, err := p.consented(r, a, signedIn)
	switch {
	case err != nil:
		return err
	case !consented && silent:
		return fosite.ErrConsentRequired
	case !consented:
		return p.interact(w, r, a, "/consent")
	}
	return p.giveCode(w, r, a, signedIn)
}

// needsLogin says whether the one who is signed in has to sign in (again).
func (p *Provider) needsLogin(r *http.Request, a *authorization, s domain.Session) (bool, error) {
	fresh := a.waiting.SignedInBy(s.SID)
	if slices.Contains(a.prompt, "login") && !fresh {
		return true, nil
	}
	if a.maxAge >= 0 && !fresh && !p.Now().Before(s.AuthTime.Add(a.maxAge)) {
		return true, nil
	}
	user, err := p.Directory.LookupUser(r.Context(), s.UserID)
	if err != nil {
		return false, fmt.Errorf("find the user: %w", err)
	}
	if again, err := a.claims.needsLogin(p.Minter.SubjectOf(a.client, user), s.ACR, fresh); again || err != nil {
		return again, err
	}
	hint := a.GetRequestForm().Get("id_token_hint")
	if hint == "" {
		return false, nil
	}
	claims, err := p.Minter.VerifyIDToken(r.Context(), hint)
	switch {
	case errors.Is(err, keys.ErrUnknownKey):
		return false, nil // clients keep hints for longer than keys live
	case errors.Is(err, keys.ErrNotOurs):
		return false, fosite.ErrInvalidRequest.WithHint(ourWords + "The id_token_hint is not an ID token of this server.")
	case err != nil:
		return false, err
	}
	switch same, err := p.isAbout(r.Context(), claims, user); {
	case err != nil, same:
		return false, err
	case fresh:
		return false, fosite.ErrLoginRequired.WithHint(ourWords + "Another user than that of the id_token_hint has signed in.")
	}
	return true, nil
}

// isAbout says whether an ID token of ours is about a user: it has the user's subject, or the one by which its client knows the user.
func (p *Provider) isAbout(ctx context.Context, claims token.IDClaims, user *domain.User) (bool, error) {
	if claims.Subject == user.Subject {
		return true, nil
	}
	client, err := p.Registry.LookupClient(ctx, claims.ClientID)
	if errors.Is(err, domain.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("find the ID token's client: %w", err)
	}
	return claims.Subject == p.Minter.SubjectOf(client, user), nil
}

// mustChoose says whether the one who is signed in has yet to say as whom they go on (OpenID Connect Core §3.1.2.1).
func (a *authorization) mustChoose(s domain.Session) bool {
	return slices.Contains(a.prompt, "select_account") && !a.waiting.SignedInBy(s.SID) && !a.waiting.ChosenBy(s.SID)
}

// consented says whether the user has allowed the client what it asks for.
func (p *Provider) consented(r *http.Request, a *authorization, s domain.Session) (bool, error) {
	if a.waiting.AllowedBy(s.SID) {
		return true, nil
	}
	// Any program on the machine can pose as a public client with a loopback redirect URI. So its user acts for each request, and no
	// earlier consent counts (RFC 8252 §8.6).
	impersonable := a.client.Impersonable(a.redirectURI)
	switch {
	case slices.Contains(a.prompt, "consent"), a.client.SelfRegistered():
		return false, nil
	case a.client.FirstParty:
		return !impersonable || a.waiting.SignedInBy(s.SID), nil
	case impersonable:
		return false, nil
	}
	asked := a.apis
	if claims := a.claims.beyond(domain.Scopes(a.apis)); len(claims) > 0 {
		asked = append(slices.Clone(asked), domain.GrantAPI{Audience: domain.ClaimsAudience, Scopes: claims})
	}
	for _, api := range asked {
		consent, err := p.Sessions.Consent(r.Context(), s.UserID, a.client.ID, api.Audience)
		if errors.Is(err, domain.ErrNotFound) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		if slices.ContainsFunc(api.Scopes, func(scope string) bool { return !slices.Contains(consent.Scopes, scope) }) {
			return false, nil
		}
	}
	return true, nil
}

// interact sends the browser to one of our pages, with the request sealed.
func (p *Provider) interact(w http.ResponseWriter, r *http.Request, a *authorization, path string) error {
	if len(a.waiting.ID) == 0 {
		var browser string
		if r.Method == http.MethodGet { // to a POST of another site a new cookie would replace the one that it did not bring
			var err error
			if browser, err = p.Pages.Browser(w, r); err != nil {
				return err
			}
		}
		a.waiting = interaction.New(a.request(), browser, p.Now())
	}
	sealed, err := p.Sealer.Seal(a.waiting)
	if err != nil {
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The request is too long.").WithWrap(err)
	}
	http.Redirect(w, r, path+"?"+url.Values{"flow": {sealed}}.Encode(), http.StatusSeeOther)
	return nil
}

// giveCode makes the grant and sends its code to the client.
func (p *Provider) giveCode(w http.ResponseWriter, r *http.Request, a *authorization, s domain.Session) error {
	user, err := p.Directory.LookupUser(r.Context(), s.UserID)
	if err != nil {
		return fmt.Errorf("find the user: %w", err)
	}
	now := p.Now()
	expires := now.Add(p.CodeTTL + keys.MaxTokenLifetime)
	if s.ExpiresAt.After(expires) { // whose end the client hears of
		expires = s.ExpiresAt
	}
	scopes := domain.Scopes(a.apis)
	offline := slices.Contains(scopes, domain.ScopeOfflineAccess)
	if offline {
		expires = now.Add(p.RefreshAbsoluteTTL)
	}
	grant := domain.Grant{
		ClientID: a.client.ID, UserID: user.ID, SessionID: s.ID, SID: s.SID, EndsWithSession: !offline, APIs: a.apis,
		Claims:   a.claims.SingleClaims,
		AuthTime: s.AuthTime, ACR: s.ACR, AMR: s.AMR, CreatedAt: now, ExpiresAt: expires,
	}
	if a.waiting.Acted(s.SID) {
		grant.Act = a.waiting.ID
	}
	sess := newSession(a.revision)
	sess.of(grant, user)
	for _, scope := range scopes {
		a.GrantScope(scope)
	}
	for _, judged := range []string{"prompt", "max_age", "id_token_hint"} {
		a.GetRequestForm().Del(judged) // fosite would judge them again, by rules of its own
	}
	response, err := p.fosite.NewAuthorizeResponse(r.Context(), a.AuthorizeRequester, sess)
	if err != nil {
		return err
	}
	p.sendBack(w, r, a, "code", response.GetCode())
	return nil
}

// failAuthorization redirects an error to the client, or shows it on a page where the redirect URI cannot be trusted (RFC 6749 §4.1.2.1).
func (p *Provider) failAuthorization(w http.ResponseWriter, r *http.Request, a *authorization, err error) {
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
	switch {
	case errors.Is(err, errExpired):
		p.Pages.Error(w, r, e.Status, "This sign-in cannot go on", e.Description)
		return
	case a == nil && e.Status >= http.StatusInternalServerError:
		p.Pages.Error(w, r, e.Status, "Something went wrong", "This is our fault, not yours. Please try again in a moment.")
		return
	case a == nil, a.client.SelfRegistered() && !a.waiting.Attended(): // nobody has seen who this is: a link here must not lead on
		p.Pages.Problem(w, r, e.Status, "This sign-in cannot go on",
			"The application sent you here with a request that Signet cannot answer. Go back to it and try again; "+
				"if that does not help, those who run it have to repair it.", e.Description)
		return
	}
	p.sendBack(w, r, a, "error", e.Code, "error_description", e.Description)
}
