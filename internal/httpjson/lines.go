package httpjson

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// linePatience is how long a client may take for what is written at once.
const linePatience = 30 * time.Second

// WriteLines answers with a file of values, one in a line, while export calls write with some of them at a time, as WriteFile does.
func WriteLines[T any](w http.ResponseWriter, name string, export func(write func([]T) error) error) error {
	return WriteFile(w, "application/jsonl", name, func(w io.Writer) error {
		out := bufio.NewWriter(w)
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		return export(func(values []T) error {
			for _, v := range values {
				if err := lines.Encode(v); err != nil {
					return err
				}
			}
			return out.Flush()
		})
	})
}

// WriteFile answers with a file of a type, while export writes it. An error before that begins is returned, and nothing is answered; after
// one later the connection is closed, so that nobody takes a part for the whole.
func WriteFile(w http.ResponseWriter, contentType, name string, export func(w io.Writer) error) error {
	out := &fileWriter{ResponseWriter: w, contentType: contentType, name: name}
	err := export(out)
	switch {
	case err == nil && !out.begun: // an empty one
		_, err = out.Write(nil)
	case err != nil && out.begun:
		panic(http.ErrAbortHandler)
	}
	return err
}

// fileWriter sends what is written, and the header before it.
type fileWriter struct {
	http.ResponseWriter
	contentType, name string
	begun             bool
}

// Write implements io.Writer.
func (w *fileWriter) Write(part []byte) (int, error) {
	if !w.begun {
		w.begun = true
		h := w.Header()
		h.Set("Content-Type", w.contentType)
		h.Set("Content-Disposition", `attachment; filename="`+w.name+`"`)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
	}
	if err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(linePatience)); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(part)
}
