package smime_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"filippo.io/mldsa"

	"dnseal/smime"
	"dnseal/smime/cms"
)

var (
	update           = flag.Bool("update", false, "write the table of TestInterop into README.md")
	withBouncyCastle = flag.Bool("bouncycastle", os.Getenv("DNSEAL_PEERS") == "required", "have TestInterop ask Bouncy Castle too")
)

// row is a way to sign.
type row struct {
	name      string
	keys      []string
	algorithm string // as Signature.Algorithm says it; "" for several
	digest    string
	pss       bool
	bare      bool // no certificate sent, the key named by its identifier
	anyDigest bool // algorithm names one digest, and others are as good
	unsigned  [][]cms.Attribute
	hybrid    bool // with a signature by ML-DSA-87 beside each
}

// madeBy reports whether a signature is made as the row has it.
func (r row) madeBy(algorithm string) bool {
	if r.algorithm == "" || algorithm == r.algorithm {
		return true
	}
	scheme := func(s string) string { return s[:max(0, strings.LastIndex(s, "-sha"))] }
	return r.anyDigest && scheme(algorithm) == scheme(r.algorithm)
}

var rows = []row{
	{name: "ECDSA P-256", keys: []string{"p256"}, algorithm: "ecdsa-p256-sha256", digest: "sha256"},
	{name: "ECDSA P-384", keys: []string{"p384"}, algorithm: "ecdsa-p384-sha384", digest: "sha384"},
	{name: "ECDSA P-521", keys: []string{"p521"}, algorithm: "ecdsa-p521-sha512", digest: "sha512"},
	{name: "RSA 2048", keys: []string{"rsa2048"}, algorithm: "rsa-sha256", digest: "sha256"},
	{name: "RSA 3072", keys: []string{"rsa3072"}, algorithm: "rsa-sha256", digest: "sha256"},
	{name: "RSA 4096", keys: []string{"rsa4096"}, algorithm: "rsa-sha256", digest: "sha256"},
	{name: "RSA-PSS 2048", keys: []string{"rsa2048"}, algorithm: "rsa-pss-sha256", digest: "sha256", pss: true},
	{name: "Ed25519", keys: []string{"ed25519"}, algorithm: "ed25519", digest: "sha512"},
	{name: "P-256 without certificate", keys: []string{"p256"}, algorithm: "ecdsa-p256-sha256", digest: "sha256", bare: true},
	{name: "P-256 and RSA 2048 together", keys: []string{"p256", "rsa2048"}, digest: "sha256"},
}

// column is a peer.
type column struct {
	name  string
	start func(t *testing.T, root string, ids map[string]*peerIdentity) peer
	// cannotVerify and cannotSign name the rows that this peer does not do, and why.
	cannotVerify, cannotSign map[string]string
}

const (
	opensslEd25519 = "OpenSSL 3.0 has Ed25519, but not in CMS: it asks for a digest the key does not take"
	gnutlsBare     = "certtool knows no certificates but those in the message"
	gnutlsPSS      = "certtool makes RSA-PSS only with keys that are for nothing else"
	oneSigner      = "the program makes one signature a message"
	gpgsmRSA       = "gpgsm 2.2 cannot import the private key"
	gpgsmPSS       = "gpgsm does not make RSA-PSS"
	gpgsmP521      = "gpgsm 2.2 takes no digest shorter than the curve (`hash length must be a multiple of 8 bits`)"
	gpgsmEd25519   = "gpgsm 2.2 has no Ed25519 in CMS"
	gpgsmBare      = "gpgsm does not know signers without issuer and serial number (`BER error`)"
	nssEd25519     = "NSS has no Ed25519 in CMS"
	nssPSS         = "cmsutil makes RSA-PSS only with keys that are for nothing else, and not as RFC 4056 has it"
	nssBare        = "cmsutil finds a key identifier only in the message's certificates, and does not sign so"
)

var columns = []column{
	{
		name: "OpenSSL 3.0", start: newOpenSSL,
		cannotVerify: map[string]string{"Ed25519": opensslEd25519},
		cannotSign:   map[string]string{"Ed25519": opensslEd25519},
	},
	{
		name: "GnuTLS 3.7", start: newGnuTLS,
		cannotVerify: map[string]string{"P-256 without certificate": gnutlsBare},
		cannotSign: map[string]string{
			"RSA-PSS 2048": gnutlsPSS, "P-256 without certificate": gnutlsBare, "P-256 and RSA 2048 together": oneSigner,
		},
	},
	{
		name: "GnuPG 2.2", start: newGnuPG,
		cannotVerify: map[string]string{"ECDSA P-521": gpgsmP521, "Ed25519": gpgsmEd25519, "P-256 without certificate": gpgsmBare},
		cannotSign: map[string]string{
			"ECDSA P-256": gpgsmRSA, "ECDSA P-384": gpgsmRSA, "ECDSA P-521": gpgsmP521, "RSA-PSS 2048": gpgsmPSS,
			"Ed25519": gpgsmEd25519, "P-256 without certificate": gpgsmBare, "P-256 and RSA 2048 together": gpgsmRSA,
		},
	},
	{
		name: "NSS 3.87", start: newNSS,
		cannotVerify: map[string]string{"Ed25519": nssEd25519, "P-256 without certificate": nssBare},
		cannotSign: map[string]string{
			"RSA-PSS 2048": nssPSS, "Ed25519": nssEd25519, "P-256 without certificate": nssBare, "P-256 and RSA 2048 together": oneSigner,
		},
	},
	{name: "Bouncy Castle 1.72", start: newBouncyCastle},
}

var forms = []struct {
	name   string
	opaque bool
}{{"clear", false}, {"opaque", true}}

