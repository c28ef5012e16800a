package adminui

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountPalette() {
	s.handle("POST /palette", "", answerPalette)
	s.handle("GET /new/drill", "key.drill", beginDrill)
}

// actions are what the command palette offers to do, in the order of the navigation.
var actions = []section{
	{"user.new", "/new/user", "user.create"},
	{"group.new", "/new/group", "group.create"},
	{"attribute.new", "/new/attribute", "attribute.create"},
	{"role.new", "/new/role", "role.create"},
	{"api.new", "/new/api", "api.create"},
	{"client.new", "/new/client", "client.create"},
	{"receiver.new", "/new/receiver", "receiver.create"},
	{"palette.rotate", "/new/rotation", "key.rotate"},
	{"palette.drill", "/new/drill", "key.drill"},
	{"palette.verify", "/audit/verify", "audit.verify"},
}

// command is what the palette leads to.
type command struct {
	Text  string `json:"text"`
	About string `json:"about,omitempty"`
	Path  string `json:"path"`
}

// commands are some of one kind.
type commands struct {
	Title    string    `json:"title"`
	Commands []command `json:"commands"`
}

// answerPalette answers with the pages, actions and objects that a text means, as JSON. It is posted, since people paste tokens.
func answerPalette(v *visit) error {
	typed := v.r.PostForm.Get("q")
	offered := []commands{}
	if jti, ok := jtiOf(v.Admin.Opened(strings.TrimSpace(typed))); ok && v.may("token.find") {
		offered = append(offered, commands{v.text("menu.tokens"), []command{{Text: jti, Path: address("tokens", jti)}}})
	} else {
		text := searched(typed)
		found, err := v.find(text)
		if err != nil {
			return err
		}
		offered = v.offer(offered, "palette.pages", pages(), text)
		offered = v.offer(offered, "palette.actions", actions, text)
		for _, f := range found {
			of := commands{Title: f.Title}
			for _, r := range f.Table.Rows {
				c := command{cmp.Or(r.Cells[0].Text, r.Cells[0].Code), r.Cells[1].Text, r.Path}
				if c.About == c.Text {
					c.About = ""
				}
				of.Commands = append(of.Commands, c)
			}
			offered = append(offered, of)
		}
	}
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(offered)
}

// offer adds those of some sections that the visitor may open and whose name holds a text.
func (v *visit) offer(all []commands, title string, sections []section, text string) []commands {
	of := commands{Title: v.text(title)}
	for _, s := range sections {
		if name := v.text(s.key); v.may(s.operation) && strings.Contains(strings.ToLower(name), strings.ToLower(text)) {
			of.Commands = append(of.Commands, command{Text: name, Path: root + s.path})
		}
	}
	if len(of.Commands) == 0 {
		return all
	}
	return append(all, of)
}

// pages are those of the navigation.
func pages() (all []section) {
	for _, group := range navigation {
		for _, s := range group.sections {
			all = append(all, section{"menu." + s.key, s.path, s.operation})
		}
	}
	return all
}

// beginDrill leads to the drill of the key that signs, or to the keys where there are several.
func beginDrill(v *visit) error {
	active, err := v.Admin.ListKeys(v.ctx(), v.caller, admin.KeyFilter{State: domain.KeyActive})
	if err != nil {
		return err
	}
	to := address("keys")
	if len(active) == 1 {
		to = address("keys", active[0].KID, "drill")
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}
