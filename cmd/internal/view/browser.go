package view

import (
	"context"
	"os"
	"os/exec"
	"runtime"
)

// OpenBrowser asks the desktop to open an address, and does not wait for it. It reports false where
// there is no display, or nothing that opens addresses.
func OpenBrowser(ctx context.Context, url string) bool {
	var args []string
	switch {
	case runtime.GOOS == "darwin":
		args = []string{"open", url}
	case runtime.GOOS == "windows":
		args = []string{"rundll32", "url.dll,FileProtocolHandler", url}
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		args = []string{"xdg-open", url}
	default:
		return false
	}
	// It lives on when the command ends, or is interrupted.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...) //nolint:gosec // G204: constants, and our own address
	detach(cmd)
	if cmd.Start() != nil {
		return false
	}
	return cmd.Process.Release() == nil
}
