package dkim

import (
	"os"
	"strings"
	"testing"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// TestCompare: every state of a record is told from the others.
func TestCompare(t *testing.T) {
	t.Parallel()
	k := Key{Domain: "example.org", Selector: "s", Private: keys().ed25519}
	other := Key{Private: keys().rsa}.Record()
	for _, c := range []struct {
		status dnssec.Status
		texts  []string
		want   State
		words  string
	}{
		{dnssec.Secure, []string{k.Record()}, Published, "published, secure"},
		{dnssec.Insecure, []string{strings.Replace(k.Record(), "p=", "t = y:s ; p= ", 1)}, Published, "published, insecure, as a test (t=y)"},
		{dnssec.Secure, []string{other}, Different, "another key"},
		{dnssec.Secure, []string{"v=DKIM1; k=ed25519; p="}, Revoked, "withdrawn"},
		{dnssec.Secure, []string{"v=spf1 -all"}, Missing, "there is no key at s._domainkey.example.org; publish it with: dnseal dkim publish"},
		{dnssec.Secure, []string{k.Record(), other}, Several, "2 keys"},
		{dnssec.Secure, []string{"v=spf1 -all", k.Record()}, Several, "2 texts"},
		{dnssec.Secure, []string{strings.TrimPrefix(k.Record(), "v=DKIM1; ") + "; v=DKIM1"}, Different, "verifiers refuse the record: "},
		{dnssec.Secure, []string{k.Record() + "; s=tlsrpt"}, Different, "verifiers refuse the record: the key is not for mail"},
		{dnssec.Secure, []string{strings.Replace(k.Record(), "p=", "p=AAAA; p=", 1)}, Different, "verifiers refuse the record: "},
		{dnssec.Bogus, []string{k.Record()}, Bogus, "the answer is bogus"},
		{dnssec.Indeterminate, nil, Unknown, "not known"},
	} {
		r := &lookup.Result{Status: c.status, Presence: dane.Present, Texts: c.texts}
		if f := k.Compare(r); f.State != c.want || !strings.Contains(f.Text(k), c.words) {
			t.Errorf("%s %q: %s: %s", c.status, c.texts, f.State, f.Text(k))
		}
	}
}

// TestMake: a new key is for its owner alone, and never written over another.
func TestMake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/dkim"
	both, err := Selectors("s1", Both)
	if err != nil || len(both) != 2 {
		t.Fatal(both, err)
	}
	for _, s := range both {
		made, err := Make(dir, "example.org", s[0], s[1])
		if err != nil {
			t.Fatal(err)
		}
		file := File(dir, "example.org", s[0])
		read, err := ReadKey(file)
		if again := (Key{Private: read}); err != nil || again.Record() != made.Record() {
			t.Errorf("%s: %v", file, err)
		}
		if info, failed := os.Stat(file); failed != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), failed)
		}
		line := made.ZoneLine(300)
		if !strings.HasPrefix(line, s[0]+`._domainkey.example.org. 300 IN TXT "v=DKIM1; k=`) || s[1] == RSA2048 && strings.Count(line, `" "`) != 1 {
			t.Errorf("the line %s", line)
		}
		if _, err = Make(dir, "example.org", s[0], s[1]); err == nil || !strings.Contains(err.Error(), "exists; choose another selector") {
			t.Errorf("made twice: %v", err)
		}
	}
	if _, err := Selectors("s1", "rsa"); err == nil {
		t.Error("an unknown algorithm")
	}
}
