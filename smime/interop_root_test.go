package smime_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

var debian13 = flag.String("debian13", "", "have TestInteropDebian13 run programs of the Debian in this folder; make interop makes one")

// enterRoot runs a program in another Debian, in a mount namespace of its own. It sees the folder
// of temporary files at the path that it has here.
const enterRoot = `root=$1 temp=$2 dir=$3; shift 3
mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" && mkdir -p "$root$temp" && mount --rbind "$temp" "$root$temp" &&
exec chroot "$root" /usr/bin/env -C "$dir" "$@"`

// command runs a program in the folder, in the root if there is one.
func (w workshop) command(ctx context.Context, t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if w.root == "" {
		cmd := exec.CommandContext(ctx, peertest.Program(t, name), args...)
		cmd.Dir = w.dir
		return cmd
	}
	enter := []string{"--mount"}
	if os.Getuid() != 0 {
		enter = append(enter, "--map-root-user", "--map-auto")
	}
	enter = append(enter, "sh", "-c", enterRoot, "sh", w.root, os.TempDir(), w.dir, name)
	return exec.CommandContext(ctx, peertest.Program(t, "unshare"), append(enter, args...)...)
}

// needs skips the test where a program is missing. A root has its programs.
func (w workshop) needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if w.root == "" {
			peertest.Program(t, name)
		}
	}
}
