package server

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/signet-auth/signet/internal/httpjson"
)

const (
	fewStreams  = 2   // requests at the same time that every connection of HTTP/2 may have, however many there are
	resetsAfter = 200 // requests: so many are watched for how many of them the client cancels
)

// streams are the requests of a connection of HTTP/2.
type streams struct {
	mu           sync.Mutex
	open         int // until their answers are taken
	refused      int // of the open ones
	ended, reset int // of those that are watched
}

// serveStream handles a request of HTTP/2. If too many are open, a connection with more than its share is refused; one whose client cancels
// more than half of its requests is closed, unless clients may. A request is open until its answer is read: a client that reads none, with a
// window of zero, makes net/http keep the whole request in memory.
func (c *connection) serveStream(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	ctx, refused := r.Context(), false
	defer func() {
		if c.streams.end(errors.Is(ctx.Err(), context.Canceled)) && !c.of.mayCancel {
			c.of.refused()
			_ = c.Close()
		}
		taken := w.(http.CloseNotifier).CloseNotify() //nolint:staticcheck // the context ends with the handler, this with the stream
		go func() {
			<-taken
			c.of.streams.Add(-1)
			c.network.streams.Add(-1)
			c.streams.close(refused)
		}()
	}()
	if c.of.allows(c, c.of.streams.Add(1), c.network.streams.Add(1), c.streams.begin()) {
		handler.ServeHTTP(w, r)
		return
	}
	refused = true
	c.of.refused()
	if !c.streams.refuse() {
		panic(http.ErrAbortHandler) // resets the stream
	}
	httpjson.WriteError(w, httpjson.Unavailable)
}

// allows says whether a connection may have so many requests of HTTP/2 at the same time, where there are so many in all and from its network:
// as many as there may be connections, and beyond that each connection its share.
func (s *connections) allows(c *connection, all, ofNetwork int64, own int) bool {
	full, networkFull := s.most > 0 && all > int64(s.most), s.ofNetwork > 0 && ofNetwork > int64(s.ofNetwork)
	if own <= fewStreams || !full && !networkFull {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return (!full || own <= s.most/max(1, len(s.open))) && (!networkFull || own <= s.ofNetwork/max(1, len(c.network.open)))
}

func (s *streams) begin() (own int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	return s.open
}

// refuse says whether a refusal is answered: the client takes those before.
func (s *streams) refuse() (answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
	return s.refused <= fewStreams
}

func (s *streams) close(refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if refused {
		s.refused--
	}
}

// end says whether the client cancels too many.
func (s *streams) end(reset bool) (flood bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended++
	if reset {
		s.reset++
	}
	if s.ended < resetsAfter {
		return false
	}
	flood = s.reset > s.ended/2
	s.ended, s.reset = 0, 0
	return flood
}
