package admin

import (
	"context"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/config"
)

// Setting is one as it counts at the server that answers.
type Setting struct {
	Name        string `json:"name" doc:"As in the configuration file, sections joined by dots"`
	Value       string `json:"value" doc:"Without the password of the database"`
	Source      string `json:"source" enum:"flag,environment,file,default"`
	Variable    string `json:"variable" doc:"The environment variable that sets it"`
	Description string `json:"description"`
}

// ListSettings lists the settings in the order of the configuration file. The master key is none of them.
func (s *Service) ListSettings(ctx context.Context, caller authn.Caller) ([]Setting, error) {
	if _, err := s.authorize(ctx, caller, "setting.list"); err != nil {
		return nil, err
	}
	return list(s.config.Settings, nil, func(s config.Setting) Setting {
		return Setting{Name: s.Key, Value: s.Value, Source: s.From, Variable: s.Env, Description: s.About}
	})
}
