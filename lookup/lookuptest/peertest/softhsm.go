//go:build unix

package peertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// SoftHSM is a PKCS #11 module whose tokens are files in a private folder.
type SoftHSM struct {
	// Module is the path of the library.
	Module string
	// Config is the file that the environment variable SOFTHSM2_CONF must name.
	Config string
}

// NewSoftHSM makes the folder in dir. It returns false where SoftHSM is missing.
func NewSoftHSM(dir string) (SoftHSM, bool) {
	for _, pattern := range []string{"/usr/lib/softhsm", "/usr/lib/*/softhsm", "/usr/lib64/softhsm", "/usr/lib64/pkcs11"} {
		found, err := filepath.Glob(filepath.Join(pattern, "libsofthsm2.so"))
		if err != nil || len(found) == 0 {
			continue
		}
		tokens, config := filepath.Join(dir, "tokens"), filepath.Join(dir, "softhsm2.conf")
		if os.MkdirAll(tokens, 0o700) != nil || os.WriteFile(config, []byte("directories.tokendir = "+tokens+"\nlog.level = ERROR\n"), 0o600) != nil {
			return SoftHSM{}, false
		}
		return SoftHSM{found[0], config}, true
	}
	return SoftHSM{}, false
}

// Util runs softhsm2-util.
func (s SoftHSM) Util(tb testing.TB, args ...string) {
	tb.Helper()
	s.run(tb, "softhsm2-util", args...)
}

// Tool runs pkcs11-tool with the module and returns what it prints.
func (s SoftHSM) Tool(tb testing.TB, args ...string) string {
	tb.Helper()
	return s.run(tb, "pkcs11-tool", append([]string{"--module", s.Module}, args...)...)
}

// Token makes a token; its security officer's PIN is that of the user.
func (s SoftHSM) Token(tb testing.TB, label, pin string) {
	tb.Helper()
	s.Util(tb, "--init-token", "--free", "--label", label, "--so-pin", pin, "--pin", pin)
}

func (s SoftHSM) run(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), Program(tb, name), args...) //nolint:gosec // tests choose them
	cmd.Env = append(os.Environ(), "SOFTHSM2_CONF="+s.Config)
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
