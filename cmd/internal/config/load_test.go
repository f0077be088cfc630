package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// TestMistakes reads testdata/mistakes: every line that ends in "# WRONG: text" must be told with
// text, and no other.
func TestMistakes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/mistakes/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, n := parse(string(text), file)
		told := map[int][]string{}
		for _, m := range n.found {
			told[m.Line] = append(told[m.Line], m.Text)
		}
		line := 0
		for s := range strings.Lines(string(text)) {
			line++
			_, want, wrong := strings.Cut(strings.TrimSpace(s), "# WRONG: ")
			got := told[line]
			delete(told, line)
			if wrong && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("%s:%d: told %q, want %q", file, line, got, want)
			}
			if !wrong && len(got) > 0 {
				t.Errorf("%s:%d: told %q of a line that is right", file, line, got)
			}
		}
		for line, texts := range told {
			t.Errorf("%s:%d: told %q of no line", file, line, texts)
		}
	}
}

func TestSyntax(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[dns]\nmode = validate\n":                "f:2: dns.mode: expected value but found \"validate\" instead; write strings in quotes",
		"identities = 5\n":                        "f:1: identities: the value must be a string in quotes, not a number",
		"[[relay]]\nrole = [\"a\"]\n":             "f:2: relay.role: the value must be a string in quotes, not an array",
		"[dns]\ntimeout = \"soon\"\n":             "f:2: dns.timeout: \"soon\" is no time; write a number with its unit in quotes, such as \"90s\" or \"5m\"",
		"[verify]\ntimeout = 15\n":                "f:2: verify.timeout: \"15\" is no time",
		"[dns]\ntimeout = \"-1s\"\n":              "f:2: dns.timeout: \"-1s\" is no time",
		"a = 1\na = 2\n":                          "f:2: a occurs twice; put all of it in one place",
		"[relay]\nrole = \"inbound\"\n[relay]\n":  "f:3: relay occurs twice; write [[relay]] for each",
		"[on]\nbad-signature = { a = \"b\" }\n":   "f:2: on.bad-signature: the value must be a string in quotes, not a table",
		"[milter]\nrole = \"sign\"\n":             "f:1: milter: there can be several of it; write [[milter]]",
		"[[milter]\nrole = \"sign\"\n":            "f:1: expected end of table array name delimiter ']', but got the end of the line instead",
		"# a\n[milter\nrole = \"sign\"\n":         "f:2: expected '.' or ']' to end table name, but got the end of the line instead",
		"[[milter]]\nrole\n":                      "f:2: milter: expected '.' or '=', but got the end of the line instead",
		"milter = [{role = \"sign\"},\n{x = 1}]":  "f:1: unknown key \"milter.x\"",
		"identities = \"\"\"x\"\"\"\"\nx = 1\n":   "f:2: unknown key \"x\"",
		"[[dns]]\nmode = \"both\"\n":              "f:1: dns: there is only one of it; write [dns]",
		"[verify]\nmax-bytes = \"10 MB\"\n":       "f:2: verify.max-bytes: \"10 MB\": it is no size; write a number of bytes, or a number with its unit: \"512K\", \"50MB\", \"1GiB\"",
		"[verify]\nmax-bytes = \"-1M\"\n":         "f:2: verify.max-bytes: \"-1M\": it is no size",
		"[verify]\nmax-bytes = \"9999999999G\"\n": "f:2: verify.max-bytes: \"9999999999G\": it is too large a size",
		"[[milter]]\nsocket-mode = 0660\n":        "f:2: milter.socket-mode: Invalid integer \"0660\": cannot have leading zeroes; write it in quotes, as \"0660\"",
		"[verify]\nmax-bytes = 50MB\n":            "f:2: verify: expected a top-level item to end with a newline, comment, or EOF, but got 'M' instead; write what is no plain number in quotes, as \"50MB\"",
		"hostname: mx.example.org\n":              "f:1: expected '.' or '=', but got ':' instead; write key = value",
		"hostname = \"mx\n":                       "f:1: hostname: strings cannot contain newlines; is the closing quote missing?",
		"[verify]\nmax-bytes = 1.5\n":             "f:2: verify.max-bytes: the value must be a size: a number of bytes, or one with its unit in quotes, such as \"50MB\"",
		"[dns.limits]\nleaf-size = \"16KK\"\n":    "f:2: dns.limits.leaf-size: \"16KK\": it is no size",
	} {
		_, n := parse(text, "f")
		if err := n.err(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("parse(%q): %v, want %q first", text, err, want)
		}
	}
}

