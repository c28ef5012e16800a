package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const maxInput = 64 << 10 // bytes read from stdin

// readLine reads what stdin holds, without the line's end.
func (a *app) readLine(what string) (string, error) {
	input, err := io.ReadAll(io.LimitReader(a.stdin, maxInput+1))
	switch text := strings.TrimRight(string(input), "\r\n"); {
	case err != nil:
		return "", fmt.Errorf("read the %s from stdin: %w", what, err)
	case len(input) > maxInput:
		return "", fmt.Errorf("the %s on stdin is longer than %d bytes", what, maxInput)
	case strings.ContainsAny(text, "\r\n"):
		return "", fmt.Errorf("there is more than one line on stdin: give the %s on one", what)
	case text == "":
		return "", fmt.Errorf("there is no %s on stdin", what)
	default:
		return text, nil
	}
}

// readIf is readLine if it is wanted.
func (a *app) readIf(wanted bool, what string) (string, error) {
	if !wanted {
		return "", nil
	}
	return a.readLine(what)
}

// readFile reads a file of at most limit bytes.
func readFile(what, path string, limit int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the %s: %w", what, err)
	case int64(len(text)) > limit:
		return "", fmt.Errorf("the %s in %s is longer than %d bytes", what, path, limit)
	}
	return string(text), nil
}

// reference is AUDIENCE or AUDIENCE#permission. An audience has no fragment (RFC 8707 §2): the first # divides.
type reference struct {
	audience   string
	permission string // empty: the whole API
}

func (r reference) String() string {
	if r.permission == "" {
		return r.audience
	}
	return r.audience + "#" + r.permission
}

func parseReference(text string) (reference, error) {
	audience, permission, divided := strings.Cut(text, "#")
	if audience == "" || divided && permission == "" {
		return reference{}, errors.New("write AUDIENCE or AUDIENCE#permission")
	}
	return reference{audience, permission}, nil
}

// references makes a flag of AUDIENCE[#permission] that may be repeated.
func references(flags *pflag.FlagSet, into *[]reference, name, usage string) {
	flags.Func(name, usage, func(text string) error {
		r, err := parseReference(text)
		*into = append(*into, r)
		return err
	})
}

// mayBeEmpty are the flags whose empty value says something: that a text is removed.
var mayBeEmpty = []string{"description", "email", "name"}

// refuseEmpty makes an empty argument, and an empty value of any other flag, an error: it comes of a variable that is not set, and must
// not count as one that was left out.
func refuseEmpty(cmd *cobra.Command) {
	refuse := func(flag *pflag.Flag) {
		if _, wrapped := flag.Value.(notEmpty); !wrapped && !slices.Contains(mayBeEmpty, flag.Name) && flag.NoOptDefVal == "" {
			flag.Value = notEmpty{flag.Value}
		}
	}
	cmd.PersistentFlags().VisitAll(refuse)
	cmd.Flags().VisitAll(refuse)
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if i := slices.Index(args, ""); i >= 0 {
				return fmt.Errorf("argument %d must not be empty", i+1)
			}
			return check(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		refuseEmpty(sub)
	}
}

// notEmpty is the value of a flag that may not be empty.
type notEmpty struct{ pflag.Value }

// Set implements pflag.Value.
func (v notEmpty) Set(text string) error {
	if text == "" {
		return errors.New("must not be empty")
	}
	return v.Value.Set(text)
}

// pairsFlag makes a flag of KEY=VALUE that may be repeated: all after the first = is the value, as it is.
func pairsFlag(flags *pflag.FlagSet, into *map[string]string, name, usage string) {
	flags.Func(name, usage, func(text string) error {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return errors.New("write KEY=VALUE")
		}
		if _, given := (*into)[key]; given {
			return fmt.Errorf("%s is given twice", key)
		}
		if *into == nil {
			*into = map[string]string{}
		}
		(*into)[key] = value
		return nil
	})
}

// secondsFlag makes a flag of a duration of whole seconds.
func secondsFlag(flags *pflag.FlagSet, into *int64, name, usage string) {
	flags.Func(name, usage, func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d%time.Second != 0 {
			return errors.New("write whole seconds, as 30s or 15m")
		}
		*into = int64(d / time.Second)
		return nil
	})
}

// timeFlag makes a flag of a future time: a date (its beginning in UTC), an RFC 3339 time, or a duration from now.
func timeFlag(flags *pflag.FlagSet, into *time.Time, name, usage string) {
	flags.Func(name, usage, func(text string) error {
		t, err := parseTime(text, now())
		*into = t
		return err
	})
}

// instantFlag makes a flag of a time: a date (its beginning in UTC) or an RFC 3339 time.
func instantFlag(flags *pflag.FlagSet, into *time.Time, name, usage string) {
	flags.Func(name, usage, func(text string) (err error) {
		if *into, err = time.Parse(time.DateOnly, text); err != nil {
			*into, err = time.Parse(time.RFC3339, text)
		}
		if err != nil || into.IsZero() { // zero would mean no limit
			return errors.New("neither a date nor a time like 2026-11-01T12:00:00Z")
		}
		return nil
	})
}

// instant is a time as the admin API reads it in a query, empty for the zero time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// now is the time, to the microsecond as the database stores it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func parseTime(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		if d <= 0 {
			return time.Time{}, errors.New("must be in the future")
		}
		return now.Add(d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			if !t.After(now) {
				return t, errors.New("must be in the future")
			}
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("write a date as 2027-01-01, a time as 2027-01-01T12:00:00Z, or a duration as 720h")
}
