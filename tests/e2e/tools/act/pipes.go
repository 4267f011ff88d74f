// Package container replaces one file of act, so that steps write to pipes, as on GitHub's runner, not to a terminal.
//
// act closes the terminal of a failed step without reading it to the end. On a busy machine it loses the last lines, and
// with them the annotations with the reason of the failure. Build act with this file as pkg/container/util.go.
package container

import (
	"errors"
	"os"
	"syscall"
)

func getSysProcAttr(string, bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func openPty() (*os.File, *os.File, error) {
	return nil, nil, errors.ErrUnsupported
}
