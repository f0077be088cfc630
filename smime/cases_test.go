package smime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
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
		if _, err := SevenBit(t.Context(), mustRead(t, msg)); strings.HasPrefix(name, "7-") != errors.Is(err, ErrNotTransitProof) {
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
		_, err := Sign(t.Context(), mustRead(t, msg), opts)
		fault, ok := errors.AsType[*ContentError](err)
		switch {
		case want == "" && err == nil:
			signed := sign(t, msg, opts)
			holds(t, signed)
			if signedEntity := mustRead(t, entityOf(t, signed)); len(signedEntity.Fields("Content-Type")) != 1 || entity.ParseMediaType(signedEntity.First("Content-Type")).Ambiguous {
				t.Errorf("%s: signed as\n%s", name, signed)
			}
		case !ok || fault.Place != want:
			t.Errorf("%s: %v, want a fault of %q", name, err, want)
		}
	}
}

// 8-bit fields are protected as encoded words, and the message stays clear.
func TestCasesFields(t *testing.T) {
	t.Parallel()
	for name, msg := range caseFiles(t, "j-opaque-silent") {
		var result SignResult
		signed := sign(t, msg, SignOptions{Result: &result})
		holds(t, signed)
		if result.Opaque || len(result.Unprotected) > 0 || !entity.IsASCII(entityOf(t, signed)) {
			t.Errorf("%s: %+v in\n%s", name, result, signed)
		}
	}
}

func TestFieldsProtectedAsWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field, want, unprotected string
		opaque                   bool
	}{
		{"To: \"J\xfcrgen\" <user@example.org>, x@example.org", "To: =?unknown-8bit?q?J=FCrgen?= <user@example.org>, x@example.org", "", false},
		{"To: x@example.org (B\xfcro), \xfcber (Amt) <y@example.org>", "To: x@example.org (=?unknown-8bit?q?B=FCro?=), =?unknown-8bit?q?=FCber?= (Amt) <y@example.org>", "", false},
		{"Cc: B\xfcro: a@example.org, b@example.org;", "Cc: =?unknown-8bit?q?B=FCro?= : a@example.org, b@example.org;", "", false},
		{"Sender: J\xc3\xbcrgen <x@example.org>", "Sender: =?utf-8?q?J=C3=BCrgen?= <x@example.org>", "", false},
		{"Date: Sat, 28 Nov 2026 20:00:00 +0000 (Mitteleurop\xe4ische Zeit)", "Date: Sat, 28 Nov 2026 20:00:00 +0000 (=?unknown-8bit?q?Mitteleurop=E4ische_Zeit?=)", "", false},
		{"In-Reply-To: J\xfcrgens Mail <x@example.org>", "In-Reply-To: =?unknown-8bit?q?J=FCrgens_Mail?= <x@example.org>", "", false},
		{"Message-ID: <\xfc@example.org>", "", "Message-ID", false},
		{"X-Spam: " + strings.Repeat("x", 1000), "", "X-Spam", false},
		{"X-Note: \xfc", "X-Note: =?unknown-8bit?q?=FC?=", "", false},
		{"Subject: " + strings.Repeat("x", 1000), "Subject: =?utf-8?q?xxxxxxx", "", false},
		{"To: \xfc@example.org", "To: \xfc@example.org", "", true},
	} {
		var result SignResult
		signed := sign(t, "From: a@example.org\r\n"+c.field+"\r\nMIME-Version: 1.0\r\n\r\nHello\r\n", SignOptions{Result: &result})
		content, opaque := contentOf(t, signed)
		if !opaque {
			content = entityOf(t, signed)
		}
		unfolded := strings.Join(strings.Fields(content), " ")
		if !strings.Contains(unfolded, c.want) || strings.Join(result.Unprotected, ",") != c.unprotected || opaque != c.opaque || opaque != result.Opaque {
			t.Errorf("%.60q: %+v in\n%s", c.field, result, content)
		}
		if opaque != (result.Cause != nil) {
			t.Errorf("%.60q: cause %v", c.field, result.Cause)
		}
		holds(t, signed)
	}
}
