package smime_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// bouncyCastleJars are in the Debian package libbcmail-java and those it needs.
var bouncyCastleJars = []string{"bcprov.jar", "bcutil.jar", "bcpkix.jar"}

// bouncyCastle is a Java program that does one job after the other: starting it takes seconds.
type bouncyCastle struct {
	workshop
	jobs    io.Writer
	answers *bufio.Scanner
}

func newBouncyCastle(t *testing.T, root string, _ map[string]*peerIdentity) peer {
	t.Helper()
	return startBouncyCastle(t, root, filepath.Join("testdata", "interop", "BouncyCastle.java"))
}

// startBouncyCastle starts the Java program in a file.
func startBouncyCastle(t *testing.T, root, file string) bouncyCastle {
	t.Helper()
	if !*withBouncyCastle {
		t.Skip("skipped: Bouncy Castle has its turn with make interop, -bouncycastle or DNSEAL_PEERS=required")
	}
	w := workshop{root: root, dir: t.TempDir()}
	w.needs(t, "javac", "java")
	var jars []string
	for _, jar := range bouncyCastleJars {
		path := filepath.Join("/usr/share/java", jar)
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			peertest.Missing(t, path)
		}
		jars = append(jars, path)
	}
	source, err := os.ReadFile(file)
	must(t, err)
	// It ends with its input, not with the test's context, which is over by the time of Cleanup.
	cmd := w.command(context.Background(), t, "java", "-cp", strings.Join(jars, ":"), w.write(t, "BouncyCastle.java", source))
	cmd.Stderr = os.Stderr
	jobs, err := cmd.StdinPipe()
	must(t, err)
	answers, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = jobs.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("java: %v", err)
		}
	})
	return bouncyCastle{w, jobs, bufio.NewScanner(answers)}
}

func (p bouncyCastle) do(job ...string) error {
	if _, err := fmt.Fprintln(p.jobs, strings.Join(job, "\t")); err != nil {
		return err
	}
	if !p.answers.Scan() {
		return errors.Join(io.ErrUnexpectedEOF, p.answers.Err())
	}
	if answer := p.answers.Text(); answer != "ok" {
		return errors.New(answer)
	}
	return nil
}

func (p bouncyCastle) sign(t *testing.T, r row, ids []*peerIdentity, entity []byte, attached bool) ([]byte, error) {
	t.Helper()
	out := filepath.Join(p.dir, "out")
	job := []string{"sign", p.write(t, "entity", entity), out, "detached", "certs"}
	if attached {
		job[3] = "attached"
	}
	if r.bare {
		job[4] = "bare"
	}
	for _, id := range ids {
		job = append(job, javaAlgorithm(r, id), id.keyFile(), id.certFile())
	}
	return p.produced("out", p.do(job...))
}

// javaAlgorithm is how Java calls what id signs with.
func javaAlgorithm(r row, id *peerIdentity) string {
	switch {
	case id.name == "ed25519":
		return "Ed25519"
	case r.pss:
		return strings.ToUpper(r.digest) + "withRSAandMGF1"
	case strings.HasPrefix(id.name, "rsa"):
		return strings.ToUpper(r.digest) + "withRSA"
	default:
		return strings.ToUpper(r.digest) + "withECDSA"
	}
}

func (p bouncyCastle) verify(t *testing.T, ids []*peerIdentity, der, entity []byte) error {
	t.Helper()
	job := []string{"verify", p.write(t, "in", der), "-"}
	if entity != nil {
		job[2] = p.write(t, "entity", entity)
	}
	for _, id := range ids {
		job = append(job, id.certFile())
	}
	return p.do(job...)
}
