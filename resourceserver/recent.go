package resourceserver

import (
	"container/list"
	"time"
)

// memory is how long the content of events is kept: longer than any token is valid that was issued before.
const memory = 25 * time.Hour

// recent is a bounded map that drops what was put there first. It is not safe for use by several goroutines.
type recent[V any] struct {
	limit   int
	entries map[string]*list.Element
	order   *list.List // of recentEntry[V], the oldest first
}

type recentEntry[V any] struct {
	key   string
	value V
	at    time.Time
}

func newRecent[V any](limit int) *recent[V] {
	return &recent[V]{limit: limit, entries: map[string]*list.Element{}, order: list.New()}
}

func (r *recent[V]) get(key string) (value V, has bool) {
	e := r.entries[key]
	if e == nil {
		return value, false
	}
	return e.Value.(recentEntry[V]).value, true
}

// put adds or replaces a value, as the newest.
func (r *recent[V]) put(key string, value V) {
	now := time.Now()
	if e := r.entries[key]; e != nil {
		r.order.Remove(e)
	}
	r.entries[key] = r.order.PushBack(recentEntry[V]{key, value, now})
	for {
		oldest := r.order.Front()
		if r.order.Len() <= r.limit && now.Sub(oldest.Value.(recentEntry[V]).at) < memory {
			return
		}
		delete(r.entries, r.order.Remove(oldest).(recentEntry[V]).key)
	}
}

func (r *recent[V]) len() int { return len(r.entries) }
