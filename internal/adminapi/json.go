package adminapi

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/httpjson"
)

// huma keeps these as settings of the process: member names are taken in their own case alone, no array is null, and errors are ours.
func init() {
	huma.NewError = newProblem
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
}

// formats reads and writes JSON. What is validated is read by httpjson.Parse.
func formats() map[string]huma.Format {
	format := huma.DefaultJSONFormat
	format.Unmarshal = func(data []byte, v any) error {
		if parsed, ok := v.(*any); ok {
			value, err := httpjson.Parse(data)
			*parsed = value
			return err
		}
		return json.Unmarshal(data, v)
	}
	return map[string]huma.Format{"application/json": format, "json": format}
}
