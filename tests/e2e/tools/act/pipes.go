// Package container, one file of act for another: steps write to pipes, as on GitHub's runner, not to a terminal.
//
// act closes the terminal of a step that failed without reading it to the end: on a busy machine the last lines are lost,
// and with them the annotations that say why it failed. Build act with this in the place of pkg/container/util.go.
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
