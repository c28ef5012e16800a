package readiness

import (
	"net/http"
	"strings"

	"github.com/signet-auth/signet/internal/httpjson"
)

// ServeReady answers /readyz: 200 if every check passes, otherwise 503; with each check as JSON if the caller accepts that, otherwise with
// a line for each that fails.
func (c *Checks) ServeReady(w http.ResponseWriter, r *http.Request) {
	write(w, r, c.Run(r.Context()))
}

// ServeHealth answers /healthz: the process runs. It asks nothing.
func ServeHealth(w http.ResponseWriter, r *http.Request) {
	write(w, r, Report{OK: true, Checks: []Result{}})
}

func write(w http.ResponseWriter, r *http.Request, report Report) {
	h := w.Header()
	h.Set("Vary", "Accept")
	status := http.StatusOK
	if !report.OK {
		status = http.StatusServiceUnavailable
		h.Set("Retry-After", "1")
	}
	if acceptsJSON(r.Header.Values("Accept")) {
		httpjson.Write(w, status, report)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(report.Text()))
}

// Text is a line for each check that fails, or "ok".
func (r Report) Text() string {
	if r.OK {
		return "ok\n"
	}
	var b strings.Builder
	for _, one := range r.Checks {
		if !one.OK {
			b.WriteString(one.Name + ": " + one.Why + "\n")
		}
	}
	return b.String()
}

// acceptsJSON says whether JSON is asked for by name, and not refused: to a browser, and to a proxy that says nothing, text is enough.
func acceptsJSON(accept []string) bool {
	for _, line := range accept {
		for member := range strings.SplitSeq(line, ",") {
			media, parameters, _ := strings.Cut(member, ";")
			if strings.EqualFold(strings.TrimSpace(media), "application/json") {
				return !strings.HasPrefix(strings.ReplaceAll(parameters, " ", "")+";", "q=0;")
			}
		}
	}
	return false
}
