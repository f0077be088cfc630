package migration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder writes files; DIR in them is its path.
func folder(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// written is what rules are in dnseal.toml, without comments but with the rules in them.
func written(t *testing.T, r *Rules, dir string) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	rule := false // it is in a comment
	for line := range strings.Lines(strings.ReplaceAll(b.String(), dir, "DIR")) {
		text, commented := strings.CutPrefix(line, "# ")
		rule = rule || text == "[[sign.rule]]\n"
		if !commented || rule {
			out.WriteString(text)
		}
	}
	return strings.TrimSpace(out.String())
}

func TestOpenDKIM(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
		left  []string
	}{
		{"one key", map[string]string{"conf": `
# Debian's
Syslog     yes
Mode       s
domain     Example.org, example.net   # two
Selector   s2026
KeyFile    /etc/dkimkeys/s2026.private
SubDomains yes
`}, `
[dkim]
networks = ["127.0.0.1"]
sign = [
  { domain = "example.org", selector = "s2026", key = "/etc/dkimkeys/s2026.private" },
  { domain = "example.net", selector = "s2026", key = "/etc/dkimkeys/s2026.private" },
]

[[sign.rule]]
who  = ["user:*", "net:127.0.0.1"]
from = ["*@example.org", "*@*.example.org", "*@example.net", "*@*.example.net"]`, nil},
		{"tables", map[string]string{
			"conf": `
Mode          sv
KeyTable      file:DIR/keys
SigningTable  refile:DIR/signers
InternalHosts DIR/hosts
`,
			"keys": `
org      example.org:s1:/keys/org.pem
each     %:s1:/keys/%.pem
inline   example.com:s1:MIIEowIBAAKCAQEA
short    example.com:s1
`,
			"signers": `
*@example.org           org
billing@shop.example    each:billing@shop.example
*.example               each
*                       org
*@example.com           inline
alice@example.com       short
bob@example.com         missing
example.com             org
`,
			"hosts": `
127.0.0.1
[2001:db8::]/32
192.0.2.7/24
localhost
!192.0.2.9
.example.org
`,
		}, `
[dkim]
verify = true
networks = ["127.0.0.1", "2001:db8::/32", "192.0.2.0/24", "::1"]
sign = [
  { domain = "example.org", selector = "s1", key = "/keys/org.pem" },
  { domain = "shop.example", selector = "s1", key = "/keys/shop.example.pem" },
]

[[sign.rule]]
who  = [
  "user:*",
  "net:127.0.0.1",
  "net:2001:db8::/32",
  "net:192.0.2.0/24",
  "net:::1",
]
from = ["*@example.org", "billing@shop.example"]`, []string{
			"DIR/signers:3: i= is not written",
			"DIR/keys:3: % stands for each domain that matches *.example; write an entry of dkim.sign for each of them",
			"DIR/signers:5: * is signed by example.org there; a key here signs for its own domain and those below it",
			"DIR/keys:4: the private key itself stands there; write it into a file of mode 0600, and name that",
			"DIR/keys:5: want DOMAIN:SELECTOR:FILE as the value of short",
			"DIR/signers:8: there is no key missing in the KeyTable",
			"DIR/signers:9: example.com matches no address",
			"DIR/hosts:6: !192.0.2.9 takes addresses out of a network; write the networks that remain",
			"DIR/hosts:7: .example.org is a name, which anybody can give his address in the DNS; write its address",
		}},
		{"looked up", map[string]string{
			"conf":    "Mode s\nKeyTable DIR/keys\nSigningTable file:DIR/signers\n",
			"keys":    "k example.org:s:/k.pem\n",
			"signers": "a@example.org k\nexample.org k\nb@.example.org k\n.example.org k\npostmaster@* k\n* k\n*@example.org k\n",
		}, `
[dkim]
networks = ["127.0.0.1"]
sign = [
  { domain = "example.org", selector = "s", key = "/k.pem" },
]

[[sign.rule]]
who  = ["user:*", "net:127.0.0.1"]
from = ["a@example.org", "*@example.org", "b@*.example.org", "*@*.example.org"]`, []string{
			"DIR/signers:5: postmaster@* is signed by example.org there; a key here signs for its own domain and those below it",
			"DIR/signers:6: * is signed by example.org there; a key here signs for its own domain and those below it",
			"DIR/signers:7: *@example.org matches no address",
		}},
		{
			"database",
			map[string]string{"conf": "Mode s\nKeyTable file:DIR/conf\nSigningTable DSN:mysql://user:secret@db/dkim\n"},
			"",
			[]string{"DIR/conf:3: SigningTable is in a database, a directory or a script, which is not asked; write its content as lines KEY VALUE, and name it as file:PATH"},
		},
		{
			"without a kind",
			map[string]string{"conf": "Mode s\nKeyTable file:DIR/conf\nSigningTable mysql://user:secret@db/dkim\n"},
			"",
			[]string{"DIR/conf:3: SigningTable is in a database, a directory or a script, which is not asked; write its content as lines KEY VALUE, and name it as file:PATH"},
		},
		{"included", map[string]string{
			"conf": "Mode s\nInclude DIR/more\nResignAll yes\nKeyTable RefIle:DIR/keys\nInternalHosts ::1\n",
			"more": "SigningTable REFILE:DIR/signers\n",
			"keys": "a example.org:a:/a.pem\nb example.org:b:/b.pem\n",
			// the first row that matches counts
			"signers": "alice@example.org a\n*@example.org b\n`id`@example.org a\n",
		}, `
[dkim]
networks = ["::1"]
sign = [
  { domain = "example.org", selector = "a", key = "/a.pem" },
]

[[sign.rule]]
who  = ["user:*", "net:::1"]
from = ["alice@example.org", "*@example.org", "` + "`id`" + `@example.org"]`, []string{
			"DIR/conf:3: ResignAll has no counterpart",
			"DIR/signers:2: *@example.org is signed by another key of example.org there (the first row that matches counts); here all keys of a domain sign all its mail",
		}},
		{"domains by pattern", map[string]string{"conf": "Mode s\nDomain *, example.org\nSelector s\nKeyFile /k.pem\n"}, `
[dkim]
networks = ["127.0.0.1"]
sign = [
  { domain = "example.org", selector = "s", key = "/k.pem" },
]

[[sign.rule]]
who  = ["user:*", "net:127.0.0.1"]
from = ["*@example.org"]`, []string{"DIR/conf:2: a pattern of domains has no key of its own; write an entry of dkim.sign for each domain"}},
		{"verifies only", map[string]string{"conf": "Mode v\nDomain example.org\nSelector s\nKeyFile /k.pem\n"}, "[dkim]\nverify = true", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, tt.files)
			rules, err := OpenDKIM(filepath.Join(dir, "conf"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(tt.want), written(t, rules, dir)); diff != "" {
				t.Error(diff)
			}
			var left []string
			for _, l := range rules.Left {
				left = append(left, strings.ReplaceAll(l, dir, "DIR"))
			}
			if diff := cmp.Diff(tt.left, left); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSigningMilter(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"signing":        "Billing@example.org  DIR/b-cert+key.pem\n<info@example.org>\tDIR/i.pem\nexample.org DIR/x.pem\nbob@example.org\n",
		"b-chain.pem":    "",
		"auth":           "billing billing@example.org, info@example.org\nroot  \n",
		"mode":           "*@partner.example opaque\nlist@example.net skip, keep\nnobody skip\n",
		"b-cert+key.pem": "",
	})
	rules, err := SigningMilter(Tables{Signing: filepath.Join(dir, "signing"), Auth: filepath.Join(dir, "auth"), Mode: filepath.Join(dir, "mode")})
	if err != nil {
		t.Fatal(err)
	}
	want := `[sign]
opaque-for = ["*@partner.example"]
plain-for = ["list@example.net"]

[[sign.rule]]
who  = ["user:billing"]
from = ["billing@example.org", "info@example.org"]`
	if diff := cmp.Diff(want, written(t, rules, dir)); diff != "" {
		t.Error(diff)
	}
	wantCommands := []string{
		"dnseal identity import --identities /var/lib/dnseal/identities Billing@example.org DIR/b-cert+key.pem DIR/b-chain.pem",
		"dnseal identity import --identities /var/lib/dnseal/identities info@example.org DIR/i.pem",
	}
	for i, c := range rules.Commands {
		rules.Commands[i] = strings.ReplaceAll(c, dir, "DIR")
	}
	if diff := cmp.Diff(wantCommands, rules.Commands); diff != "" {
		t.Error(diff)
	}
	if len(rules.Left) != 5 {
		t.Errorf("left: %q", rules.Left)
	}
}

