package wellknown

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/status"
)

const statusListType = "application/statuslist+jwt"

// statusList serves a status list (Token Status List §8.1, §8.2): from memory, to anybody.
func (d *Documents) statusList(w http.ResponseWriter, r *http.Request) {
	cors.AllowAnyOrigin(w)
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	switch {
	case r.URL.Query().Has("time"): // how it was at another time is not kept (§8.4)
		httpjson.WriteError(w, httpjson.Error{Code: "not_implemented", Description: "Status lists are served as of now.", Status: http.StatusNotImplemented})
		return
	case r.Header.Get("Accept") != "" && !accepts(r, "Accept", statusListType, "application/*", "*/*"):
		httpjson.WriteError(w, httpjson.Error{Code: "not_acceptable", Description: "Status lists are " + statusListType + ".", Status: http.StatusNotAcceptable})
		return
	}
	list, err := d.findStatusList(r)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		httpjson.WriteError(w, httpjson.Error{Code: "not_found", Description: "There is no such status list.", Status: http.StatusNotFound})
		return
	case err != nil:
		d.fail(w, r, err)
		return
	}
	body, h := list.Body, w.Header()
	h.Set("Content-Type", statusListType)
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(max(0, list.TTL-list.Age).Seconds())))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", list.ETag)
	if httpjson.NoneMatch(r, list.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if accepts(r, "Accept-Encoding", "gzip") {
		body = list.Gzip
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) //nolint:errcheck // the caller is gone
}

// findStatusList finds the list that the path names. domain.ErrNotFound if there is none.
func (d *Documents) findStatusList(r *http.Request) (status.ListToken, error) {
	text := r.PathValue("id")
	id, err := strconv.ParseInt(text, 10, 32)
	if err != nil || strconv.FormatInt(id, 10) != text { // a list has one URI, which its "sub" repeats
		return status.ListToken{}, domain.ErrNotFound
	}
	return d.Statuses.List(r.Context(), id)
}

// statusLists is the aggregation of all lists (Token Status List §9).
func (d *Documents) statusLists(w http.ResponseWriter, r *http.Request) {
	uris, err := d.Statuses.Lists(r.Context())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	publish(w, r, map[string][]string{"status_lists": uris}, 0)
}

// accepts says whether a header of the request names one of the choices, and not with a quality of zero (RFC 9110 §12.4.2).
func accepts(r *http.Request, header string, choices ...string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values(header), ","), ",") {
		name, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if quality, err := strconv.ParseFloat(parameters["q"], 64); err == nil && quality == 0 {
			continue
		}
		if slices.Contains(choices, name) {
			return true
		}
	}
	return false
}
