package adminapi

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

func TestManyWhoReadTheDescriptionAtOnceHaveItWrittenOnce(t *testing.T) {
	for _, form := range []string{".json", "-3.0.yaml"} {
		api, _ := newAPI(Config{Issuer: "https://signet.example"})
		var reading sync.WaitGroup
		bodies := make([]string, 4)
		for n := range bodies {
			reading.Go(func() { // the race detector sees where two write it
				w := httptest.NewRecorder()
				api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, root+"/openapi"+form, nil))
				bodies[n] = w.Body.String()
			})
		}
		reading.Wait()
		for _, body := range bodies {
			if len(body) < 10_000 || body != bodies[0] {
				t.Errorf("%s: one reads %d bytes, another %d", form, len(bodies[0]), len(body))
			}
		}
	}
}
