package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
)

const (
	watchHelp = `With --watch it looks again and again, until Ctrl-C: on a terminal it draws the answer anew, elsewhere it writes what is new or has
changed, each once (with -o json one object in a line). It goes on when the server is away for a while.`

	watchInterval    = 2 * time.Second
	minWatchInterval = time.Second
)

// order is how a list is sorted, for what is written one after the other.
type order bool

const (
	asListed    order = false
	newestFirst order = true // is written the other way round
)

// watched adds --watch to a command over the operations of admin, and makes its RunE.
func (a *app) watched(cmd *cobra.Command, sorted order, do managed) *cobra.Command {
	var watch bool
	var interval time.Duration
	cmd.Flags().BoolVar(&watch, "watch", false, "look again and again, until Ctrl-C")
	cmd.Flags().DurationVar(&interval, "interval", watchInterval, "with --watch: look every `TIME`, 1s at least")
	cmd.Long = cmp.Or(cmd.Long, cmd.Short+".") + "\n" + watchHelp
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case cmd.Flags().Changed("interval") && !watch:
			return errors.New("--interval goes with --watch")
		case interval < minWatchInterval:
			return errors.New("--interval must be 1s at least")
		}
		return nil
	}
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		if !watch {
			return do(ctx, c, args)
		}
		limit := 0
		if flag := cmd.Flags().Lookup("limit"); flag != nil {
			_, _ = fmt.Sscan(flag.Value.String(), &limit) // it is a number
		}
		to := a.watcher(strings.Join(append([]string{cmd.CommandPath()}, args...), " "), interval, limit, sorted)
		return view{}, watchWith(ctx, to, interval, func() (view, error) { return do(ctx, c, args) })
	})
	return cmd
}

// watcher shows the answers of a command that is watched.
type watcher interface {
	show(v view) error
	away(err error) // there is no answer for a while; nil: there is one again
	end() error
}

func (a *app) watcher(command string, interval time.Duration, limit int, sorted order) watcher {
	if _, _, ok := terminal(a.stdout); ok && a.output == formatText {
		return &screen{app: a, head: fmt.Sprintf("%s, every %v", visible(command), interval)}
	}
	w := newPage(a.out(), 0)
	w.goOn = new(goOn)
	return &changes{app: a, text: w, limit: limit, order: sorted}
}

