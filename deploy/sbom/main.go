// Command sbom writes what a binary was built from as an SBOM (CycloneDX 1.5, JSON), by what its linker recorded.
package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strings"
)

type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: sbom VERSION BINARY")
	}
	info, err := buildinfo.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	main := component{Type: "application", Name: info.Main.Path, Version: os.Args[1], PURL: purl(info.Main.Path, os.Args[1])}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "GOARCH" || s.Key == "GOOS" {
			main.Properties = append(main.Properties, property{"go:" + s.Key, s.Value})
		}
	}
	parts := []component{{Type: "library", Name: "std", Version: info.GoVersion, PURL: purl("std", strings.TrimPrefix(info.GoVersion, "go"))}}
	for _, d := range info.Deps {
		parts = append(parts, module(d))
	}
	document := map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": map[string]any{"component": main}, "components": parts,
	}
	out, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(out))
}

func module(d *debug.Module) component {
	if d.Replace != nil {
		d = d.Replace
	}
	return component{Type: "library", Name: d.Path, Version: cmp.Or(d.Version, "local"), PURL: purl(d.Path, d.Version), Properties: []property{{"go:sum", d.Sum}}}
}

func purl(path, version string) string { return "pkg:golang/" + path + "@" + version }
