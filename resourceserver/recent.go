package resourceserver

import (
	"container/list"
	"time"
)

// memory is how long the content of events is kept: longer than any token is valid that was issued before.
const memory = 25 * time.Hour

// recent is a bounded map that drops what was put there first. It is not safe for use by several goroutines.
type recent[K comparable, V any] struct {
	limit   int
	entries map[K]*list.Element
	order   *list.List // of recentEntry[K, V], the oldest first
}

type recentEntry[K comparable, V any] struct {
	key   K
	value V
	at    time.Time
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, entries: map[K]*list.Element{}, order: list.New()}
}

func (r *recent[K, V]) get(key K) (value V, has bool) {
	e := r.entries[key]
	if e == nil {
		return value, false
	}
	return e.Value.(recentEntry[K, V]).value, true
}

// put adds or replaces a value, as the newest.
func (r *recent[K, V]) put(key K, value V) {
	now := time.Now()
	if e := r.entries[key]; e != nil {
		r.order.Remove(e)
	}
	r.entries[key] = r.order.PushBack(recentEntry[K, V]{key, value, now})
	for {
		oldest := r.order.Front()
		if r.order.Len() <= r.limit && now.Sub(oldest.Value.(recentEntry[K, V]).at) < memory {
			return
		}
		delete(r.entries, r.order.Remove(oldest).(recentEntry[K, V]).key)
	}
}

func (r *recent[K, V]) len() int { return len(r.entries) }
