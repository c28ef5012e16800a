package ssf

import (
	"net/http"
	"testing"

	"github.com/signet-auth/signet/internal/cors/corstest"
)

func TestScriptsOfOtherOriginsMayAskNothing(t *testing.T) {
	mux := http.NewServeMux()
	Mount(mux, Config{})
	corstest.Preflights(t, mux, map[string]string{
		"/events/poll": "", "/events/stream": "", "/events/status": "", "/events/verification": "", "/events/subjects:add": "", "/events/subjects:remove": "",
	})
}
