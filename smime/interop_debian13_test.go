package smime_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/cms"
)

// mailProgram signs and verifies whole messages.
type mailProgram interface {
	signMail(t *testing.T, r row, id *peerIdentity, opaque bool) ([]byte, error)
	verifyMail(t *testing.T, id *peerIdentity, text []byte) error
}

// cmsProgram is a peer, which knows CMS and nothing of mail.
type cmsProgram struct{ peer }

func (p cmsProgram) signMail(t *testing.T, r row, id *peerIdentity, opaque bool) ([]byte, error) {
	t.Helper()
	der, err := p.sign(t, r, []*peerIdentity{id}, []byte(peerEntity), opaque)
	if err != nil {
		return nil, err
	}
	if opaque {
		return putTogether(der, nil, r.digest), nil
	}
	return putTogether(der, []byte(peerEntity), r.digest), nil
}

func (p cmsProgram) verifyMail(t *testing.T, id *peerIdentity, text []byte) error {
	t.Helper()
	der, entity := takeApart(t, text)
	return p.verify(t, []*peerIdentity{id}, der, entity)
}

// program is one of Debian 13.
type program struct {
	name  string
	start func(t *testing.T, root string, ids map[string]*peerIdentity) mailProgram
	// reason finds why in what the program prints.
	reason *regexp.Regexp
}

// onPeer starts a peer in a root.
func onPeer(start func(t *testing.T, root string, ids map[string]*peerIdentity) peer) func(*testing.T, string, map[string]*peerIdentity) mailProgram {
	return func(t *testing.T, root string, ids map[string]*peerIdentity) mailProgram {
		t.Helper()
		return cmsProgram{start(t, root, ids)}
	}
}

// opensslError is a line of OpenSSL's error queue; its reason is last.
var opensslError = regexp.MustCompile(`error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+)`)

var programs = []program{
	{"OpenSSL 3.5", onPeer(newOpenSSL), opensslError},
	{"GnuPG 2.4", onPeer(newGnuPG), regexp.MustCompile(`BADSIG|gpgsm: can't sign.*: (.*)|gpgsm: error .*`)},
	{"NSS 3.110", onPeer(newNSS), regexp.MustCompile(`status=(\w+)|PR_\w+|SEC_\w+`)},
	{"GnuTLS 3.8", onPeer(newGnuTLS), regexp.MustCompile(`error: (.*)`)},
	{"Bouncy Castle 1.80", onPeer(newBouncyCastle), regexp.MustCompile(`error: (.*)`)},
	{"Thunderbird 140", newThunderbird, regexp.MustCompile(`^([^.]*)\.`)},
	{"neomutt 20250510", newNeomutt, regexp.MustCompile(`\*BAD\* signature|No secret key`)},
	{"Crypt::SMIME 0.31", startScript("perl", "perl.pl", true), regexp.MustCompile(`([a-z ]+) at /usr/.* line`)},
	{"PHP 8.4, cms", startScript("php", "php.php", false, "cms"), regexp.MustCompile(opensslError.String() + `|openssl_\w+\(\): (.*) in /`)},
	{"PHP 8.4, pkcs7", startScript("php", "php.php", false, "pkcs7"), opensslError},
	{"Ruby 3.3", startScript("ruby", "ruby.rb", false), regexp.MustCompile(`refused: (.*)|: ([^:(]+) \(OpenSSL::`)},
	{"pkijs 4.0", onPeer(newPKIjs), regexp.MustCompile(`error: (?:Error during verification: |Validation of signer's certificate failed: )?(.*)`)},
}

// mailRows are the ways to sign that every program is tried with.
func mailRows() (out []row) {
	for _, r := range rows {
		if len(r.keys) == 1 && !r.bare && r.keys[0] != "rsa3072" && r.keys[0] != "rsa4096" {
			r.anyDigest = true // not every program has a choice
			out = append(out, r)
		}
	}
	return out
}

// certificates are where those of the signers come from.
var certificates = []struct {
	name string
	make func(t *testing.T, dir string) map[string]*peerIdentity
}{
	{"self-signed", newSelfSigned},
	{"CA-issued", newPeerIdentities},
}

// newSelfSigned makes identities as dnseal identity new does. Each is its own anchor.
func newSelfSigned(t *testing.T, dir string) map[string]*peerIdentity {
	t.Helper()
	ids := make(map[string]*peerIdentity)
	for _, name := range []string{"p256", "p384", "p521", "rsa2048", "rsa2048-pss", "ed25519"} {
		made, err := identity.Create(filepath.Join(dir, name), "alice@example.org", identity.CreateOptions{Algorithm: name})
		must(t, err)
		id := &peerIdentity{name: name, dir: filepath.Join(dir, name), signer: made.Signer()}
		der, err := x509.MarshalPKCS8PrivateKey(made.Key)
		must(t, err)
		writePEM(t, id.keyFile(), "PRIVATE KEY", der)
		writePEM(t, id.certFile(), "CERTIFICATE", made.Certificate.Raw)
		writePEM(t, filepath.Join(id.dir, "ca.pem"), "CERTIFICATE", made.Certificate.Raw)
		ids[name] = id
	}
	return ids
}

// identityOf is who signs in a row.
func (r row) identityOf(ids map[string]*peerIdentity) *peerIdentity {
	if id := ids[r.keys[0]+"-pss"]; id != nil && r.pss {
		return id
	}
	return ids[r.keys[0]]
}

