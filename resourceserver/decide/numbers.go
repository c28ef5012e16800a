package decide

import (
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

// object has the numbers of an object as the server reads them in JSON. It is the same object where they are.
func object(given map[string]any) map[string]any {
	object, _ := numbers(given)
	return object.(map[string]any)
}

// numbers has the numbers in a value as the server reads them in JSON, in a copy if any is otherwise.
func numbers(value any) (same any, changed bool) {
	switch v := value.(type) {
	case map[string]any:
		object := v
		for name, member := range v {
			if member, other := numbers(member); other {
				if !changed {
					object, changed = maps.Clone(v), true
				}
				object[name] = member
			}
		}
		return object, changed
	case []any:
		list := v
		for i, element := range v {
			if element, other := numbers(element); other {
				if !changed {
					list, changed = slices.Clone(v), true
				}
				list[i] = element
			}
		}
		return list, changed
	case float64:
		if math.Abs(v) <= domain.MaxExact {
			return value, false
		}
		number := domain.Number(v)
		_, is := number.(float64)
		return number, !is
	case json.Number:
		number, err := domain.ParseNumber(string(v))
		return number, err == nil
	case int:
		return signed(int64(v))
	case int8:
		return signed(int64(v))
	case int16:
		return signed(int64(v))
	case int32:
		return signed(int64(v))
	case int64:
		return signed(v)
	case uint:
		return unsigned(uint64(v))
	case uint8:
		return unsigned(uint64(v))
	case uint16:
		return unsigned(uint64(v))
	case uint32:
		return unsigned(uint64(v))
	case uint64:
		return unsigned(v)
	}
	return value, false
}

func signed(n int64) (any, bool) {
	if n < -domain.MaxExact || n > domain.MaxExact {
		return n, true
	}
	return float64(n), true
}

func unsigned(n uint64) (any, bool) {
	if n > math.MaxInt64 {
		return n, true
	}
	return signed(int64(n))
}
