package acme

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logCore passes what certmagic logs on to slog, at debug level: what an operator has to read, Certificates logs itself.
type logCore struct {
	log    *slog.Logger
	fields []zapcore.Field
}

func newLogger(log *slog.Logger) *zap.Logger { return zap.New(logCore{log: log}) }

// Enabled implements zapcore.LevelEnabler.
func (c logCore) Enabled(zapcore.Level) bool {
	return c.log.Enabled(context.Background(), slog.LevelDebug)
}

// With implements zapcore.Core.
func (c logCore) With(fields []zapcore.Field) zapcore.Core {
	return logCore{c.log, append(slices.Clip(c.fields), fields...)}
}

// Check implements zapcore.Core.
func (c logCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core. It leaves out values that are more than text, numbers and times, such as whole requests.
func (c logCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	encoded := zapcore.NewMapObjectEncoder()
	for _, field := range append(slices.Clip(c.fields), fields...) {
		field.AddTo(encoded)
	}
	attrs := []slog.Attr{slog.String("part", entry.LoggerName), slog.String("at", entry.Level.String())}
	for name, value := range encoded.Fields {
		switch value.(type) {
		case string, bool, int, int64, float64, time.Time, time.Duration:
			attrs = append(attrs, slog.Any(name, value))
		}
	}
	c.log.LogAttrs(context.Background(), slog.LevelDebug, "certmagic: "+entry.Message, attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (logCore) Sync() error { return nil }
