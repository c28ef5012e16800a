package ssf

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/signet-auth/signet/internal/httpjson"
)

// read reads the body: one JSON object, bounded.
func (r request) read(to any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return malformed("Send the request as application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &refusal{httpjson.Error{Code: "invalid_request", Description: "The body is larger than 64 KiB.", Status: http.StatusRequestEntityTooLarge}}
	} else if err != nil {
		return malformed("The body cannot be read.")
	}
	if err := httpjson.Decode(body, to); err != nil {
		return malformed(err.Error())
	}
	return nil
}

// namesStream reports whether the parameter 'stream_id' is there. errNoStream if it names another stream than the client's.
func (r request) namesStream() (named bool, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	ids := query["stream_id"]
	switch {
	case err != nil || len(ids) > 1 || len(ids) == 1 && ids[0] == "":
		return false, malformed("Name the stream with the parameter 'stream_id', once.")
	case len(ids) == 0:
		return false, nil
	case ids[0] != r.client:
		return false, errNoStream
	}
	return true, nil
}

// requireStream is namesStream where the parameter has to be there.
func (r request) requireStream() error {
	named, err := r.namesStream()
	if err == nil && !named {
		err = malformed("Name the stream with the parameter 'stream_id'.")
	}
	return err
}

// checkStream checks the member of a body that names the stream.
func (r request) checkStream(id string) error {
	switch id {
	case "":
		return malformed("The member 'stream_id' is missing.")
	case r.client:
		return nil
	}
	return errNoStream
}