// TestInterop has every peer verify what we sign, and us what it signs, in both forms of a signed
// message.
func TestInterop(t *testing.T) {
	t.Parallel()
	ids := newPeerIdentities(t, t.TempDir())
	for _, c := range columns {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := c.start(t, "", ids)
			for _, r := range rows {
				for _, form := range forms {
					name := r.name + ", " + form.name
					judge(t, name+": ours", verifiesOurs(t, p, r, ids, form.opaque), c.cannotVerify[r.name])
					judge(t, name+": theirs", signsTheirs(t, p, r, ids, form.opaque), c.cannotSign[r.name])
				}
			}
			for _, form := range forms {
				judge(t, "a staple, "+form.name, verifiesOurs(t, p, stapledRow(), ids, form.opaque), "")
				// None of them verifies ML-DSA: the classical signature holds.
				for _, r := range []row{rows[0], rows[3]} {
					r.hybrid = true
					judge(t, r.name+" with ML-DSA beside, "+form.name, verifiesOurs(t, p, r, ids, form.opaque), "")
				}
			}
		})
	}
}

// stapledRow is a row with an unsigned attribute as large as a DNSSEC chain.
func stapledRow() row {
	r := rows[0]
	value := append([]byte{4, 0x82, 0x10, 0}, make([]byte, 4096)...) // OCTET STRING
	r.unsigned = [][]cms.Attribute{{{Type: cms.OIDStaple, Value: value}}}
	return r
}

// judge is about one cell: it holds, or the peer cannot.
func judge(t *testing.T, name string, err error, cannot string) {
	t.Helper()
	switch {
	case err != nil && cannot == "":
		t.Errorf("%s: %v", name, err)
	case err == nil && cannot != "":
		t.Logf("%s: this peer can by now (%s)", name, cannot)
	}
}

// signers are the identities of a row.
func (r row) signers(all map[string]*peerIdentity) (ids []*peerIdentity, signers []cms.Signer) {
	for _, name := range r.keys {
		id := all[name]
		ids = append(ids, id)
		signers = append(signers, cms.Signer{Key: id.signer.Key, Certificate: id.signer.Certificate, PSS: r.pss})
	}
	return ids, signers
}

// verifiesOurs has the peer judge our message, and the same with another word in it, which it must
// refuse.
func verifiesOurs(t *testing.T, p peer, r row, all map[string]*peerIdentity, opaque bool) error {
	t.Helper()
	ids, signers := r.signers(all)
	for i := range signers {
		if r.hybrid {
			beside := smime.NewPostQuantum(t, mldsa.MLDSA87(), "alice@example.org")
			signers[i].PostQuantum = &beside
		}
	}
	ours := signMessage(t, smime.SignOptions{Signers: signers, Time: time.Now(), Opaque: opaque, NoCertificates: r.bare, Unsigned: r.unsigned})
	der, entity := takeApart(t, ours)
	if err := p.verify(t, ids, der, entity); err != nil {
		return err
	}
	if entity != nil {
		entity = changed(t, entity)
	} else {
		der = changed(t, der)
	}
	if p.verify(t, ids, der, entity) == nil {
		return errors.New("it also accepts another text")
	}
	return nil
}

func changed(t *testing.T, text []byte) []byte {
	t.Helper()
	out := bytes.Replace(text, []byte("noon"), []byte("moon"), 1)
	if bytes.Equal(out, text) {
		t.Fatal("the text is not there to be changed")
	}
	return out
}

// signsTheirs has the peer sign, and judges that, as a receiver does, too, and the same with
// another word in it.
func signsTheirs(t *testing.T, p peer, r row, all map[string]*peerIdentity, opaque bool) error {
	t.Helper()
	ids, _ := r.signers(all)
	entity := []byte(peerEntity)
	der, err := p.sign(t, r, ids, entity, opaque)
	if err != nil {
		return err
	}
	if opaque {
		entity = nil
	}
	if err := verifyMessage(t, putTogether(der, entity, r.digest), r, ids); err != nil {
		return err
	}
	if err := receiveMessage(t, putTogether(der, entity, r.digest), ids); err != nil {
		return err
	}
	if opaque {
		der = changed(t, der)
	} else {
		entity = changed(t, entity)
	}
	if verifyMessage(t, putTogether(der, entity, r.digest), r, ids) == nil {
		return errors.New("we also accept another text")
	}
	return nil
}

// TestInteropTable holds the table in README.md to what TestInterop tries.
func TestInteropTable(t *testing.T) {
	t.Parallel()
	holdTable(t, "interop", interopTable())
}

func interopTable() string {
	var out, notes strings.Builder
	numbers := make(map[string]int)
	// note returns the mark, or for what a peer cannot do the number of the note that says why.
	note := func(mark, why string) string {
		if why == "" {
			return mark
		}
		if numbers[why] == 0 {
			numbers[why] = len(numbers) + 1
			fmt.Fprintf(&notes, "%d. %s\n", numbers[why], why)
		}
		return fmt.Sprintf("(%d)", numbers[why])
	}
	out.WriteString("| signed with |")
	for _, c := range columns {
		fmt.Fprintf(&out, " %s |", c.name)
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, r := range rows {
		for _, form := range forms {
			fmt.Fprintf(&out, "| %s, %s |", r.name, form.name)
			for _, c := range columns {
				verifies, signs := note("→", c.cannotVerify[r.name]), note("←", c.cannotSign[r.name])
				if verifies == signs {
					fmt.Fprintf(&out, " %s |", signs)
				} else {
					fmt.Fprintf(&out, " %s %s |", verifies, signs)
				}
			}
			out.WriteString("\n")
		}
	}
	return out.String() + "\n" + notes.String()
}
