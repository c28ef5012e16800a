package resourceserver

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// digest names a token by all of it.
type digest [sha256.Size]byte

func digestOf(token string) digest {
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(token), len(token))) //nolint:gosec // without a copy: a hash changes nothing
}

// verified is a token whose signature and claims were verified. What may change since is judged each time.
type verified struct {
	claims  *Claims
	key     *key
	status  statusRef
	expires time.Time
	cost    int // bytes

	list    atomic.Pointer[followed]
	version atomic.Uint64 // of the events that it was checked against
}

// cache keeps verified tokens, within a limit of bytes in all. A token that was refused is never in it.
type cache struct {
	limit  int // of a shard
	shards [64]cacheShard
}

type cacheShard struct {
	mu     sync.Mutex
	tokens map[digest]*verified
	size   int
}

// entryCost is about what a token costs beyond its text.
const entryCost = 1 << 10

func newCache(limit int) *cache {
	c := &cache{}
	c.limit = limit / len(c.shards)
	for i := range c.shards {
		c.shards[i].tokens = map[digest]*verified{}
	}
	return c
}

func (c *cache) shard(d digest) *cacheShard { return &c.shards[int(d[0])%len(c.shards)] }

// get returns a token that was verified; nil if it was not, or was dropped.
func (c *cache) get(d digest) *verified {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[d]
}

func (c *cache) put(d digest, t *verified) {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.cost > c.limit || s.tokens[d] != nil {
		return
	}
	for s.size+t.cost > c.limit {
		s.remove(s.victim())
	}
	s.tokens[d] = t
	s.size += t.cost
}

func (c *cache) remove(d digest) {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(d)
}

func (s *cacheShard) remove(d digest) {
	if t := s.tokens[d]; t != nil {
		delete(s.tokens, d)
		s.size -= t.cost
	}
}

// victim is the token that expires first, of a few at random.
func (s *cacheShard) victim() (worst digest) {
	tried := 0
	for d, t := range s.tokens {
		if tried == 0 || t.expires.Before(s.tokens[worst].expires) {
			worst = d
		}
		if tried++; tried == 8 {
			break
		}
	}
	return worst
}

func (c *cache) len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.tokens)
		s.mu.Unlock()
	}
	return n
}
