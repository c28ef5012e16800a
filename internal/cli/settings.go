package cli

import (
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/config"
)

// globalFlags are the flags that every command takes.
func (a *app) globalFlags(flags *pflag.FlagSet) {
	flags.StringVar(&a.server, "server", "", "manage the server at `URL` in place of a database (SIGNET_SERVER); see signet login")
	flags.StringVar(&a.context, "context", "", "manage the server of the context `NAME`, or \"database\"; see signet context")
	flags.StringVar(&a.configFile, "config", "", "read settings from a YAML `FILE`")
	flags.FuncP("output", "o", "print the answer as `FORMAT`: text, json, yaml, or name for the names alone (default text)", func(text string) error {
		if !slices.Contains(formats, format(text)) {
			return fmt.Errorf("use text, json, yaml or name")
		}
		if a.output = format(text); text == "text" {
			a.output = formatText
		}
		return nil
	})
	a.setting(flags, "database", "database", "use the database at `URL`: postgres://… or sqlite:PATH")
	a.setting(flags, "data-dir", "data_dir", "keep the SQLite database and its master key in `DIR` (default ./signet-data)")
}

// setting makes a flag that comes before a setting's variable and file.
func (a *app) setting(flags *pflag.FlagSet, name, key, usage string) {
	flags.Func(name, usage, func(value string) error {
		a.settings[key] = value
		return nil
	})
}

// config reads the settings.
func (a *app) config() (config.Config, error) {
	return config.Load(config.Sources{File: a.configFile, Environ: os.Environ(), Flags: a.settings})
}

// logger writes to stderr as the settings say.
func (a *app) logger(settings config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.Level}
	if settings.Format == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, options))
	}
	return slog.New(slog.NewTextHandler(a.stderr, options))
}
