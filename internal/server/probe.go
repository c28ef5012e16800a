package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/httpjson"
)

// ProbePath is where a server says how a request arrived, to those alone who have its master key.
const ProbePath = "/.well-known/signet-probe"

const (
	probeHeader = "Signet-Probe"
	probeAge    = time.Hour // also if the clocks differ: that is to be found out
	hopsShown   = 20
)

// Probe asks servers how requests of this machine arrive, and proves to them that it may.
type Probe struct{ key []byte }

// Probe is for servers with the same master key.
func (s *Services) Probe() Probe { return Probe{s.secret.Derive("probes", 32)} }

// Arrival is how a request arrived at a server.
type Arrival struct {
	Proof        string    `json:"proof"`         // that the server has the master key
	Address      string    `json:"address"`       // the client's, as far as the server believes proxies
	Peer         string    `json:"peer"`          // who opened the connection
	ForwardedFor []string  `json:"forwarded_for"` // hops of X-Forwarded-For, the nearest last
	Forwarded    []string  `json:"forwarded"`     // and of Forwarded
	Host         string    `json:"host"`
	TLS          bool      `json:"tls"` // the server itself speaks HTTPS
	Time         time.Time `json:"time"`
}

// Sign adds a proof to a request, and returns what the answer has to prove.
func (p Probe) Sign(r *http.Request, now time.Time) (proof string) {
	question := strconv.FormatInt(now.Unix(), 10) + "." + rand.Text()
	r.Header.Set(probeHeader, question+"."+p.mac("question", question))
	return p.mac("answer", question)
}

func (p Probe) mac(purpose, question string) string {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(purpose + "\n" + question))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// check returns the proof of the answer to a header of Sign. ok is false for any other.
func (p Probe) check(header string, now time.Time) (proof string, ok bool) {
	end := strings.LastIndexByte(header, '.')
	if end < 0 {
		return "", false
	}
	question := header[:end]
	seconds, _, _ := strings.Cut(question, ".")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || !hmac.Equal([]byte(header[end+1:]), []byte(p.mac("question", question))) || now.Sub(time.Unix(at, 0)).Abs() > probeAge {
		return "", false
	}
	return p.mac("answer", question), true
}

// answering answers probes before anything of the request is changed. All other requests go on, as if the path did not exist.
func (p Probe) answering(trusted []netip.Prefix, now func() time.Time, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(probeHeader) == "" || !strings.HasSuffix(r.URL.Path, ProbePath) {
			next.ServeHTTP(w, r)
			return
		}
		proof, ok := p.check(r.Header.Get(probeHeader), now())
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if !ok || err != nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		httpjson.Write(w, http.StatusOK, Arrival{
			Proof: proof, Address: behindProxies(trusted, peer, r.Header).Addr().String(), Peer: peer.Addr().Unmap().String(),
			ForwardedFor: nearest(forwardedFor(r.Header.Values("X-Forwarded-For"))), Forwarded: nearest(forwarded(r.Header.Values("Forwarded"))),
			Host: r.Host, TLS: r.TLS != nil, Time: now().UTC(),
		})
	})
}

// nearest bounds a list of hops.
func nearest(hops []string) []string {
	return append([]string{}, hops[max(0, len(hops)-hopsShown):]...)
}
