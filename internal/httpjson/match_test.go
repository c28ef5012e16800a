package httpjson

import (
	"net/http"
	"testing"
)

func TestVersionThatTheCallerHasIsNotSentAgain(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, `"a"`: true, `W/"a"`: true, `"b", W/"a"`: true, "*": true, `"b"`: false, `a`: false,
	} {
		r := &http.Request{Header: http.Header{"If-None-Match": {header}}}
		if got := NoneMatch(r, `W/"a"`); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
