package ca_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/smime"
	"dnseal/smime/message"
)

// made is when the CA was made, for 100 days; alice's certificate is for 50.
var made = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// published answers with one record, and with proven absence for all else.
type published struct {
	owner   string
	typ     dane.Type
	records []dane.Record
}

func (p published) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	res := &lookup.Result{Name: name, Type: t, Status: dnssec.Secure, Presence: dane.Absent}
	if name == p.owner && t == p.typ {
		res.Presence, res.Records, res.TTL = dane.Present, p.records, time.Minute
	}
	return res
}

func (p published) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return p.Lookup(ctx, name, t)
}

// world is the CA of example.org, and alice with a certificate of it.
type world struct {
	dir   string
	ca    *ca.Authority
	alice *identity.Identity
}

func newWorld(t *testing.T, opts ca.Options) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	opts.Now, opts.Days = made, 100
	var err error
	if w.ca, err = ca.New(w.dir, "example.org", opts); err != nil {
		t.Fatal(err)
	}
	if _, err = identity.Create(w.dir, "alice@example.org", identity.CreateOptions{Now: made}); err != nil {
		t.Fatal(err)
	}
	if _, err = w.ca.SignIdentity(t.Context(), w.dir, "alice@example.org", ca.IssueOptions{Now: made, Days: 50}); err != nil {
		t.Fatal(err)
	}
	if w.alice, err = identity.Load(w.dir, "alice@example.org"); err != nil {
		t.Fatal(err)
	}
	return w
}

// sign signs a message From an address.
func sign(t *testing.T, id *identity.Identity, from string, at time.Time) string {
	t.Helper()
	text := "From: " + from + "\r\nTo: bob@example.net\r\nSubject: Chairs\r\nDate: " + at.Format(time.RFC1123Z) + "\r\nMessage-ID: <1@example.org>\r\n\r\nThree.\r\n"
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	edit, err := sender.SignMessage(t.Context(), m, []*identity.Identity{id}, smime.SignOptions{Time: at})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = edit.Close() }()
	var signed strings.Builder
	if _, err = m.WriteEdited(&signed, edit); err != nil {
		t.Fatal(err)
	}
	return signed.String()
}

// judge verifies a message at a time.
func judge(t *testing.T, dns lookup.Resolver, text string, at time.Time) *receiver.Report {
	t.Helper()
	r, err := receiver.New(receiver.Options{Lookup: dns, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	report, err := r.Verify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (w *world) publish(t *testing.T, owner string, typ dane.Type, selector, matching uint8) published {
	t.Helper()
	r, err := w.ca.Record(selector, matching)
	if err != nil {
		t.Fatal(err)
	}
	return published{owner, typ, []dane.Record{r}}
}

// TestVerdicts: every form of record, at alice's name and at _user; the certificate of the CA, a
// trust anchor that signed itself, is in the message.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ca.Options{})
	owner, typ, err := w.alice.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	text := sign(t, w.alice, "alice@example.org", made)
	for selector := range uint8(2) {
		for matching := range uint8(3) {
			for _, dns := range []published{w.publish(t, owner, typ, selector, matching), w.publish(t, "_user.example.org.", dane.TLSA, selector, matching)} {
				if r := judge(t, dns, text, made.Add(time.Minute)); r.Verdict != receiver.Pass {
					t.Errorf("2 %d %d at %s: %s, %s", selector, matching, dns.owner, r.Verdict, r.Reason)
				}
			}
		}
	}
}

// TestDatesCount: under usage 2, not under 3.
func TestDatesCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ca.Options{})
	owner, typ, err := w.alice.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	dns := w.publish(t, owner, typ, 1, 1)
	own, err := w.alice.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int]receiver.Verdict{49: receiver.Pass, 51: receiver.Fail} {
		at := made.AddDate(0, 0, days)
		text := sign(t, w.alice, "alice@example.org", at)
		if r := judge(t, dns, text, at); r.Verdict != want {
			t.Errorf("day %d: %s, %s", days, r.Verdict, r.Reason)
		}
		if r := judge(t, published{owner, typ, []dane.Record{own}}, text, at); r.Verdict != receiver.Pass {
			t.Errorf("day %d, 3 1 1: %s, %s", days, r.Verdict, r.Reason)
		}
	}
	// The certificate of the CA expired, alice's would still be valid.
	at := made.AddDate(0, 0, 101)
	id, long := *w.alice, w.issue(t, "alice@example.org", w.alice, 365)
	id.Certificate = long
	text := sign(t, unready(&id), "alice@example.org", at)
	if r := judge(t, dns, text, at); r.Verdict == receiver.Pass {
		t.Errorf("an expired CA: %s", r.Verdict)
	}
	// Renewed with the same key, the record stays.
	if err = w.ca.Renew(ca.Options{Now: at}); err != nil {
		t.Fatal(err)
	}
	id.Chain = w.ca.Chain()
	text = sign(t, unready(&id), "alice@example.org", at)
	if r := judge(t, dns, text, at); r.Verdict != receiver.Pass {
		t.Errorf("renewed: %s, %s", r.Verdict, r.Reason)
	}
}

