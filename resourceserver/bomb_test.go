package resourceserver_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

// Over a real connection, where the transport unpacks what is compressed.
func TestACompressedKeySetIsUnpackedNoFurtherThanItMayBeLarge(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, err := w.Write(bytes.Repeat([]byte(" "), 64<<20))
	check(t, err)
	check(t, w.Close())
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == metadata {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL, server.URL+jwks)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	}))
	defer server.Close()
	v, err := resourceserver.New(server.URL, audience)
	check(t, err)
	defer v.Close()
	failure := func() string { return fmt.Sprint(v.Status().Keys.Error) }
	for deadline := time.Now().Add(time.Minute); strings.Contains(failure(), "not answered yet") && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if why := failure(); !strings.Contains(why, "answered more than 262144 bytes") {
		t.Errorf("the keys are missing since %s", why)
	}
}