// write writes a configuration, with DIR replaced by its folder, and returns its name.
func write(t *testing.T, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, "dnseal.toml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFiles makes the mistakes of administrators with files.
func TestFiles(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"no directory", `identities = "DIR/nowhere"`, `:1: there is no directory DIR/nowhere: file does not exist; make the first identity there: dnseal identity new NAME --identities DIR/nowhere`},
		{"key readable by others", `identities = "DIR/open"`, `:1: key of bob@example.org: DIR/open/bob@example.org/key.pem can be read by others (mode 0644); chmod 600 DIR/open/bob@example.org/key.pem`},
		{"no identity", "identities = \"DIR/keys\"\n[[sign.rule]]\nwho = [\"user:x\"]\nfrom = [\"carol@example.org\"]", `:4: there is no identity carol@example.org in DIR/keys; make it with: dnseal identity new carol@example.org --identities DIR/keys`},
		{"a star for recipients", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\", \"mail*.example.org\"]\nnext-hop = [\"b:25\"]", `:4: recipients: "mail*.example.org" matches no domain; a star matches the labels`},
		{"no such next-hop identity", "identities = \"DIR/keys\"\n[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\nnext-hop-identity = \"x._device.example.org\"", `:7: there is no identity x._device.example.org`},
		{"no anchor", "[dns]\ntrust-anchor = \"DIR/nowhere\"", `:2: trust anchor file DIR/nowhere does not exist`},
		{"bad anchor", "[dns]\ntrust-anchor = \"DIR/dnseal.toml\"", `:2: `},
		{"roots of stamps without stamps", "[evidence]\ntimestamp-roots = \"DIR/x\"", `:2: timestamp-roots needs timestamp`},
		{"stamps of nothing", "[evidence]\ntimestamp = \"http://tsa.example/\"", `:2: timestamp needs dir`},
		{"stamps by FTP", "[evidence]\ndir = \"DIR\"\ntimestamp = \"ftp://tsa.example/\"", `:3: the service ftp://tsa.example/: it must be http`},
		{"no roots of stamps", "[evidence]\ndir = \"DIR\"\ntimestamp = \"http://tsa.example/\"\ntimestamp-roots = \"DIR/nowhere\"", `:4: the file of roots DIR/nowhere does not exist`},
		{"no roots", `pkix-roots = "DIR/nowhere"`, `:1: the file of roots DIR/nowhere does not exist`},
		{"roots without certificate", `pkix-roots = "DIR/dnseal.toml"`, `:1: DIR/dnseal.toml holds no certificate in PEM form`},
		{"no certificate", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\ntls = \"starttls\"\ncertificate = \"DIR/none.pem\"\nkey = \"DIR/dnseal.toml\"", `:7: the file DIR/none.pem does not exist`},
		{"no server key", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\ntls = \"starttls\"\ncertificate = \"DIR/dnseal.toml\"\nkey = \"DIR/none.key\"", `:8: the file DIR/none.key does not exist; name the PEM file with the server's key`},
		{"another server key", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\ntls = \"starttls\"\ncertificate = \"DIR/keys/alice@example.org/cert.pem\"\nkey = \"DIR/open/bob@example.org/key.pem\"", `:7: certificate DIR/keys/alice@example.org/cert.pem with key`},
		{"open server key", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\ntls = \"starttls\"\ncertificate = \"DIR/open/bob@example.org/cert.pem\"\nkey = \"DIR/open/bob@example.org/key.pem\"", `:8: the key DIR/open/bob@example.org/key.pem can be read by others (mode 0644); chmod 600`},
		{"no TSIG key", "[publish]\ntsig-key = \"DIR/nowhere\"", `:2: the file DIR/nowhere does not exist; make a key with: tsig-keygen -a hmac-sha256 NAME, and give it to the server too`},
		{"bad TSIG key", "[publish]\ntsig-key = \"DIR/dnseal.toml\"", `:2: no usable TSIG key: DIR/dnseal.toml: it holds no key; write: key "name" {`},
		{"no password", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\nnext-hop-user = \"x\"\nnext-hop-password-file = \"DIR/none\"", `:7: the file DIR/none does not exist; write the password into it, and chmod 600 DIR/none`},
		{"open password", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\nnext-hop-user = \"x\"\nnext-hop-password-file = \"DIR/open/bob@example.org/key.pem\"", `:7: the file DIR/open/bob@example.org/key.pem can be read or changed by others (mode 0644); chmod 600`},
		{"password in a folder", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\nnext-hop-user = \"x\"\nnext-hop-password-file = \"DIR/keys\"", `:7: DIR/keys is no regular file`},
		{"empty password", "[[relay]]\nrole = \"inbound\"\nlisten = \":25\"\nrecipients = [\"a.example\"]\nnext-hop = [\"b:25\"]\nnext-hop-user = \"x\"\nnext-hop-password-file = \"DIR/empty\"", `:7: the first line of DIR/empty is no password`},
		{"no group", "[[milter]]\nrole = \"verify\"\nlisten = \"unix:/x\"\nsocket-group = \"no such group\"", `:4: there is no group "no such group" here`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			makeIdentity(t, filepath.Join(dir, "keys"), "alice@example.org")
			makeIdentity(t, filepath.Join(dir, "open"), "bob@example.org")
			if err := os.Chmod(filepath.Join(dir, "open", "bob@example.org", "key.pem"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "empty"), []byte("\nsesame\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			file := write(t, dir, tt.text)
			_, err := Load(file)
			want := file + strings.ReplaceAll(tt.want, "DIR", dir)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("Load: %v\nwant %s", err, want)
			}
			var ms Mistakes
			if !errors.As(err, &ms) || len(ms) != 1 {
				t.Errorf("%d mistakes, want 1", len(ms))
			}
		})
	}
	if _, err := Load("nowhere.toml"); err == nil || err.Error() != "configuration file nowhere.toml does not exist; write it (dnseal.toml(5)), or name another with --config" {
		t.Errorf("Load(nowhere.toml): %v", err)
	}
}

