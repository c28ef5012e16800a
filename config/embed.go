// Package config is the file that explains every setting.
package config

import _ "embed"

// Explained is signet.yaml.
//
//go:embed signet.yaml
var Explained []byte
