package page

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/web"
)

// texts are what pages say, by key. A translation is another file of the same keys.
type texts map[string]string

func loadTexts(language string) (texts, error) {
	content, err := web.FS.ReadFile("texts/" + language + ".json")
	if err != nil {
		return nil, fmt.Errorf("read the texts: %w", err)
	}
	var t texts
	if err := json.Unmarshal(content, &t); err != nil {
		return nil, fmt.Errorf("read the texts of %s: %w", language, err)
	}
	return t, nil
}

// text is the text of a key, whose verbs, if it has some, stand for args.
func (t texts) text(key string, args ...any) (string, error) {
	text, ok := t[key]
	if !ok {
		return "", fmt.Errorf("text %q: %w", key, domain.ErrNotFound)
	}
	if !strings.Contains(text, "%") {
		return text, nil
	}
	return fmt.Sprintf(text, args...), nil
}

// Text is what pages say under a key. It panics if there is no such key, which a test finds.
func (p *Pages) Text(key string, args ...any) string {
	text, err := p.texts.text(key, args...)
	if err != nil {
		panic(err)
	}
	return text
}

// distance says how far a time is from now, in the largest unit of which there is a whole one.
func distance(now, t time.Time) string {
	d := t.Sub(now)
	if d.Abs() < time.Minute {
		return "just now"
	}
	n, unit := d.Abs()/time.Minute, "minute"
	switch {
	case d.Abs() >= 2*365*24*time.Hour:
		n, unit = d.Abs()/(365*24*time.Hour), "year"
	case d.Abs() >= 60*24*time.Hour:
		n, unit = d.Abs()/(30*24*time.Hour), "month"
	case d.Abs() >= 24*time.Hour:
		n, unit = d.Abs()/(24*time.Hour), "day"
	case d.Abs() >= time.Hour:
		n, unit = d.Abs()/time.Hour, "hour"
	}
	if n != 1 {
		unit += "s"
	}
	if d < 0 {
		return fmt.Sprintf("%d %s ago", n, unit)
	}
	return fmt.Sprintf("in %d %s", n, unit)
}
