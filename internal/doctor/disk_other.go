//go:build !linux

package doctor

import "errors"

// fileSystem is not known.
func fileSystem(string) (free int64, remote bool, err error) { return 0, false, errors.ErrUnsupported }
