package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
)

// deviceForm is the data of the page on which the code of a device is entered (RFC 8628 §3.3).
type deviceForm struct {
	Code    string
	Given   bool // by the link (verification_uri_complete): the person only compares it
	Problem string
}

// unknownCode is said of every code under which nothing waits for an answer, whatever the reason.
const unknownCode = "This code is not valid, or not any more. Compare it with your device, or let the device show a new one."

// showDevice asks for the code. One that the link has is not looked up before the person has confirmed it (RFC 8628 §3.3.1).
func (l *Login) showDevice(w http.ResponseWriter, r *http.Request) {
	code, given := device.ParseUserCode(r.URL.Query().Get("user_code"))
	l.pages.Render(w, r, http.StatusOK, "device", deviceForm{Code: code, Given: given})
}

// enterCode seals the code that was entered in this browser. Whether there is such a code is for people who are signed in to know.
func (l *Login) enterCode(w http.ResponseWriter, r *http.Request) {
	typed := r.PostForm.Get("user_code")
	code, ok := device.ParseUserCode(typed)
	if !ok {
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "device", deviceForm{Code: domain.ClipText(typed, 64), Problem: unknownCode})
		return
	}
	i, ok := l.interaction(w, r, "")
	if !ok {
		return
	}
	i.UserCode = code
	l.goOn(w, r, "/device/consent", i)
}

// deviceConsentForm is the data of the page that asks whether a device may have what it asks for.
type deviceConsentForm struct {
	Flow        string
	Client      *domain.Client
	User        domain.User
	Code        string
	From        string // where the device asked from
	SameNetwork bool   // as the person's
	UserAgent   string // the device's own words
	Asked       time.Time
	Ago         string
	asks
}

// showDeviceConsent always asks, of whatever client: there is nothing but the person's word that the device is theirs (RFC 10027).
func (l *Login) showDeviceConsent(w http.ResponseWriter, r *http.Request) {
	i, _, user, ok := l.entered(w, r, r.URL.Query().Get("flow"))
	if !ok {
		return
	}
	request, err := l.devices.Enter(r.Context(), i.UserCode, user, r.RemoteAddr)
	if err != nil {
		l.refuseCode(w, r, i.UserCode, err)
		return
	}
	client, ok := l.registered(w, r, request.Client)
	if !ok {
		return
	}
	i.Device = request.ID
	form := deviceConsentForm{
		Client: client, User: user, Code: i.UserCode, From: request.IP, SameNetwork: request.IP == domain.Network(r.RemoteAddr),
		UserAgent: request.UserAgent, Asked: request.CreatedAt, Ago: ago(l.now().Sub(request.CreatedAt)),
	}
	if form.Flow, err = l.sealer.Seal(i); err == nil {
		form.asks, err = l.explain(r.Context(), request.APIs)
	}
	if err != nil {
		l.fail(w, r, err)
		return
	}
	form.addMapped(client)
	l.pages.Render(w, r, http.StatusOK, "device_consent", form)
}

// deviceConsent takes the person's answer.
func (l *Login) deviceConsent(w http.ResponseWriter, r *http.Request) {
	i, session, _, ok := l.entered(w, r, r.PostForm.Get("flow"))
	if !ok {
		return
	}
	request, err := l.devices.FindRequest(r.Context(), i.Device, i.UserCode)
	if err != nil {
		l.refuseCode(w, r, i.UserCode, err)
		return
	}
	client, ok := l.registered(w, r, request.Client)
	if !ok {
		return
	}
	allowed := r.PostForm.Get("decision") == "allow" // anything but a clear yes is a no
	err = l.devices.Answer(r.Context(), device.Answer{
		Request: i.Device, UserCode: i.UserCode, Allowed: allowed, Client: client,
		SignedIn: func(ctx context.Context) (domain.Session, domain.User, error) {
			return l.pages.SignedIn(r.WithContext(ctx))
		},
	})
	if err != nil {
		l.refuseCode(w, r, i.UserCode, err)
		return
	}
	i.Answer(session.SID, allowed)
	l.goOn(w, r, "/device/done", i)
}

// deviceDone says what becomes of the device.
func (l *Login) deviceDone(w http.ResponseWriter, r *http.Request) {
	i, ok := l.interaction(w, r, r.URL.Query().Get("flow"))
	switch {
	case !ok:
	case i.UserCode == "" || i.Answered == "":
		http.Redirect(w, r, "/device", http.StatusSeeOther)
	default:
		l.pages.Render(w, r, http.StatusOK, "device_done", i)
	}
}

// entered is an interaction for which a code was entered in this browser, and who is signed in; or it answers, and is not ok.
func (l *Login) entered(w http.ResponseWriter, r *http.Request, sealed string) (
	i interaction.Interaction, session domain.Session, user domain.User, ok bool,
) {
	if i, ok = l.interaction(w, r, sealed); !ok {
		return
	}
	if i.UserCode == "" {
		http.Redirect(w, r, "/device", http.StatusSeeOther)
		return i, session, user, false
	}
	session, user, ok = l.signedIn(w, r, sealed)
	return i, session, user, ok
}

// refuseCode answers for a code that leads nowhere.
func (l *Login) refuseCode(w http.ResponseWriter, r *http.Request, code string, err error) {
	wait, tooMany := errors.AsType[*domain.WaitError](err)
	form := deviceForm{Code: code, Problem: unknownCode}
	switch {
	case tooMany:
		seconds := strconv.Itoa(wait.Seconds())
		w.Header().Set("Retry-After", seconds)
		form.Problem = "Too many codes that are not valid. Please wait " + seconds + " seconds and try again."
		l.pages.Render(w, r, http.StatusTooManyRequests, "device", form)
	case errors.Is(err, domain.ErrNotFound), errors.Is(err, domain.ErrConsumed):
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "device", form)
	default:
		l.fail(w, r, err)
	}
}

// ago is how long something is past, in words.
func ago(past time.Duration) string {
	switch minutes := int(past / time.Minute); {
	case past < 10*time.Second:
		return "just now"
	case minutes == 0:
		return fmt.Sprintf("%d seconds ago", int(past/time.Second))
	case minutes == 1:
		return "a minute ago"
	default:
		return fmt.Sprintf("%d minutes ago", minutes)
	}
}