// unready is an identity without what Load made ready of its old certificate.
func unready(id *identity.Identity) *identity.Identity {
	return &identity.Identity{Name: id.Name, Kind: id.Kind, Public: id.Public, Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}
}

// issue makes what the CA itself refuses: any name, any dates.
func (w *world) issue(t *testing.T, name string, id *identity.Identity, days int) *x509.Certificate {
	t.Helper()
	kind, name, err := identity.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	template, err := identity.CertificateTemplate(kind, name, id.Public, made, days)
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.Load(filepath.Join(w.dir, "ca"), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, w.ca.Certificate, id.Public, key.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestOutside: a stolen key of a CA that is bound to its domain helps with no other domain, even
// where that publishes it; without constraints only its own record keeps it in.
func TestOutside(t *testing.T) {
	t.Parallel()
	for _, kind := range []ca.Constraints{ca.Critical, ca.NotCritical, ca.None} {
		w := newWorld(t, ca.Options{Constraints: kind})
		id, err := identity.Create(w.dir, "alice@example.com", identity.CreateOptions{Now: made})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = w.ca.SignIdentity(t.Context(), w.dir, id.Name, ca.IssueOptions{Now: made}); identity.Hint(err) == "" {
			t.Errorf("%s: issued: %v", kind, err)
		}
		id.Certificate, id.Chain = w.issue(t, id.Name, id, 30), w.ca.Chain()
		text := sign(t, unready(id), "alice@example.com", made)
		for _, owner := range []string{"_user.example.org.", "_user.example.com."} {
			r := judge(t, w.publish(t, owner, dane.TLSA, 1, 1), text, made)
			if pass := kind == ca.None && owner == "_user.example.com."; pass != (r.Verdict == receiver.Pass) {
				t.Errorf("%s, %s: %s, %s", kind, owner, r.Verdict, r.Reason)
			}
		}
		// Another's name within the domain.
		bob := sign(t, w.alice, "bob@example.org", made)
		if r := judge(t, w.publish(t, "_user.example.org.", dane.TLSA, 1, 1), bob, made); r.Verdict == receiver.Pass {
			t.Errorf("%s: alice's certificate speaks for bob", kind)
		}
	}
}

// TestPrograms: openssl and gpgsm verify what a recipient without DANE gets, with the certificate
// of the CA as a root. gpgsm refuses critical name constraints.
func TestPrograms(t *testing.T) {
	t.Parallel()
	for _, kind := range []ca.Constraints{ca.Critical, ca.NotCritical} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			dir := peertest.ShortDir(t)
			a, err := ca.New(dir, "example.org", ca.Options{Constraints: kind})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = identity.Create(dir, "alice@example.org", identity.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			id, err := a.SignIdentity(t.Context(), dir, "alice@example.org", ca.IssueOptions{})
			if err != nil {
				t.Fatal(err)
			}
			mail, signature, root := filepath.Join(dir, "mail"), filepath.Join(dir, "p7m"), filepath.Join(a.Folder, "cert.pem")
			peertest.WriteFile(t, mail, sign(t, unready(id), "alice@example.org", time.Now()))
			run(t, dir, "openssl", "cms", "-verify", "-in", mail, "-CAfile", root, "-purpose", "smimesign", "-out", filepath.Join(dir, "out"))
			run(t, dir, "openssl", "cms", "-sign", "-in", mail, "-signer", id.CertFile, "-inkey", id.KeyFile, "-certfile", root, "-nodetach", "-binary", "-outform", "DER", "-out", signature)
			fingerprint := strings.TrimSpace(run(t, dir, "openssl", "x509", "-in", root, "-noout", "-fingerprint", "-sha1"))
			peertest.WriteFile(t, filepath.Join(dir, "trustlist.txt"), fingerprint[strings.IndexByte(fingerprint, '=')+1:]+" S relax\n")
			cmd := command(t, dir, "gpgsm", "--batch", "--disable-crl-checks", "--status-fd", "1", "--verify", signature)
			out, err := cmd.CombinedOutput()
			if good := strings.Contains(string(out), "[GNUPG:] TRUST_FULLY"); good != (kind == ca.NotCritical) {
				t.Errorf("gpgsm: %v: %s", err, out)
			}
		})
	}
}

func command(t *testing.T, home, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peertest.Program(t, program), args...)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
	if program == "gpgsm" {
		t.Cleanup(func() {
			kill := exec.Command("gpgconf", "--kill", "all") // the test's context has ended
			kill.Env = cmd.Env
			_ = kill.Run() // where there is no agent there is nothing to end
		})
	}
	return cmd
}

func run(t *testing.T, home, program string, args ...string) string {
	t.Helper()
	out, err := command(t, home, program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", program, err, out)
	}
	return string(out)
}