func makeIdentity(t *testing.T, dir, name string) {
	t.Helper()
	if _, err := identity.Create(dir, name, identity.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

const wholeConfiguration = `
identities = "DIR/keys"
authserv-id = "mx.example.org"
hostname = "relay.example.org"
[dns]
resolvers = ["127.0.0.1:53"]
timeout = "2s"
lookups = 10
domain-lookups = 3
max-ttl = "5m"
resolver-pause = "1s"
limits = { queries = 7, leaf-size = "9K", rsa-bits-min = 2048, rsa-bits-max = 3072 }
[sign]
form = "opaque"
header-protection = false
check-record = false
[verify]
max-bytes = 2000
timeout = "3s"
[[sign.rule]]
who = ["net:192.0.2.0/24", "user:alice", "net:127.0.0.1"]
from = ["alice@example.org"]
[on]
no-rule = "reject"
bad-signature = "reject"
malformed = "defer"
too-big = "mark"
internal-error = "reject"
[[domain]]
names = ["example.org"]
require = "signature"
on = { no-signature = "defer" }
[[relay]]
role = "submission"
listen = ":2525"
tls = "starttls"
certificate = "DIR/keys/relay.example.org/cert.pem"
key = "DIR/keys/relay.example.org/key.pem"
next-hop = ["127.0.0.1:10025"]
next-hop-tls = "dane"
next-hop-identity = "relay.example.org"
max-bytes = 1000
max-in-flight = "3MB"
[relay.timeouts]
command = "1s"
read = "2s"
data = "3s"
login = "4s"
handle = "5s"
answer = "6s"
hop-connect = "7s"
hop-command = "8s"
hop-final = "9s"
hop-idle = "10s"
[[milter]]
role = "verify"
listen = "inet:8891@localhost"
timeout = "1m"
max-header-bytes = "4K"
`

func loadWhole(t *testing.T) *Config {
	t.Helper()
	dir := t.TempDir()
	makeIdentity(t, filepath.Join(dir, "keys"), "alice@example.org")
	makeIdentity(t, filepath.Join(dir, "keys"), "relay.example.org")
	c, err := Load(write(t, dir, wholeConfiguration))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sameFields compares, name by name, what was made of a configuration (first) with what is wanted.
func sameFields(t *testing.T, pairs map[string][2]any) {
	t.Helper()
	for name, pair := range pairs {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestConvertSigning(t *testing.T) {
	t.Parallel()
	c := loadWhole(t)
	s := c.SenderOptions(nil)
	sameFields(t, map[string][2]any{
		"actions":            {s.On, map[sender.Class]message.Action{"no-rule": message.Reject, "malformed": message.Defer, "internal-error": message.Reject}},
		"Opaque":             {s.Opaque, true},
		"NoHeaderProtection": {s.NoHeaderProtection, true},
		"no lookup":          {s.Lookup == nil, true},
		"rules":              {len(s.Rules), 1},
		"limits":             {s.Limits, dnssec.Limits{Queries: 7, LeafSize: 9 << 10, RSAMin: 2048, RSAMax: 3072}},
		"identities":         {c.IdentityNames(), []string{"alice@example.org", "relay.example.org"}},
	})
}

func TestConvertLookup(t *testing.T) {
	t.Parallel()
	l := loadWhole(t).LookupOptions()
	sameFields(t, map[string][2]any{
		"Resolvers": {l.Resolvers, []string{"127.0.0.1:53"}},
		"Timeout":   {l.Timeout, 2 * time.Second},
		"Limits":    {l.Limits, lookup.Limits{Lookups: 10, DomainLookups: 3, Positive: 5 * time.Minute, FirstPause: time.Second}},
	})
}

func TestConvertVerifying(t *testing.T) {
	t.Parallel()
	r := loadWhole(t).ReceiverOptions(nil, Verifying{Observe: true, RestoreHeader: true})
	sameFields(t, map[string][2]any{
		"On":            {r.On, map[receiver.Class]message.Action{"bad-signature": message.Reject, "malformed": message.Defer, "too-big": message.Accept, "internal-error": message.Reject}},
		"AuthservID":    {r.AuthservID, "mx.example.org"},
		"Observe":       {r.Observe, true},
		"RestoreHeader": {r.RestoreHeader, true},
		"MaxBytes":      {r.MaxBytes, int64(2000)},
		"Timeout":       {r.Timeout, 3 * time.Second},
	})
	if len(r.Domains) != 1 || r.Domains[0].On["no-signature"] != message.Defer {
		t.Errorf("domains: %+v", r.Domains)
	}
}

func TestConvertRelay(t *testing.T) {
	t.Parallel()
	c := loadWhole(t)
	o := c.RelayOptions(&c.Relays[0], Wiring{})
	sameFields(t, map[string][2]any{
		"Trusted":     {fmt.Sprint(o.Trusted), "[192.0.2.0/24 127.0.0.1/32]"},
		"Inbound":     {o.Inbound, false},
		"TLS":         {o.TLS != nil, true},
		"Hop.TLS":     {o.Hop.TLS != nil, true},
		"Hop.Policy":  {o.Hop.Policy, nexthop.TLSDANE},
		"MaxBytes":    {o.Limits.MaxBytes, int64(1000)},
		"MaxInFlight": {o.Limits.MaxInFlight, int64(3 << 20)},
		"command":     {o.Limits.CommandTimeout, 1 * time.Second},
		"read":        {o.Limits.ReadTimeout, 2 * time.Second},
		"data":        {o.Limits.DataTimeout, 3 * time.Second},
		"login":       {o.Auth.LookupTimeout, 4 * time.Second},
		"handle":      {o.Limits.HandleTimeout, 5 * time.Second},
		"answer":      {o.Limits.AnswerTimeout, 6 * time.Second},
		"hop-connect": {o.Hop.DialTimeout, 7 * time.Second},
		"hop-command": {o.Hop.CommandTimeout, 8 * time.Second},
		"hop-final":   {o.Hop.FinalTimeout, 9 * time.Second},
		"hop-idle":    {o.Hop.IdleTimeout, 10 * time.Second},
	})
}

func TestConvertMilter(t *testing.T) {
	t.Parallel()
	c := loadWhole(t)
	m := c.MilterOptions(&c.Milters[0], Wiring{})
	sameFields(t, map[string][2]any{
		"Timeout":        {m.Timeout, time.Minute},
		"MaxHeaderBytes": {m.MaxHeaderBytes, 4 << 10},
	})
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := knownKeys()
	for key, want := range map[string]string{
		"relay.listn": "relay.listen", "authservid": "authserv-id", "sign.rules": "sign.rule", "x": "",
		"on.dnserror": "on.dns-error", "domain.on.bogos": "domain.on.bogus", "listen": "metrics.listen", "entirely-different": "",
	} {
		if got := nearest(key, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", key, got, want)
		}
	}
}
