package check

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dkim"
	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest"
)

// TestCheckDKIM shows it keys whose records are in every state.
func TestCheckDKIM(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	toml, lines := worldtest.OneRelay+"[dkim]\nsign = [\n", map[string]string{}
	add := func(selector string) {
		toml += fmt.Sprintf("{ domain = \"example.com\", selector = %q, key = %q },\n", selector, dkim.File(w.Path("dkim"), "example.com", selector))
	}
	for _, selector := range []string{"good", "none", "none2", "none3", "other", "gone", "test", "two"} {
		key, err := dkim.Make(w.Path("dkim"), "example.com", selector, dkim.Ed25519)
		must(t, err)
		lines[selector] = key.ZoneLine(60)
		add(selector)
	}
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	weak := dkim.Key{Domain: "example.com", Selector: "weak", Private: private}
	w.Write("dkim/example.com.weak.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})))
	add("weak")
	w.Config(toml + "]\n")
	zone := strings.Join([]string{
		lines["good"], weak.ZoneLine(60), strings.Replace(lines["good"], "good", "other", 1),
		`gone._domainkey.example.com. 60 IN TXT "v=DKIM1; k=ed25519; p="`,
		strings.Replace(lines["test"], "k=", "t=y; k=", 1), lines["two"], strings.Replace(lines["good"], "good", "two", 1),
	}, "\n") + "\n"
	for _, tt := range []struct {
		name     string
		unsigned bool
		broken   lookuptest.Break
		status   cli.Exit
		want     []string
	}{
		{"signed", false, "", cli.ExitNotPass, []string{
			"DKIM keys: 9,",
			"ok     DKIM key good._domainkey.example.com: published, secure\n",
			"WRONG  " + w.Path("dnseal.toml") + ":17: DKIM key none._domainkey.example.com: there is no key at none._domainkey.example.com; publish it with: dnseal dkim publish",
			":17: for the same cause (DKIM key missing in zone example.com.): 2 more: none2._domainkey.example.com, none3._domainkey.example.com\n",
			":17: DKIM key other._domainkey.example.com: the record has another key than the file; ",
			":17: DKIM key gone._domainkey.example.com: the record says that the key is withdrawn",
			"note   DKIM key test._domainkey.example.com: published, secure, as a test (t=y)",
			":17: DKIM key two._domainkey.example.com: 2 keys are at",
			"ok     DKIM key weak._domainkey.example.com: published, secure\n",
			"note   DKIM key weak._domainkey.example.com: RSA of 1024 bits, which some verifiers refuse; ",
			", 6 wrong, 0 undecided",
		}},
		{"unsigned", true, "", cli.ExitNotPass, []string{"ok     DKIM key good._domainkey.example.com: published, insecure\n", ", 6 wrong,"}},
		{"bogus", false, lookuptest.WrongSignature, cli.ExitNotPass, []string{":17: DKIM key good._domainkey.example.com: the answer is bogus: ", ":17: for the same cause (DKIM key bogus in zone example.com.): 8 more: ", ", 9 wrong,"}},
		{"unknown", false, lookuptest.Unreachable, cli.ExitTempfail, []string{"?      " + w.Path("dnseal.toml") + ":17: DKIM key good._domainkey.example.com: indeterminate, not known: ", "8 more: none._domainkey.example.com, ", "0 wrong, 9 undecided"}},
	} {
		must(t, w.DNS.Replace([]lookuptest.Zone{{Text: w.Record + "\n", Origin: "example.org."}, {Text: zone, Origin: "example.com.", Unsigned: tt.unsigned}}))
		if tt.broken != "" {
			must(t, w.DNS.SetBreak("example.com.", tt.broken))
		}
		out, status := w.checked(t)
		if status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, status, tt.status)
		}
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", tt.name, want, out)
			}
		}
	}
}

// TestCheckDKIMUnused: keys that nobody signs with are told, and by its line a missing file.
func TestCheckDKIMUnused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const inbound = "\n[[relay]]\nrole = \"inbound\"\nlisten = \"unix:DIR/relay\"\nrecipients = [\"example.org\"]\nnext-hop = [\"unix:DIR/mailbox\"]\n"
	key, err := dkim.Make(w.Path("dkim"), "example.org", "s", dkim.Ed25519)
	must(t, err)
	entry := fmt.Sprintf("[dkim]\nsign = [{ domain = \"example.org\", selector = \"s\", key = %q }]\n", dkim.File(w.Path("dkim"), "example.org", "s"))
	must(t, w.DNS.Replace([]lookuptest.Zone{{Text: w.Record + "\n" + key.ZoneLine(60) + "\n", Origin: "example.org."}}))
	w.Config(inbound + entry)
	if out, _ := w.checked(t); !strings.Contains(out, "note   [dkim] has keys, and no relay of role submission and no milter of role sign is here") {
		t.Errorf("keys that nobody uses:\n%s", out)
	}
	w.Config(worldtest.OneRelay + strings.Replace(entry, ".s.pem", ".t.pem", 1))
	if out, status := w.checked(t); status != cli.ExitUsage || !strings.Contains(out, "dnseal.toml:17: the file "+w.Path("dkim/example.org.t.pem")+" does not exist; make a key with: dnseal dkim new") {
		t.Errorf("a file that is not there: status %d\n%s", status, out)
	}
}
