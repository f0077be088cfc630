package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/demo"
	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest"
	"dnseal/sender/identity"
)

type world struct{ *worldtest.World }

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return &world{worldtest.New(tb)}
}

// checked runs dnseal check on the world's configuration.
func (w *world) checked(t *testing.T) (string, cli.Exit) {
	t.Helper()
	var out bytes.Buffer
	err := Run(t.Context(), &out, w.Path("dnseal.toml"), Options{})
	if err == nil {
		return out.String(), cli.ExitOK
	}
	if status, ok := errors.AsType[cli.Exit](err); ok {
		return out.String(), status
	}
	return err.Error(), cli.ExitUsage
}

func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Config(worldtest.OneRelay + `
[[milter]]
role = "sign"
listen = "unix:/run/dnseal/sign.sock"
[[milter]]
role = "verify"
listen = "inet:8891@localhost"
[[milter]]
role = "verify"
listen = "inet:8892@localhost"
`)
	out, status := w.checked(t)
	if status != cli.ExitOK {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{
		"ok     identity alice@example.org: SMIMEA 3 1 1 at 2bd806c9",
		"ok     identity alice@example.org: signs a test message, and the signature verifies",
		"next hop unix:" + w.Path("mailbox") + " answers, without TLS",
		"  -o smtpd_milters={unix:/run/dnseal/sign.sock,default_action=tempfail}",
		"smtpd_milters = {inet:localhost:8891,default_action=accept},{inet:localhost:8892,default_action=accept}",
		"INPUT_MAIL_FILTER(`dnseal-verify', `S=inet:8891@localhost, T=S:4m;R:4m')dnl",
		"INPUT_MAIL_FILTER(`dnseal-verify-2', `S=inet:8892@localhost, T=S:4m;R:4m')dnl",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not print %q:\n%s", want, out)
		}
	}
}

// TestCheckOutput: output that cannot be written is an error, whatever was found.
func TestCheckOutput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Config(worldtest.OneRelay)
	r, full := io.Pipe()
	must(t, r.CloseWithError(errors.ErrUnsupported))
	if err := Run(t.Context(), full, w.Path("dnseal.toml"), Options{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// TestCheckFinds shows it what is wrong.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, config string
		change       func(*world)
		status       cli.Exit
		want         string
	}{
		{"no record", worldtest.OneRelay, func(w *world) {
			must(w.T, w.DNS.Replace([]lookuptest.Zone{{Text: "www.example.org. 300 IN A 192.0.2.1\n", Origin: "example.org."}}))
		}, 1, "dnseal.toml:2: identity alice@example.org has no record: there is no SMIMEA at 2bd806c9"},
		{"another key", worldtest.OneRelay, func(w *world) {
			must(w.T, os.RemoveAll(w.Path("keys")))
			_, err := identity.Create(w.Path("keys"), "alice@example.org", identity.CreateOptions{})
			must(w.T, err)
		}, 1, "dnseal.toml:2: identity alice@example.org: no record at 2bd806c9"},
		{"bogus", worldtest.OneRelay, func(w *world) { must(w.T, w.DNS.SetBreak("example.org.", lookuptest.WrongSignature)) }, 1, "is bogus"},
		{"unsigned zone", worldtest.OneRelay, func(w *world) {
			must(w.T, w.DNS.Replace([]lookuptest.Zone{{Text: "www.example.org. 300 IN A 192.0.2.1\n", Origin: "example.org.", Unsigned: true}}))
		}, 1, "is not signed"},
		{"no resolver", worldtest.OneRelay, func(w *world) { must(w.T, w.DNS.SetBreak(".", lookuptest.Unreachable)) }, 3, "dnseal.toml:2: identity alice@example.org: SMIMEA"},
		{"next hop away", strings.Replace(worldtest.OneRelay, "DIR/mailbox", "DIR/nobody", 1), nil, 1, "dnseal.toml:15: relay unix:"},
		{"next hop without TLS", "", func(w *world) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(w.T, err)
			far := demo.ServeMailbox(l)
			w.Config(strings.Replace(worldtest.OneRelay, "unix:DIR/mailbox", far.Addr(), 1) + "next-hop-tls = \"verify\"\n")
		}, 1, "does not offer STARTTLS"},
		{"open relay behind", `
[[relay]]
role = "inbound"
listen = "unix:DIR/relay"
recipients = ["example.org"]
next-hop = ["unix:DIR/mailbox"]
`, nil, 1, "accepts mail of unknown clients for other domains (250"},
		{"certificate of nobody", worldtest.OneRelay + "tls = \"starttls\"\ncertificate = \"DIR/keys/alice@example.org/cert.pem\"\nkey = \"DIR/keys/alice@example.org/key.pem\"\n", nil, 1, "clients cannot verify that it is relay.example.org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Config(tt.config)
			if tt.change != nil {
				tt.change(w)
			}
			out, status := w.checked(t)
			if status != tt.status || !strings.Contains(out, tt.want) {
				t.Errorf("status %d, want %d with %q:\n%s", status, tt.status, tt.want, out)
			}
		})
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// TestCheckServer judges a relay's own certificate by the TLSA record of its port.
func TestCheckServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, err := identity.Create(filepath.Join(w.Dir, "server"), "relay.example.org", identity.CreateOptions{})
	must(t, err)
	record, err := server.Record(3, 1, 1)
	must(t, err)
	line, err := identity.FormatRecord("_2525._tcp.relay.example.org.", 52, record, 300e9, "zone")
	must(t, err)
	relay := strings.Replace(worldtest.OneRelay, "unix:DIR/relay", "127.0.0.1:2525", 1) +
		"tls = \"starttls\"\ncertificate = \"DIR/server/relay.example.org/cert.pem\"\nkey = \"DIR/server/relay.example.org/key.pem\"\n"
	w.Config(relay)
	zone := func(records string) []lookuptest.Zone {
		return []lookuptest.Zone{{Text: records + "\n", Origin: "example.org."}}
	}
	must(t, w.DNS.Replace(zone(line)))
	if out, _ := w.checked(t); !strings.Contains(out, "a TLSA record at _2525._tcp.relay.example.org. matches its certificate, DNSSEC secure") || strings.Contains(out, "clients cannot verify") {
		t.Errorf("with its record:\n%s", out)
	}
	must(t, w.DNS.Replace(zone("www.example.org. 300 IN A 192.0.2.1")))
	if out, _ := w.checked(t); !strings.Contains(out, "; publish: "+line[:28]) || !strings.Contains(out, ", or get a certificate for that name") {
		t.Errorf("without a record:\n%s", out)
	}
	must(t, w.DNS.Replace(zone("_2525._tcp.relay.example.org. 300 IN TLSA 3 1 1 "+strings.Repeat("00", 32))))
	if out, status := w.checked(t); status != cli.ExitNotPass || !strings.Contains(out, "no TLSA record at _2525._tcp.relay.example.org. matches the certificate") || !strings.Contains(out, "publish: "+line[:28]) {
		t.Errorf("with another record: status %d\n%s", status, out)
	}
}

