package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/token"
)

// maxAttempts bounds how often a request is judged anew because something changed meanwhile.
const maxAttempts = 10

// token is the token endpoint (RFC 6749 §3.2).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	cors.AllowAnyOrigin(w)
	form, err := readForm(w, r)
	if err != nil {
		p.refuseToken(w, r, err)
		return
	}
	if !form.Has("grant_type") {
		p.refuseToken(w, r, fosite.ErrInvalidRequest.WithHint(ourWords+"The parameter 'grant_type' is missing."))
		return
	}
	if _, ok := findGrantType(form.Get("grant_type")); !ok {
		p.refuseToken(w, r, fosite.ErrUnsupportedGrantType)
		return
	}
	var answer map[string]any
	err = p.current(r.Context(), func(revision int64) error {
		answer, err = p.issue(r.Context(), r, revision)
		return err
	})
	if err != nil {
		p.refuseToken(w, r, p.endReplayed(r.Context(), err))
		return
	}
	p.Counters.Count(statistics.Issued + form.Get("grant_type"))
	httpjson.Write(w, http.StatusOK, answer)
}

// refuseToken answers with an error, and counts it.
func (p *Provider) refuseToken(w http.ResponseWriter, r *http.Request, err error) {
	e := wire(err)
	p.Counters.CountRefused(r.PostForm.Get("grant_type"), e.Code)
	if e.Status == http.StatusBadRequest && e.Code == errInvalidGrant.ErrorField {
		p.Clients.RefusedGrant(r, r.PostForm)
	}
	p.fail(w, r, err)
}

// issuedToken names the code or token of a form that this server issued, for limits; "" if there is none. It considers only the parameter
// that the request is judged by: any other would exempt an unrelated failure.
func (p *Provider) issuedToken(ctx context.Context, form url.Values) string {
	parameter := "token" // that is revoked
	switch form.Get("grant_type") {
	case "":
	case domain.GrantAuthorizationCode:
		parameter = "code"
	case domain.GrantRefreshToken:
		parameter = "refresh_token"
	case domain.GrantDeviceCode:
		if code := form.Get("device_code"); p.Devices.Issued(code) {
			return "device code " + code
		}
		return ""
	default:
		return ""
	}
	signature, _ := p.strategy.signature(ctx, form.Get(parameter))
	return signature
}

// current judges a request on a snapshot that is no older than the request: anew when the database has moved past it
// (domain.ErrStale), and before a refusal is believed. So what was changed a moment ago, at any replica, counts either way.
func (p *Provider) current(ctx context.Context, judge func(revision int64) error) error {
	for range maxAttempts {
		revision := p.Cache.Revision()
		err := judge(revision)
		stale := errors.Is(err, domain.ErrStale)
		if err == nil || !stale && (isFailure(err) || isFinal(err)) {
			return err
		}
		if failed := p.Cache.Refresh(ctx); failed != nil {
			return failed
		}
		if !stale && p.Cache.Revision() == revision {
			return err
		}
	}
	return domain.ErrStale
}

// isFailure reports whether an error is the server's, and would be the same on a newer snapshot. An EncryptionError might not be: there the
// API may have another key.
func isFailure(err error) bool {
	_, encryption := errors.AsType[*token.EncryptionError](err)
	return !encryption && wire(err).Status >= http.StatusInternalServerError
}

// isFinal says whether a refusal would not be another on a newer snapshot: it was decided on the database alone, and has changed it.
func isFinal(err error) bool {
	_, tooMany := errors.AsType[*domain.WaitError](err)
	return tooMany || errors.Is(err, domain.ErrConsumed) || errors.Is(err, errAuthorizationPending) || errors.Is(err, errSlowDown)
}

// issue runs the grant and returns its answer. domain.ErrStale if something that it was decided on changed before its token was in the index.
func (p *Provider) issue(ctx context.Context, r *http.Request, revision int64) (map[string]any, error) {
	request, err := p.fosite.NewAccessRequest(ctx, r, newSession(revision))
	if err != nil {
		return nil, err
	}
	response, err := p.fosite.NewAccessResponse(ctx, request)
	if err != nil {
		return nil, err
	}
	sess := request.GetSession().(*requestSession)
	if sess.repeated {
		if err := p.recordRepeat(ctx, sess, r.RemoteAddr); err != nil {
			return nil, err
		}
	}
	response.SetTokenType("Bearer")
	response.SetScopes(sess.signed.Scopes)
	response.SetExpiresIn(sess.signed.ExpiresAt.Sub(sess.signed.Record.IssuedAt()))
	p.Registrations.Used(ctx, sess.client.Client)
	if sess.client.Public {
		p.Clients.Failures.Succeeded(r.RemoteAddr, sess.client.ClientID)
	}
	answer := response.ToMap()
	if len(sess.signed.Scopes) == 0 && !sess.saysScope { // an empty one says that nothing of what was asked for is granted (RFC 6749 §5.1)
		delete(answer, "scope")
	}
	return answer, nil
}

// endReplayed ends the grant whose code or refresh token was used a second time: one of the two clients that have it is a thief
// (RFC 9700 §2.1.1, §4.14.2). If that fails, its error is returned instead of the refusal.
func (p *Provider) endReplayed(ctx context.Context, err error) error {
	var replay *replayError
	if !errors.As(err, &replay) {
		return err
	}
	ctx = event.WithActor(context.WithoutCancel(ctx), event.Client(replay.clientID))
	if _, failed := p.Revocation.RevokeGrant(ctx, replay.grantID); failed != nil && !errors.Is(failed, domain.ErrNotFound) {
		return failed
	}
	return err
}
