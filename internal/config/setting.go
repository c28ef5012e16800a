package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/maps"

	"github.com/signet-auth/signet/internal/domain"
)

// Setting is one setting by name, as people read it.
type Setting struct {
	Key   string // as in the file, sections joined by dots: "tokens.access_ttl"
	Env   string // the variable that sets it
	Value string // without secrets
	From  string // FromFlag, FromEnvironment, FromFile or FromDefault
	About string // as config/signet.yaml explains it
}

// Settings lists every setting, in the order of the file.
func (c Config) Settings() []Setting {
	var settings []Setting
	for _, f := range fields(&c) {
		settings = append(settings, Setting{
			Key: f.key, Env: variable(f.key), Value: f.text(), From: cmp.Or(c.Origins[f.key], FromDefault), About: explanations()[f.key],
		})
	}
	return settings
}

// String lists every setting without secrets.
func (c Config) String() string {
	var b strings.Builder
	for _, s := range c.Settings() {
		fmt.Fprintf(&b, "%s=%s\n", s.Key, s.Value)
	}
	return b.String()
}

// MarshalJSON gives the settings without secrets, nested as in the file.
func (c Config) MarshalJSON() ([]byte, error) {
	flat := map[string]any{}
	for _, f := range fields(&c) {
		switch v := f.value.Interface().(type) {
		case int:
			flat[f.key] = v
		case bool:
			flat[f.key] = v
		case float64:
			flat[f.key] = v
		case []netip.Prefix:
			flat[f.key] = append([]netip.Prefix{}, v...)
		case []string:
			flat[f.key] = append([]string{}, v...)
		default:
			flat[f.key] = f.text()
		}
	}
	return json.Marshal(maps.Unflatten(flat, "."))
}

// LogValue keeps secrets out of slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// variable names the environment variable of a setting.
func variable(key string) string {
	if key == "database" {
		return "SIGNET_DATABASE_URL"
	}
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// field is a setting inside a Config.
type field struct {
	key   string
	value reflect.Value
}

// fields lists the settings of c; setting their values changes c.
func fields(c *Config) []field {
	var list []field
	var walk func(prefix string, section reflect.Value)
	walk = func(prefix string, section reflect.Value) {
		for structField, value := range section.Fields() {
			name := structField.Tag.Get("koanf")
			switch {
			case name == "-":
			case value.Kind() == reflect.Struct:
				walk(prefix+name+".", value)
			default:
				list = append(list, field{prefix + name, value})
			}
		}
	}
	walk("", reflect.ValueOf(c).Elem())
	return list
}

func (f field) text() string {
	switch v := f.value.Interface().(type) {
	case []netip.Prefix:
		var list []string
		for _, p := range v {
			list = append(list, p.String())
		}
		return strings.Join(list, ",")
	case []string:
		return strings.Join(v, ",")
	case slog.Level:
		return strings.ToLower(v.String())
	case time.Duration:
		return domain.DurationText(v)
	default:
		return fmt.Sprint(v)
	}
}

// set parses a value from the file (any scalar or list) or from text. The error says what was expected.
func (f field) set(raw any) error {
	list, isList := raw.([]any)
	if prefixes, ok := reflect.TypeAssert[*[]netip.Prefix](f.value.Addr()); ok {
		if !isList {
			list = commaSeparated(fmt.Sprint(raw))
		}
		return parsePrefixes(prefixes, list)
	}
	if texts, ok := reflect.TypeAssert[*[]string](f.value.Addr()); ok {
		if !isList {
			list = commaSeparated(fmt.Sprint(raw))
		}
		*texts = nil
		for _, item := range list {
			*texts = append(*texts, fmt.Sprint(item))
		}
		return nil
	}
	if isList {
		return fmt.Errorf("a single value is expected, not a list")
	}
	text := fmt.Sprint(raw)
	var err error
	switch p := f.value.Addr().Interface().(type) {
	case *time.Duration:
		if *p, err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("%q is not a duration such as 90s, 10m or 36h", text)
		}
	case *int:
		if *p, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
	case *float64:
		if *p, err = strconv.ParseFloat(text, 64); err != nil || math.IsNaN(*p) {
			return fmt.Errorf("%q is not a number such as 0.01", text)
		}
	case *bool:
		if *p, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
	case *slog.Level:
		if err = p.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%q is none of debug, info, warn, error", text)
		}
	default:
		f.value.SetString(text)
	}
	return nil
}

func commaSeparated(text string) []any {
	var list []any
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func parsePrefixes(prefixes *[]netip.Prefix, list []any) error {
	*prefixes = nil
	for _, item := range list {
		text := fmt.Sprint(item)
		prefix, err := netip.ParsePrefix(text)
		if addr, e := netip.ParseAddr(text); e == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("%q is not an address range such as 10.0.0.0/8", text)
		}
		if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
		}
		*prefixes = append(*prefixes, prefix.Masked())
	}
	return nil
}
