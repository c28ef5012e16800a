package adminui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestWhatSomebodyTypedIsNeverWhatTheyBeganFrom(t *testing.T) {
	long := strings.Repeat("x", maxBegun)
	fresh := func() *form { return &form{Version: "7", Fields: []*field{{Name: "note", Kind: "lines", Value: long}}} }
	if begun := fresh().Begun(); begun != "" {
		t.Fatalf("%d bytes fit", len(begun))
	}
	short := &form{Version: "7", Fields: []*field{{Name: "note", Kind: "lines", Value: "was"}}}
	for begun, f := range map[string]*form{"": fresh(), short.Begun(): short} {
		f.read(&http.Request{PostForm: url.Values{"version": {"7"}, "begun": {begun}, "note": {"typed"}}})
		if got := f.Begun(); got != begun {
			t.Errorf("it began from %q, and is shown again as begun from %q", begun, got)
		}
	}
}
