package adminui

import "net/http"

func (s *surface) mountOverview() {
	s.handle("GET /{$}", "", func(v *visit) error {
		v.render(http.StatusOK, "admin/overview", v.text("menu.overview"), nil)
		return nil
	})
}
