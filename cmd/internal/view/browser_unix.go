//go:build unix

package view

import (
	"os/exec"
	"syscall"
)

// detach keeps the signals of the terminal (Ctrl-C) from the browser.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
