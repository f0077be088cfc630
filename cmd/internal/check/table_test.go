package check

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest"
	"dnseal/sender"
	"dnseal/sender/identity"
)

// TestTable lists a few identities of a rule, trouble first, and counts the others.
func TestTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 12 {
		_, err := identity.Create(w.Path("keys"), fmt.Sprintf("user%02d@example.org", i), identity.CreateOptions{})
		must(t, err)
	}
	w.Config("[[sign.rule]]\nwho = [\"user:*\"]\nfrom = [\"{user}@example.org\"]\n" + worldtest.OneRelay)
	table := func(opts TableOptions, want error) string {
		var out bytes.Buffer
		if err := Table(t.Context(), &out, w.Path("dnseal.toml"), opts); !errors.Is(err, want) {
			t.Errorf("%v, want %v:\n%s", err, want, &out)
		}
		return out.String()
	}
	out := table(TableOptions{}, cli.ExitNotPass)
	for _, want := range []string{
		"net:127.0.0.1  alice@example.org   alice@example.org   SMIMEA 3 1 1 2bd806c9…._smimecert.example.org.  published\n",
		"           user:user09    user09@example.org  user09@example.org  SMIMEA", "… and 3 more identities (absent: 2, published: 1); --all lists them\n",
		"rules: 2, identities: 13; wrong: 12, undecided: 0\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out = table(TableOptions{All: true}, cli.ExitNotPass); strings.Contains(out, "more identities") || !strings.Contains(out, "user:user11") {
		t.Errorf("--all:\n%s", out)
	}
	must(t, w.DNS.SetBreak(".", lookuptest.Unreachable))
	if out = table(TableOptions{}, cli.ExitTempfail); !strings.Contains(out, "(unknown: 3)") || !strings.Contains(out, "wrong: 0, undecided: 13") {
		t.Errorf("without DNS:\n%s", out)
	}
}

// TestTableWidth: lines are no wider than the terminal, and words of the state stay whole.
func TestTableWidth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := config.Load(w.Config(worldtest.OneRelay))
	must(t, err)
	for _, width := range []int{80, 100, 132} {
		long := strings.Repeat("long-", 9) + "name@example.org"
		tab := &table{config: c, most: 5, width: width, records: map[string]*sender.Record{long: {Name: strings.Repeat("a", 56) + "._smimecert.example.org."}}}
		tab.add([]sender.Use{{Rule: 1, Identity: long, Who: []string{"user:" + long}, From: []string{long}}})
		var out bytes.Buffer
		tab.print(&out)
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d of %d: %s", n, width, line)
			}
		}
		if !strings.HasSuffix(out.String(), "  published\n") {
			t.Errorf("%s", &out)
		}
	}
}

// TestCheckMany counts what is right with many identities.
func TestCheckMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 25 {
		_, err := identity.Create(w.Path("keys"), fmt.Sprintf("user%02d@example.org", i), identity.CreateOptions{})
		must(t, err)
	}
	w.Config(worldtest.OneRelay + "observe = true\n")
	out, status := w.checked(t)
	for _, want := range []string{
		"ok     identities: 1 have a record that matches their key, DNSSEC secure\n",
		"ok     identities: 26 sign a test message, and the signature verifies\n",
		"for the same cause (no record in zone example.org.): 24 more: user01@example.org,",
		"note   identities that no rule uses: 25: user00@example.org, ",
		"note   the relay on unix:" + w.Path("relay") + " only observes",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if status != cli.ExitNotPass {
		t.Errorf("status %d", status)
	}
}

// TestCheckTLSRule: only a relay with clients knows who tls: is.
func TestCheckTLSRule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Config("[[sign.rule]]\nwho = [\"tls:*._device.example.org\"]\nfrom = [\"{label}@alerts.example.org\"]\nidentity = \"alice@example.org\"\n" + worldtest.OneRelay)
	if out, _ := w.checked(t); !strings.Contains(out, "note   rule 2 ("+w.Path("dnseal.toml")+":11): no relay of role submission has clients") {
		t.Errorf("%s", out)
	}
}

// TestCheckNothing: with a file without listeners no daemon starts.
func TestCheckNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, os.WriteFile(w.Path("dnseal.toml"), nil, 0o600))
	if out, status := w.checked(t); status != cli.ExitNotPass || !strings.Contains(out, "there is no [[relay]] and no [[milter]] in it") {
		t.Errorf("status %d:\n%s", status, out)
	}
}

// TestAsShutOut: a submitter whom no listener lets in signs nothing.
func TestAsShutOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Config(worldtest.OneRelay + "deny = [\"192.0.2.0/24\"]\n")
	for as, want := range map[string]string{
		"net:192.0.2.7":          "denies 192.0.2.7",
		"net:198.51.100.1":       "takes no mail from 198.51.100.1 without a login",
		"tls:sensor.example.org": "does not let sensor.example.org log in",
		"user:alice":             "has no users that log in",
		"net:127.0.0.1":          "result     signed\n",
	} {
		var out bytes.Buffer
		err := As(t.Context(), &out, w.Path("dnseal.toml"), Question{As: []string{as}, From: "alice@example.org"})
		if signed := as == "net:127.0.0.1"; !strings.Contains(out.String(), want) || (err == nil) != signed {
			t.Errorf("%s: %v\n%s", as, err, &out)
		}
	}
}
