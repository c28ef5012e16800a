package adminui

func (s *surface) mountSettings() {
	s.handle("GET /settings", "setting.list", showSettings)
}

func showSettings(v *visit) error {
	all, err := v.Admin.ListSettings(v.ctx(), v.caller)
	if err != nil {
		return err
	}
	p := panel{Title: v.text("settings.all"), Class: "settings", Hint: v.text("settings.hint"), Table: table{Columns: []string{v.text("setting.name"), v.text("setting.value"), v.text("setting.source"), v.text("setting.about")}}}
	for _, s := range all {
		from := badge{Text: v.text("setting.from." + s.Source)}
		if s.Source != "default" {
			from.Tone = "good"
		}
		p.Table.Rows = append(p.Table.Rows, row{Cells: []cell{{Code: s.Name}, {Code: s.Value}, {Badge: from}, {Text: s.Description}}})
	}
	return v.show(v.text("menu.settings"), object{Lead: v.text("settings.lead"), Panels: []panel{p}})
}
