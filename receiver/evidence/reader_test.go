package evidence_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver/evidence"
	"dnseal/smime"
)

// TestReader has another program read what we write, by what dnseal-evidence(5) says alone.
func TestReader(t *testing.T) {
	t.Parallel()
	python := peertest.Program(t, "python3")
	id, record := signer(t, "alice@example.org")
	other, _ := signer(t, "bob@example.com")
	w := start(t, clock,
		lookuptest.Zone{Origin: "example.org.", Text: record}, lookuptest.Zone{Origin: "example.com.", Text: "x TXT x\n", NSEC3: true},
		lookuptest.Zone{Origin: "example.net.", Text: "x TXT x\n", Unsigned: true})
	plain, _ := signer(t, "carol@example.net")
	text := sign(t, id, letter("alice@example.org", "one"), smime.SignOptions{})
	file, reports := w.keep(w.options(), text,
		sign(t, other, letter("bob@example.com", "two"), smime.SignOptions{}), sign(t, plain, letter("carol@example.net", "three"), smime.SignOptions{Opaque: true}))
	out, status := runReader(t, python, file)
	if status != 0 || strings.Count(out, "\n") != 3 || !strings.Contains(out, "<one@example.org> pass "+reports[0].Signatures[0].DNS.Name) ||
		!strings.Contains(out, "<two@example.org> fail ") || !strings.Contains(out, "<three@example.org> neutral ") {
		t.Fatalf("status %d:\n%s", status, out)
	}
	for i := 0; i < len(file); i += 1 + len(file)/15 {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		_, err := past(changed, evidence.Options{})
		if out, status := runReader(t, python, changed); (status == 1) != (err != nil) {
			t.Errorf("octet %d: status %d, here %v\n%s", i, status, err, out)
		}
	}
	for _, n := range []int{len(file) - 1, len(file) - 300, len(file) / 2} {
		if out, status := runReader(t, python, file[:n]); status != 3 {
			t.Errorf("cut at %d: status %d\n%s", n, status, out)
		}
	}
	if out, status := runReader(t, python, append(bytes.Clone(file), "{\"x"...)); status != 1 {
		t.Errorf("more after the seal: status %d\n%s", status, out)
	}
}

func runReader(t *testing.T, python string, file []byte) (out string, status int) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.evidence")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/reader.py", name)
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}
