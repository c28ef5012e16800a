package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// MaxExact is the largest integer below which a float64 stands for no other number: 2^53 is what 2^53+1 is rounded to, too.
const MaxExact = 1<<53 - 1

// ParseNumber reads a number of JSON: a float64, but an int64 or uint64 beyond ±MaxExact, as far as these go. An error says that it is too
// large for a float64.
func ParseNumber(text string) (any, error) {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(number) <= MaxExact {
		return number, err
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n, nil
	}
	return Number(number), nil
}

// Number is what ParseNumber makes of a float64 that is written in JSON.
func Number(number float64) any {
	switch {
	case math.Abs(number) <= MaxExact:
	case number >= -1<<63 && number < 1<<63:
		return int64(number)
	case number > 0 && number < 1<<64:
		return uint64(number)
	}
	return number
}

// JSONObject is an object with numbers as ParseNumber reads them, and otherwise as encoding/json has it.
type JSONObject map[string]any

// UnmarshalJSON implements [json.Unmarshaler].
func (o *JSONObject) UnmarshalJSON(text []byte) error {
	var members map[string]any
	from := json.NewDecoder(bytes.NewReader(text))
	from.UseNumber()
	if err := from.Decode(&members); err != nil {
		return err
	}
	if _, err := withNumbers(members); err != nil {
		return err
	}
	*o = members
	return nil
}

// withNumbers is a value with its numbers read, in place in an object or list.
func withNumbers(value any) (read any, err error) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if v[name], err = withNumbers(member); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, element := range v {
			if v[i], err = withNumbers(element); err != nil {
				return nil, err
			}
		}
	case json.Number:
		number, err := ParseNumber(string(v))
		if err != nil {
			return nil, fmt.Errorf("the number %s is too large", ClipText(string(v), 100))
		}
		return number, nil
	}
	return value, nil
}
