package wellknown

import (
	"net/http"
	"testing"
)

func TestAcceptIsReadByNameAndQuality(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "br, gzip;q=0.1": true, "gzip;q=0": false, "gzip; q=0.000, br": false,
		"gzipped": false, "br": false, ";;,gzip": true, "gzip;q=x": true,
	} {
		r := &http.Request{Header: http.Header{"Accept-Encoding": {header}}}
		if got := accepts(r, "Accept-Encoding", "gzip"); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