// watchWith looks every interval until the context ends.
func watchWith(ctx context.Context, to watcher, interval time.Duration, look func() (view, error)) (err error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	answered, away := false, false
	defer func() {
		if answered {
			err = errors.Join(err, to.end())
		}
	}()
	for {
		v, err := look()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			if away {
				to.away(nil)
			}
			answered, away = true, false
			if err := to.show(v); err != nil {
				return err
			}
		case !answered || !adminclient.IsAway(err) && !domain.IsTemporary(err):
			return err
		case !away:
			away = true
			to.away(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// screen draws each answer in the place of the one before.
type screen struct {
	*app
	head   string
	drawn  bool
	last   view
	absent string // why there is no answer
}

// The control sequences of terminals (ECMA-48; the other screen is xterm's).
const (
	otherScreen = "\x1b[?1049h"
	ownScreen   = "\x1b[?1049l"
	toTop       = "\x1b[H"
	endOfLine   = "\x1b[K"
	below       = "\x1b[J"
)

func (s *screen) show(v view) error {
	s.last = v
	return s.draw()
}

func (s *screen) away(err error) {
	if s.absent = ""; err != nil {
		s.absent = visible(explain(err).Error()) + "; trying again"
	}
	_ = s.draw() // of the last answer; the next look says what fails
}

func (s *screen) draw() error {
	columns, height, _ := terminal(s.stdout)
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s: %s\n", s.head, cell(time.Now()))
	if s.absent != "" {
		fmt.Fprintln(&text, s.absent)
	}
	fmt.Fprintln(&text)
	w := newPage(&visibleWriter{Writer: &text}, columns)
	s.last.text(w)
	if err := w.Flush(); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if height > 2 && len(lines) > height-1 {
		more := len(lines) - height + 2
		lines = append(lines[:height-2], fmt.Sprintf("%s %s more", ellipsis, count(int64(more), "line")))
	}
	var frame strings.Builder
	if !s.drawn {
		frame.WriteString(otherScreen)
	}
	frame.WriteString(toTop)
	for _, line := range lines {
		if columns > 0 {
			line = shorten(line, columns)
		}
		frame.WriteString(line + endOfLine + "\r\n")
	}
	s.drawn = true
	_, err := io.WriteString(s.stdout, frame.String()+below)
	return err
}

// end leaves the last answer where the command was typed.
func (s *screen) end() error {
	if _, err := io.WriteString(s.stdout, ownScreen); err != nil {
		return err
	}
	return s.print(s.last)
}

// changes writes what is new in each answer, or has changed since the one before.
type changes struct {
	*app
	text   *page
	order  order
	limit  int // of the list; 0: none
	before map[string]object
}

// object is one of an answer.
type object struct {
	json json.RawMessage
	name string // empty: it has none
}

// key is what an object is found by in the next answer.
func (o object) key() string { return cmp.Or(o.name, string(o.json)) }

// objectsOf are the objects of an answer: those of its list, or the one that it is.
func objectsOf(v view) (objects []object, isList bool, err error) {
	whole, err := json.Marshal(v.value)
	if err != nil {
		return nil, false, err
	}
	list := []json.RawMessage{whole}
	if isList = bytes.HasPrefix(whole, []byte("[")); isList {
		err = json.Unmarshal(whole, &list)
	}
	for _, text := range list {
		value, err := decoded(text)
		if err != nil {
			return nil, false, err
		}
		o := object{json: text}
		if name, ok := nameOf(value); ok {
			o.name = fmt.Sprint(name)
		}
		objects = append(objects, o)
	}
	return objects, isList, err
}

func (c *changes) show(v view) error {
	list, isList, err := objectsOf(v)
	if err != nil {
		return err
	}
	now := map[string]object{}
	var fresh []int
	for i, o := range list {
		if now[o.key()] = o; !bytes.Equal(c.before[o.key()].json, o.json) {
			fresh = append(fresh, i)
		}
	}
	var removed []object
	if isList && (c.limit == 0 || len(list) < c.limit) { // or what is missing has only been moved off the list
		for _, key := range slices.Sorted(maps.Keys(c.before)) {
			if _, there := now[key]; !there && c.before[key].name != "" {
				removed = append(removed, c.before[key])
			}
		}
	}
	c.before = now
	if c.order == newestFirst {
		slices.Reverse(fresh)
	}
	return c.write(v, list, fresh, removed)
}

func (c *changes) write(v view, list []object, fresh []int, removed []object) error {
	if c.output == formatText {
		if c.text.goOn.rows = fresh; len(fresh) > 0 {
			v.text(c.text)
		}
		for _, gone := range removed {
			fmt.Fprintln(c.text, "removed", visible(gone.name))
		}
		return c.text.Flush()
	}
	for _, i := range fresh {
		if err := c.one(list[i].json); err != nil {
			return err
		}
	}
	if c.output == formatName {
		return nil
	}
	for _, gone := range removed {
		if err := c.one(map[string]any{"removed": gone.json}); err != nil {
			return err
		}
	}
	return nil
}

// one writes an object in the format that was asked for.
func (c *changes) one(value any) error {
	switch c.output {
	case formatJSON:
		enc := json.NewEncoder(c.out())
		enc.SetEscapeHTML(false)
		return enc.Encode(value)
	case formatYAML:
		if _, err := fmt.Fprintln(c.out(), "---"); err != nil {
			return err
		}
	}
	return c.print(view{value, func(io.Writer) {}})
}

func (c *changes) away(err error) {
	if err == nil {
		c.printError("there are answers again")
		return
	}
	c.printError(explain(err).Error() + "; trying again")
}

func (c *changes) end() error { return nil }
