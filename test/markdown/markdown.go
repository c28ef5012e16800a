// Package markdown reads pages of documentation, for tests of what they link to.
package markdown

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

// Page is a file of Markdown.
type Page struct {
	Text    string
	Links   []string // as they are written, without those to other sites
	Anchors map[string]bool
}

var (
	fence   = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	anchor  = regexp.MustCompile(`<a (?:id|name)="([^"]+)">`)
)

// Pages reads those of docs below a folder and the others there that say how Signet is used, by path.
func Pages(root string) (map[string]Page, error) {
	files := []string{root + "/README.md", root + "/CONTRIBUTING.md", root + "/bench/README.md"}
	err := filepath.WalkDir(root+"/docs", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found := map[string]Page{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found[filepath.Clean(file)] = read(string(text))
	}
	return found, nil
}

func read(text string) Page {
	p := Page{Text: text, Anchors: map[string]bool{}}
	prose := fence.ReplaceAllString(text, "")
	for _, m := range heading.FindAllStringSubmatch(prose, -1) {
		p.Anchors[slug(m[1])] = true
	}
	for _, m := range anchor.FindAllStringSubmatch(prose, -1) {
		p.Anchors[m[1]] = true
	}
	for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(prose, "`code`"), -1) {
		if target, err := url.Parse(m[1]); err != nil || target.Scheme == "" {
			p.Links = append(p.Links, m[1])
		}
	}
	return p
}

// slug is the anchor of a heading, as forges make it.
func slug(heading string) string {
	heading = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(heading, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return '-'
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// DeadLinks are the links of pages that lead nowhere, each in a sentence.
func DeadLinks(all map[string]Page) (dead []string) {
	for file, p := range all {
		for _, written := range p.Links {
			path, fragment, _ := strings.Cut(written, "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				dead = append(dead, fmt.Sprintf("%s: the link %s: %v", file, written, err))
				continue
			}
			if to, ok := all[target]; ok && fragment != "" && !to.Anchors[fragment] {
				dead = append(dead, fmt.Sprintf("%s: the link %s: there is no such heading", file, written))
			}
		}
	}
	return dead
}
