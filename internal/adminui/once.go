package adminui

import (
	"net/http"
	"time"
)

// once is the data of the page that shows a secret, which no other page shows.
type once struct {
	Of            link // whose it is
	Lead          string
	Label, Secret string
	ExpiresAt     time.Time // zero: it does not
	Warning       string
}

// showOnce answers with a secret.
func (v *visit) showOnce(title string, o once) error {
	v.render(http.StatusOK, "admin/once", title, o)
	return nil
}
