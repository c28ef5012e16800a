package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"
)

const (
	envPrefix    = "SIGNET_"
	envFile      = "SIGNET_CONFIG"
	envMasterKey = "SIGNET_MASTER_KEY"
	masterKey    = "master_key"    // which is in no file
	envServer    = "SIGNET_SERVER" // which server commands manage: no setting of a server
	envToken     = "SIGNET_TOKEN"  // the access token for it
)

// envOfShells are variables of the completion in shells: cobra's own, and for how long it waits for names.
var envOfShells = []string{"SIGNET_ACTIVE_HELP", "SIGNET_COMPLETION_DESCRIPTIONS", "SIGNET_COMPLETION_TIMEOUT"}

// Kubernetes sets such variables in every pod beside a service named "signet" or "signet-…"; they are no settings of Signet. Name and
// value together distinguish them from a setting with a typo.
var serviceLink = regexp.MustCompile(`^SIGNET(_[A-Z0-9_]+)?_(` +
	`SERVICE_HOST=[0-9a-fA-F.:]+|SERVICE_PORT(_[A-Z0-9_]+)?=\d+|` +
	`PORT(_\d+_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://\S+|` +
	`PORT_\d+_(TCP|UDP|SCTP)_(PROTO=(tcp|udp|sctp)|PORT=\d+|ADDR=[0-9a-fA-F.:]+))$`)

// Sources are where settings come from; the first that has a setting decides: Flags, Environ, File, then Default.
type Sources struct {
	File    string            // path of a YAML file, empty: SIGNET_CONFIG of Environ, or none
	Environ []string          // "NAME=value" as os.Environ gives; empty values count as not set
	Flags   map[string]string // by setting: "tokens.access_ttl"
}

// Load reads, resolves and checks the settings. The error names each setting that is unknown or wrong, in one line.
func Load(from Sources) (Config, error) {
	c, err := read(from)
	if err != nil {
		return Config{}, err
	}
	c.resolve()
	if err := c.validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// read merges the sources over the defaults.
func read(from Sources) (Config, error) {
	c := Default()
	vars, err := environment(from.Environ)
	if err != nil {
		return c, err
	}
	c.MasterKey = Secret(strings.TrimSpace(vars[envMasterKey]))
	c.File = cmp.Or(from.File, vars[envFile])

	inFile := koanf.New(".")
	if c.File != "" {
		if err := loadFile(inFile, c.File); err != nil {
			return c, err
		}
	}
	values := inFile.All()
	c.Origins = Origins{}
	if c.MasterKey != "" {
		c.Origins[masterKey] = FromEnvironment
	}
	for _, f := range fields(&c) {
		if values[f.key] != nil {
			c.Origins[f.key] = FromFile
		}
		if v, ok := vars[variable(f.key)]; ok {
			values[f.key], c.Origins[f.key] = v, FromEnvironment
		}
		if v, ok := from.Flags[f.key]; ok {
			values[f.key], c.Origins[f.key] = v, FromFlag
		}
	}
	var problems []string
	for _, f := range fields(&c) {
		if values[f.key] == nil {
			continue
		}
		if err := f.set(values[f.key]); err != nil {
			problems = append(problems, f.key+": "+err.Error())
		}
	}
	return c, join(problems)
}

// environment returns the SIGNET_ variables. An unknown one is an error: most often a setting with a typo.
func environment(environ []string) (map[string]string, error) {
	known := append([]string{envFile, envMasterKey, envServer, envToken}, envOfShells...)
	for _, f := range fields(new(Config)) {
		known = append(known, variable(f.key))
	}
	var problems []string
	vars := map[string]string{}
	variables := env.Provider("", env.Opt{Prefix: envPrefix, EnvironFunc: func() []string { return environ }})
	all, err := variables.Read()
	if err != nil {
		return nil, fmt.Errorf("read the environment: %w", err)
	}
	for name, value := range all {
		switch {
		case !slices.Contains(known, name) && serviceLink.MatchString(fmt.Sprint(name, "=", value)):
		case !slices.Contains(known, name):
			problems = append(problems, fmt.Sprintf("unknown variable %s in the environment, did you mean %s?", name, nearest(name, known)))
		case value != "":
			vars[name] = value.(string)
		}
	}
	return vars, join(problems)
}

// loadFile reads a YAML file and refuses unknown keys.
func loadFile(into *koanf.Koanf, path string) error {
	if err := into.Load(file.Provider(path), oneDocument{}); err != nil {
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			err = pathErr.Err
		}
		return fmt.Errorf("read the configuration %s: %w", path, err)
	}
	var known, sections []string
	for _, f := range fields(new(Config)) {
		known = append(known, f.key)
		for i, c := range f.key {
			if c == '.' {
				sections = append(sections, f.key[:i])
			}
		}
	}
	var problems []string
	for key, value := range into.All() {
		switch {
		case slices.Contains(known, key):
		case slices.Contains(sections, key):
			if !empty(value) {
				problems = append(problems, fmt.Sprintf("%s in %s is a section, it takes no value of its own", key, path))
			}
		case key == masterKey:
			problems = append(problems, fmt.Sprintf("master_key must not be in %s: set %s, or master_key_file", path, envMasterKey))
		default:
			problems = append(problems, fmt.Sprintf("unknown setting %s in %s, did you mean %s?", key, path, nearest(key, known)))
		}
	}
	return join(problems)
}

// oneDocument parses a file of YAML (koanf.Parser). More than one document is an error: only the first would count.
type oneDocument struct{}

// Unmarshal implements koanf.Parser.
func (oneDocument) Unmarshal(text []byte) (map[string]any, error) {
	var settings map[string]any
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&settings); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("yaml: there is a second document after ---, and only one is read: join them")
	}
	return settings, repeated(settings)
}

// repeated is the error of settings that are there both in their section and by a name with dots: either could count.
func repeated(settings map[string]any) error {
	written := map[string]string{} // by setting: the way in which it was
	var problems []string
	var walk func(section, path string, values map[string]any)
	walk = func(section, path string, values map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			key, as := section+name, path+name
			if inner, ok := values[name].(map[string]any); ok {
				walk(key+".", as+": ", inner)
				continue
			}
			if other, ok := written[key]; ok {
				problems = append(problems, fmt.Sprintf("%s is set twice, as %q and as %q: set it once", key, other, as))
			}
			written[key] = as
		}
	}
	walk("", "", settings)
	return join(problems)
}

// Marshal implements koanf.Parser.
func (oneDocument) Marshal(settings map[string]any) ([]byte, error) { return yaml.Marshal(settings) }

// empty says whether a section is there by name alone ("tokens:").
func empty(section any) bool {
	m, ok := section.(map[string]any)
	return section == nil || ok && len(m) == 0
}

// join makes one error of many problems, nil if there are none.
func join(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	slices.Sort(problems)
	return errors.New(strings.Join(problems, "; "))
}
