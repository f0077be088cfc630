//go:build !submit

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity/pkcs11"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv("DNSEAL_TEST_MAIN") != "" { // a test runs the program itself
		main()
	}
	testscript.Main(m, map[string]func(){"dnseal": main})
}

// hang is a guard against hanging, not a measure.
const hang = 60 * time.Second

// TestScript runs the sentences of the manual: testdata/script/*.txtar.
func TestScript(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Abs(filepath.Join("..", "..", "testdata", "cases"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("CASES", cases)
			// The race detector lets each of hundreds of processes sleep for a second at its end.
			env.Setenv("GORACE", "atexit_sleep_ms=20")
			return nil
		},
		RequireExplicitExec: true,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"anchor": cmdAnchor,
			"flip":   cmdFlip,
			"status": cmdStatus,
			"mode":   cmdMode,
			"delv":   cmdDelv,
			"tsa":    cmdTSA,
		},
	})
}

// condition knows [peer:NAME]: the program is here. DNSEAL_PEERS=required makes a missing one a
// failure.
func condition(cond string) (bool, error) {
	if cond == "pkcs11" { // in this build, with SoftHSM here
		found, err := filepath.Glob("/usr/lib/softhsm/libsofthsm2.so")
		if pkcs11.Built && len(found) == 0 && os.Getenv("DNSEAL_PEERS") == "required" {
			return false, errors.New("softhsm2 is missing; make peers brings it")
		}
		return pkcs11.Built && len(found) > 0, err
	}
	name, ok := strings.CutPrefix(cond, "peer:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	_, err := exec.LookPath(name)
	if err != nil && os.Getenv("DNSEAL_PEERS") == "required" {
		return false, fmt.Errorf("%s is missing; make peers brings it", name)
	}
	return err == nil, nil
}

// anchor FILE waits until a sandbox has written FILE and sets DNSEAL_RESOLVER and
// DNSEAL_TRUST_ANCHOR by it.
func cmdAnchor(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	// a condition of another process: nothing to wait on but its file
	for end := time.Now().Add(hang); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(file)
		if err == nil {
			line, _, _ := strings.Cut(string(text), "\n")
			ts.Setenv("DNSEAL_RESOLVER", line[strings.LastIndexByte(line, ' ')+1:])
			ts.Setenv("DNSEAL_TRUST_ANCHOR", file)
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no anchor file %s", file)
		}
	}
}

// delv ANCHOR NAME TYPE asks the sandbox that anchor waited for.
func cmdDelv(ts *testscript.TestScript, _ bool, args []string) {
	host, port, _ := strings.Cut(ts.Getenv("DNSEAL_RESOLVER"), ":")
	ts.Check(ts.Exec("delv", "@"+host, "-p", port, "-a", ts.MkAbs(args[0]), "+root=.", args[1], args[2]))
}

// flip FROM TO TEXT copies a file with the case of the first letter of TEXT changed, where TEXT
// first stands.
func cmdFlip(ts *testscript.TestScript, _ bool, args []string) {
	text := []byte(ts.ReadFile(args[0]))
	at := bytes.Index(text, []byte(args[2]))
	if at < 0 {
		ts.Fatalf("%s does not hold %q", args[0], args[2])
	}
	text[at] ^= 0x20
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
}

// status N COMMAND... runs dnseal and checks its exit status; standard output goes to the file
// "out", standard error to "err".
func cmdStatus(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("dnseal", args[1:]...); err != nil {
		got = 1
		var exit *exec.ExitError
		if asExit(err, &exit) {
			got = exit.ExitCode()
		}
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// mode OCTAL FILE checks permissions.
func cmdMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

func asExit(err error, target **exec.ExitError) bool {
	return errors.As(err, target)
}
