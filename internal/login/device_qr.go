package login

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/device"
)

// quietZone is how many modules are white around a QR code (ISO/IEC 18004 §5.3.8).
const quietZone = 4

// deviceQR is the picture of the link that a device shows (verification_uri_complete), for devices that cannot draw one. It follows from
// the code alone: whether that is known is for people who are signed in to know.
func (l *Login) deviceQR(w http.ResponseWriter, r *http.Request) {
	code, ok := device.ParseUserCode(r.URL.Query().Get("user_code"))
	if !ok {
		http.Error(w, "Send the user_code of a device.", http.StatusBadRequest)
		return
	}
	picture, err := qr.Encode(l.issuer+"/device?"+url.Values{"user_code": {code}}.Encode(), qr.M, qr.Auto)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	var modules strings.Builder
	size := picture.Bounds()
	for y := range size.Dy() {
		for x := range size.Dx() {
			if red, _, _, _ := picture.At(x, y).RGBA(); red == 0 {
				fmt.Fprintf(&modules, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	cors.AllowAnyOrigin(w)
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // an application shows it on a page of its own
	h.Set("Cache-Control", "no-store")                    // the code is for one person
	side := size.Dx() + 2*quietZone
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`, side, side, 6*side, 6*side, side, side, modules.String())
}
