package httpjson

import (
	"bufio"
	"encoding/json"
	"net/http"
	"time"
)

// linePatience is how long a client may take for what is written at once.
const linePatience = 30 * time.Second

// WriteLines answers with a file of values, one in a line, while export calls write with some of them at a time. An error before that begins
// is returned, and nothing is answered; after one later the connection is closed, so that nobody takes a part for the whole.
func WriteLines[T any](w http.ResponseWriter, name string, export func(write func([]T) error) error) error {
	begun, control := false, http.NewResponseController(w)
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	err := export(func(values []T) error {
		if !begun {
			begun = true
			h := w.Header()
			h.Set("Content-Type", "application/jsonl")
			h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
			h.Set("Cache-Control", "no-store")
			h.Set("X-Content-Type-Options", "nosniff")
		}
		if err := control.SetWriteDeadline(time.Now().Add(linePatience)); err != nil {
			return err
		}
		for _, v := range values {
			if err := lines.Encode(v); err != nil {
				return err
			}
		}
		return out.Flush()
	})
	if err != nil && begun {
		panic(http.ErrAbortHandler)
	}
	return err
}