// TestCommands: what is printed for a shell is quoted, and a private key in the wrong place is not
// printed.
func TestCommands(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("MIIEpAIBAAKCAQEA", 10)
	dir := folder(t, map[string]string{
		"conf":    "KeyTable DIR/keys\nSigningTable DIR/signers\n",
		"keys":    "a example.org:a:/a.pem\n" + secret + " example.org\n",
		"signers": "`id`@example.org a\nbob@example.org " + secret + "\n" + secret + "* a\n",
	})
	rules, err := OpenDKIM(filepath.Join(dir, "conf"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{makeIdentity + "'`id`@example.org'"}; !cmp.Equal(want, rules.Commands) {
		t.Errorf("%q", rules.Commands)
	}
	var b strings.Builder
	if err := rules.Write(&b); err != nil || strings.Contains(b.String(), secret) {
		t.Errorf("%v: %s", err, b.String())
	}
}

// TestNoTable: a compiled table, a missing file and a file of another program are errors.
func TestNoTable(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"cdb": "\x00\x01\x02\x03alice@example.org/x.pem", "other": "listen 80\n"})
	for _, name := range []string{"cdb", "other", "away"} {
		if r, err := OpenDKIM(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := SigningMilter(Tables{Signing: filepath.Join(dir, "cdb")}); err == nil || !strings.Contains(err.Error(), "cdb:1: ") {
		t.Errorf("got %v", err)
	}
}

func FuzzRows(f *testing.F) {
	for _, seed := range []string{"a b\n", "# x\n\nkey", "a\tb # c\r\n", "\x00", "\xff\n", strings.Repeat("x", 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := parseRows("f", text)
		if err != nil && rows != nil {
			t.Error("rows beside an error")
		}
		for _, r := range rows {
			if r.key == "" || strings.ContainsAny(r.key, " \t\n#") {
				t.Errorf("key %q", r.key)
			}
		}
	})
}
