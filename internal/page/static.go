package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/web"
)

// mediaTypes of the files that there are: the media types must not depend on the system's table.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// asset is a static file.
type asset struct {
	content   []byte
	mediaType string
	version   string // a hash of the content
}

func loadAssets() (map[string]asset, error) {
	files, err := fs.Glob(web.FS, "static/*")
	if err != nil {
		return nil, fmt.Errorf("list static files: %w", err)
	}
	assets := map[string]asset{}
	for _, file := range files {
		content, err := web.FS.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		mediaType, ok := mediaTypes[path.Ext(file)]
		if !ok {
			return nil, fmt.Errorf("static file %s has no media type: %w", file, domain.ErrInvalid)
		}
		sum := sha256.Sum256(content)
		assets[path.Base(file)] = asset{content, mediaType, hex.EncodeToString(sum[:8])}
	}
	return assets, nil
}

// assetURL names a static file and its version, so that browsers may keep it for ever.
func (p *Pages) assetURL(name string) (string, error) {
	a, ok := p.assets[name]
	if !ok {
		return "", fmt.Errorf("static file %q: %w", name, domain.ErrNotFound)
	}
	return p.path("/static/"+name) + "?v=" + a.version, nil
}

// Static serves GET /static/{file}.
func (p *Pages) Static(w http.ResponseWriter, r *http.Request) {
	a, ok := p.assets[r.PathValue("file")]
	if !ok {
		p.Error(w, r, http.StatusNotFound, "Nothing here", "There is no such file.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", `"`+a.version+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}
