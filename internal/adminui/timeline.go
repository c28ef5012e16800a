package adminui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// strip is the time of a key as a picture, and in words.
type strip struct {
	Words string
	Parts []part
	Now   int // of stripWidth
}

// part of a strip is what a key does for a while.
type part struct {
	Class    string // "published", "signs" or "revoked"; and "planned"
	At, Wide int
}

const stripWidth = 1000

// span is the time that strips show, in which the next key begins to sign.
type span struct{ from, now, rotates, until time.Time }

// spanOf is the time of keys that are not revoked, until those that sign have been replaced.
func spanOf(all []admin.Key, now time.Time) span {
	s := span{now.Add(-time.Hour), now, now.Add(time.Hour), now.Add(time.Hour)}
	for _, k := range all {
		if k.State != domain.KeyRevoked && k.CreatedAt.Before(s.from) {
			s.from = k.CreatedAt
		}
		if k.State == domain.KeyActive {
			s.rotates = later(now, k.RotatesAt)
		}
	}
	s.until = later(s.until, s.rotates.Add(s.rotates.Sub(s.from)/10)) // the next key is seen to sign
	return s
}

// at is the place of a time in a strip.
func (s span) at(t time.Time) int {
	return int(max(0, min(1, t.Sub(s.from).Seconds()/s.until.Sub(s.from).Seconds())) * stripWidth)
}

// strip draws what a key did and will do.
func (v *visit) strip(k admin.Key, s span) strip {
	drawn := strip{Now: s.at(s.now)}
	draw := func(class string, from, until time.Time) {
		for _, p := range []struct {
			class       string
			from, until time.Time
		}{{class, from, earlier(until, s.now)}, {class + " planned", later(from, s.now), until}} {
			if at := s.at(p.from); p.until.After(p.from) && p.until.After(s.from) {
				drawn.Parts = append(drawn.Parts, part{p.class, at, max(3, s.at(p.until)-at)})
			}
		}
	}
	gone := s.until
	for _, t := range []time.Time{k.RevokedAt, k.RetiredAt} {
		if !t.IsZero() {
			gone = t
		}
	}
	if k.State == domain.KeyNext {
		draw("published", k.CreatedAt, s.rotates)
		draw("signs", s.rotates, s.until)
	} else {
		signs := cmp.Or(k.ActivatedAt, gone)
		draw("published", k.CreatedAt, signs)
		if k.State == domain.KeyActive {
			gone = s.rotates
		}
		draw("signs", signs, gone)
	}
	if k.State == domain.KeyRetired {
		draw("published", k.RetiredAt, k.RetiredAt.Add(keys.MaxTokenLifetime))
	}
	if k.State == domain.KeyRevoked && k.RevokedAt.After(s.from) {
		drawn.Parts = append(drawn.Parts, part{"revoked", min(s.at(k.RevokedAt), stripWidth-8), 8})
	}
	var words []string
	for _, w := range []struct {
		key string
		at  time.Time
	}{{"key.created_at", k.CreatedAt}, {"key.activated_at", k.ActivatedAt}, {"key.rotates_at", k.RotatesAt}, {"key.retired_at", k.RetiredAt}, {"key.revoked_at", k.RevokedAt}} {
		if !w.at.IsZero() {
			words = append(words, v.text(w.key)+" "+w.at.UTC().Format("2 January 2006, 15:04 UTC"))
		}
	}
	drawn.Words = strings.Join(words, "; ")
	return drawn
}

// changedAt is since when a key is in its state.
func changedAt(k admin.Key) time.Time {
	return slices.MaxFunc([]time.Time{k.CreatedAt, k.ActivatedAt, k.RetiredAt, k.RevokedAt}, time.Time.Compare)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mark is one of a legend.
type mark struct{ Class, Text string }

func (v *visit) keyLegend() []mark {
	return []mark{
		{"published", v.text("key.legend.published")}, {"signs", v.text("key.legend.signs")},
		{"planned", v.text("key.legend.planned")}, {"revoked", v.text("key.legend.revoked")}, {"now", v.text("key.legend.now")},
	}
}