// cell is one thing that was tried.
type cell struct{ program, direction, row, certificate, form string }

func (c cell) String() string {
	return strings.Join([]string{c.program, c.direction, c.row, c.certificate, c.form}, "\t")
}

const accepts = "accepts"

// TestInteropDebian13 has programs of Debian 13 verify what we sign, and us what they sign. What
// each accepts, and why it does not, is in testdata/interop/debian13.txt.
func TestInteropDebian13(t *testing.T) {
	if *debian13 == "" {
		t.Skip("skipped: the programs of Debian 13 have their turn with make interop, which makes a Debian 13 to run them in")
	}
	want := readResults(t)
	for _, certs := range certificates {
		ids := certs.make(t, t.TempDir())
		for _, p := range programs {
			t.Run(p.name+", "+certs.name, func(t *testing.T) {
				agent := p.start(t, *debian13, ids)
				for _, r := range mailRows() {
					for _, form := range forms {
						c := cell{p.name, "→", r.name, certs.name, form.name}
						want.compare(t, c, p, readsOurs(t, agent, r, r.identityOf(ids), form.opaque))
						c.direction = "←"
						want.compare(t, c, p, readTheirs(t, agent, r, r.identityOf(ids), form.opaque))
					}
				}
			})
		}
	}
	if *update {
		want.write(t)
	}
}

// readsOurs has the program judge our message, and the same with another word in it, which it must
// refuse.
func readsOurs(t *testing.T, p mailProgram, r row, id *peerIdentity, opaque bool) error {
	t.Helper()
	signer := cms.Signer{Key: id.signer.Key, Certificate: id.signer.Certificate, PSS: r.pss}
	ours := signMessage(t, smime.SignOptions{Signers: []cms.Signer{signer}, Time: time.Now(), Opaque: opaque})
	if err := p.verifyMail(t, id, ours); err != nil {
		return err
	}
	if p.verifyMail(t, id, changedMail(t, ours, r)) == nil {
		t.Errorf("%s, opaque %t: it also accepts another text", r.name, opaque)
	}
	return nil
}

// readTheirs has the program sign, and judges that, as a receiver does, too, and the same with
// another word in it.
func readTheirs(t *testing.T, p mailProgram, r row, id *peerIdentity, opaque bool) error {
	t.Helper()
	ids := []*peerIdentity{id}
	theirs, err := p.signMail(t, r, id, opaque)
	if err != nil {
		return err
	}
	if err := verifyMessage(t, theirs, r, ids); err != nil {
		return fmt.Errorf("dnseal: %w", err)
	}
	if err := receiveMessage(t, theirs, ids); err != nil {
		return fmt.Errorf("dnseal: %w", err)
	}
	if verifyMessage(t, changedMail(t, theirs, r), r, ids) == nil {
		t.Errorf("%s, opaque %t: we also accept another text", r.name, opaque)
	}
	return nil
}

// changedMail is a signed message with another word in it.
func changedMail(t *testing.T, text []byte, r row) []byte {
	t.Helper()
	if out := bytes.Replace(text, []byte("me at noon"), []byte("me at moon"), 1); !bytes.Equal(out, text) {
		return out
	}
	der, entity := takeApart(t, text)
	if entity != nil {
		t.Fatal("the text is not there to be changed")
	}
	return putTogether(bytes.Replace(der, []byte("me at noon"), []byte("me at moon"), 1), nil, r.digest)
}

// results has "accepts" for a cell, or why it is refused.
type results map[string]string

const resultsFile = "testdata/interop/debian13.txt"

func readResults(t *testing.T) results {
	t.Helper()
	text, err := os.ReadFile(resultsFile)
	must(t, err)
	out := make(results)
	for line := range strings.Lines(string(text)) {
		if i := strings.LastIndex(line, "\t"); i > 0 {
			out[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return out
}

// compare holds one cell to what is expected of it. With -update it is what is expected from now
// on.
func (want results) compare(t *testing.T, c cell, p program, err error) {
	t.Helper()
	got := accepts
	if err != nil {
		got = p.why(err)
		t.Logf("%s: %s", c, err)
	}
	switch {
	case *update:
		want[c.String()] = got
	case got != want[c.String()]:
		t.Errorf("%s: %s, want %s: %v", c, got, want[c.String()], err)
	}
}

// why is the reason in an error: in the words of the program, or else in ours.
func (p program) why(err error) string {
	text := strings.TrimSpace(err.Error())
	if slices.Contains([]error{errClearOnly, errNoImport}, err) {
		return text
	}
	if ours, ok := strings.CutPrefix(text, "dnseal: "); ok {
		if made, ok := strings.CutPrefix(ours, "algorithm "); ok {
			made, _, _ = strings.Cut(made, ",")
			return "signs with " + made + " instead"
		}
		return text
	}
	found := p.reason.FindStringSubmatch(text)
	for _, words := range slices.Backward(found) {
		if words != "" {
			return "`" + strings.TrimSpace(words) + "`"
		}
	}
	return strings.ReplaceAll(text[strings.LastIndex(text, "\n")+1:], "\t", " ")
}

func (want results) write(t *testing.T) {
	t.Helper()
	var out strings.Builder
	for _, c := range allCells() {
		fmt.Fprintf(&out, "%s\t%s\n", c, want[c.String()])
	}
	must(t, os.WriteFile(resultsFile, []byte(out.String()), 0o644))
}