// TestCheckAnotherName finds the certificate of an alias in the folder of an identity.
func TestCheckAnotherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := identity.Create(w.Path("other"), "someone@example.org", identity.CreateOptions{})
	must(t, err)
	must(t, os.RemoveAll(w.Path("keys/alice@example.org")))
	must(t, os.Rename(w.Path("other/someone@example.org"), w.Path("keys/alice@example.org")))
	w.Config(worldtest.OneRelay)
	out, status := w.checked(t)
	if want := "dnseal.toml:2: identity alice@example.org: its certificate is for someone@example.org, and"; status != cli.ExitNotPass || !strings.Contains(out, want) {
		t.Errorf("status %d, want %q:\n%s", status, want, out)
	}
}

// TestCheckBareKey has an identity without a certificate: only a record with the key itself serves.
func TestCheckBareKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, os.Remove(w.Path("keys/alice@example.org/cert.pem")))
	id, err := identity.Load(w.Path("keys"), "alice@example.org")
	must(t, err)
	owner, typ, err := id.OwnerName()
	must(t, err)
	w.Config(worldtest.OneRelay)
	for matching, want := range map[uint8]string{
		0: "SMIMEA 3 1 0 at " + owner + " matches its key, DNSSEC secure",
		1: "dnseal.toml:2: identity alice@example.org has no certificate, and the record at " + owner + " is only a digest of its key",
	} {
		record, err := id.Record(3, 1, matching)
		must(t, err)
		line, err := identity.FormatRecord(owner, typ, record, time.Minute, "zone")
		must(t, err)
		must(t, w.DNS.Replace([]lookuptest.Zone{{Text: line + "\n", Origin: "example.org."}}))
		out, status := w.checked(t)
		if ok := matching == 0; (status == cli.ExitOK) != ok || !strings.Contains(out, want) || !strings.Contains(out, "signs a test message, and the signature verifies") {
			t.Errorf("3 1 %d: status %d, want %q:\n%s", matching, status, want, out)
		}
	}
}

// TestCheckCounts wants one line about a cause that many identities share, and the sums.
func TestCheckCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 12 {
		_, err := identity.Create(w.Path("keys"), fmt.Sprintf("user%02d@example.org", i), identity.CreateOptions{})
		must(t, err)
	}
	must(t, w.DNS.Replace([]lookuptest.Zone{{Text: "www.example.org. 300 IN A 192.0.2.1\n", Origin: "example.org.", Unsigned: true}}))
	w.Config(worldtest.OneRelay)
	out, status := w.checked(t)
	for _, want := range []string{
		"dnseal.toml:2: for the same cause (unsigned zone example.org.): 12 more: user00@example.org, user01@example.org, ",
		" and 7 more\n",
		" right, 13 wrong, 0 undecided\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "is not signed"); status != cli.ExitNotPass || n != 1 {
		t.Errorf("status %d, the cause is told %d times:\n%s", status, n, out)
	}
}
