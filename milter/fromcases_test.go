package milter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gomilter "github.com/d--j/go-milter"

	"dnseal/receiver"
	"dnseal/smime/message"
)

// cases are the messages of a folder of testdata/cases/mail by name, in CRLF form.
func cases(tb testing.TB, folder string) map[string]string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("../testdata/cases/mail", folder, "*.eml"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no cases in %s: %v", folder, err)
	}
	out := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".eml")] = string(text)
	}
	return out
}

// TestDomainBypass: unsigned mail whose From some readers show as of a domain that requires signatures is refused by the verifying
// milter as that which all show so.
func TestDomainBypass(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	r := serve(t, Options{Handler: always(o.verifier(receiver.Options{Domains: []receiver.Domain{{
		Names: []string{"bank.example"}, Require: "signature", On: map[string]message.Action{receiver.ClassNoSignature: message.Reject},
	}}}).Handle)})
	for name, raw := range cases(t, "a-domain-bypass") {
		_, a := r.connect(t).send(mail{from: "x@example.com", raw: raw})
		refused := a.Type == gomilter.ActionRejectWithCode && a.SMTPCode == 550
		if accepted := a.Type == gomilter.ActionAccept; accepted != strings.HasPrefix(name, "control-accepted") || refused == accepted {
			t.Errorf("%s: %v", name, a)
		}
	}
}
