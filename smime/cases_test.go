package smime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/smime/cms"
)

// caseFiles reads the messages of a folder of testdata/cases/mail, by name.
func caseFiles(t *testing.T, folder string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("../testdata/cases/mail", folder, "*.eml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases in %s: %v", folder, err)
	}
	files := map[string]string{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(name), ".eml")] = string(raw)
	}
	return files
}

// Text outside the structure that the boundaries give is kept.
func TestCasesBoundaryLost(t *testing.T) {
	t.Parallel()
	for name, msg := range caseFiles(t, "b-boundary-lost") {
		signed := sign(t, msg, SignOptions{})
		holds(t, signed)
		content, _ := contentOf(t, signed)
		words := []string{"The scan is attached"}
		switch {
		case strings.Contains(msg, "invoice 4711"):
			words = []string{"invoice 4711"}
		case strings.Contains(msg, "QUJDREVG"):
			words = append(words, "QUJDREVG")
		}
		if lost := missing(words, content); len(lost) > 0 {
			t.Errorf("%s: lost %q in\n%s", name, lost, content)
		}
		if _, err := SevenBit(mustRead(t, msg)); strings.HasPrefix(name, "7-") != errors.Is(err, ErrNotTransitProof) {
			t.Errorf("%s: SevenBit: %v", name, err)
		}
	}
}

// A careless field is signed as what all readers take it for; one in doubt is named.
func TestCasesAmbiguous(t *testing.T) {
	t.Parallel()
	for name, msg := range caseFiles(t, "e-ambiguous-451") {
		want := ""
		if name == "root-name-twice" {
			want = "Content-Type"
		}
		opts := SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt}
		_, err := Sign(mustRead(t, msg), opts)
		fault, ok := errors.AsType[*ContentError](err)
		switch {
		case want == "" && err == nil:
			signed := sign(t, msg, opts)
			holds(t, signed)
			if entity := mustRead(t, entityOf(t, signed)); len(entity.Fields("Content-Type")) != 1 || parseMediaType(entity.First("Content-Type")).ambiguous {
				t.Errorf("%s: signed as\n%s", name, signed)
			}
		case !ok || fault.Place != want:
			t.Errorf("%s: %v, want a fault of %q", name, err, want)
		}
	}
}
