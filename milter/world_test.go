//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// chain is two Postfix hops, each with dnseal and OpenDKIM, and the sink behind them.
type chain struct {
	in  string
	out *sink
}

// startChain signs with dnseal and then OpenDKIM, and verifies with both in the order asked for.
func startChain(t *testing.T, o *office, dkimFirst bool, form sender.Options, words ...string) *chain {
	t.Helper()
	sign, verify := dkimKey(t)
	c := &chain{out: newSink(t, words...)}
	verifiers := []string{serveHandler(t, o.verifier(receiver.Options{})), startOpenDKIM(t, verify)}
	if dkimFirst {
		verifiers[0], verifiers[1] = verifiers[1], verifiers[0]
	}
	second := startPostfix(t, c.out.addr, verifiers)
	first := startPostfix(t, second.addr, []string{serveHandler(t, o.signer(form)), startOpenDKIM(t, sign)})
	c.in = first.addr
	return c
}

// TestWorld sends mail of every kind through Postfix and OpenDKIM, in both
// orders of the verifiers: each message arrives with dkim=pass and smime=pass,
// and openssl accepts it.
func TestWorld(t *testing.T) {
	t.Parallel()
	openssl := peertest.Program(t, "openssl")
	for _, setup := range []struct {
		name      string
		dkimFirst bool
		opaque    bool
		words     []string
	}{
		{"dkim first", true, false, []string{"8BITMIME"}},
		{"dnseal first", false, false, nil},
		{"opaque", false, true, nil},
	} {
		t.Run(setup.name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t)
			c := startChain(t, o, setup.dkimFirst, sender.Options{Opaque: setup.opaque}, setup.words...)
			for _, kind := range kinds() {
				reply, err := submit(c.in, author, []string{recipient}, kind.raw())
				if err != nil || !strings.HasPrefix(reply, "250 ") {
					t.Errorf("%s: the first hop answers %q, %v", kind.name, reply, err)
					continue
				}
				got := c.out.next(t).raw
				arrived(t, o, openssl, kind.name, got)
			}
		})
	}
}

func arrived(t *testing.T, o *office, openssl, name, raw string) {
	t.Helper()
	for id, want := range map[string]string{ourID: ourID + "; smime=pass ", dkimID: dkimID + "; dkim=pass "} {
		if got := results(t, raw, id); len(got) != 1 || !strings.HasPrefix(strings.ReplaceAll(got[0], "\t", " "), want) {
			t.Errorf("%s: results %q, want one %q", name, got, want)
		}
	}
	file := filepath.Join(t.TempDir(), "eml")
	if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), openssl, "cms", "-verify", "-noverify", "-in", file, "-out", os.DevNull).CombinedOutput(); err != nil {
		t.Errorf("%s: openssl: %v\n%s", name, err, out)
	}
	m, err := message.Read(strings.NewReader(raw), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	report, err := o.verifier(receiver.Options{}).Verify(t.Context(), m)
	if err != nil || report.Verdict != receiver.Pass {
		t.Errorf("%s: at its end %v %s, %v", name, report.Verdict, report.Reason, err)
	}
	if t.Failed() {
		t.Logf("%s arrived as\n%s", name, raw)
		t.FailNow()
	}
}
