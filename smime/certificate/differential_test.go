package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
)

var pathTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// generated is a chain, leaf first, that OpenSSL and we are asked about, and what it was made of.
type generated struct {
	chain []*x509.Certificate
	// names are those of the leaf, middle those of the certificates between; constraints are
	// all of the chain.
	names, middle, permitted, excluded []string
}

var (
	somePermitted = []string{
		"email:example.org", "email:.example.org", "email:alice@example.org", "email:sub.example.org", "email:EXAMPLE.org", "email:", "email:xn--bcher-kva.example",
		"dns:example.org", "dns:.example.org", "dns:sub.example.org", "dns:", "ip:\xc0\x00\x02\x00\xff\xff\xff\x00", "ip:\xc0\x00\x02\x00\xff\xff\xff\xf0",
		"uri:www.example.org", "uri:.example.org", "dn:Example", "dn:EXAMPLE/Mail", "dn:Other", "other:x", "utf8:example.org", "email:example.org maximum 1",
	}
	someNames = []string{
		"email:alice@example.org", "email:bob@example.org", "email:alice@EXAMPLE.org", "email:alice@sub.example.org", "email:alice@a.sub.example.org", "email:alice@example.net",
		"email:alice@badexample.org", `email:"alice"@example.org`, "email:alice", "utf8:älice@example.org", "utf8:älice@sub.example.org", "utf8:älice@example.net",
		"utf8:älice@xn--bcher-kva.example", "utf8:älice@bücher.example", "dns:example.org", "dns:a.sub.example.org", "dns:badexample.org", "dns:example.net", "dns:*.example.org",
		"dns:a.example.org.", "ip:\xc0\x00\x02\x01", "ip:\xc0\x00\x02\x11", "ip:\xc0\x00\x03\x01", "ip:\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
		"uri:https://www.example.org/x", "uri:https://www.example.org:8443/", "uri:https://x@www.example.org/", "uri:https://www.example.net/", "uri:mailto:alice@example.org",
		"dn:Example/Mail", "dn:Other/Mail", "other:x",
	}
	someSubjects = []string{"Example", "example/Mail", "Other", "Example/E=alice@example.org", "Example/E=alice@example.net", "Example/Mail/E=alice@sub.example.org"}
)

// generator makes chains. Keys are few, because what differs is what is signed with them.
type generator struct {
	*rand.Rand
	t      *testing.T
	keys   []*ecdsa.PrivateKey
	serial int64
}

func newGenerator(t *testing.T) *generator {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2)), t: t}
	for i := range 4 {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), big.NewInt(int64(1000+i)).FillBytes(make([]byte, 32)))
		if err != nil {
			t.Fatal(err)
		}
		g.keys = append(g.keys, key)
	}
	return g
}

func (g *generator) some(of []string, most int) []string {
	var out []string
	for range g.IntN(most + 1) {
		out = append(out, of[g.IntN(len(of))])
	}
	return out
}

// chain makes one. nil: crypto/x509 cannot read it.
func (g *generator) chain(number int) *generated {
	out := &generated{}
	length := 2 + g.IntN(3)
	chain := make([]*x509.Certificate, length)
	subject := dn(fmt.Sprintf("root %d", number))
	for i := length - 1; i >= 0; i-- {
		template := &x509.Certificate{NotBefore: pathTime.Add(-time.Hour), NotAfter: pathTime.Add(time.Hour), RawSubject: subject}
		if i > 0 {
			template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
			g.constrain(template, out)
		}
		if names := g.alternative(i, length, out); names != nil {
			template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oidSubjectAltName, Value: altNames(names...)})
		}
		var parent *x509.Certificate
		if i < length-1 {
			parent = chain[i+1]
		}
		if chain[i] = g.issue(template, parent, i); chain[i] == nil {
			return nil
		}
		// Subjects are told apart by their first part; some certificates between are
		// self-issued.
		if i <= 1 || g.IntN(4) > 0 {
			subject = dn(someSubjects[g.IntN(len(someSubjects))] + fmt.Sprintf("/case %d.%d", number, i))
		}
	}
	out.chain = chain
	return out
}

// alternative picks the names of a certificate; the anchor's do not matter.
func (g *generator) alternative(i, length int, out *generated) []string {
	switch i {
	case 0:
		out.names = g.some(someNames, 2)
		return out.names
	case length - 1:
		return nil
	}
	names := g.some(someNames, 1)
	out.middle = append(out.middle, names...)
	return names
}

func (g *generator) constrain(template *x509.Certificate, out *generated) {
	permitted, excluded := g.some(somePermitted, 2), g.some(somePermitted, 1)
	if permitted == nil && excluded == nil {
		return
	}
	out.permitted, out.excluded = append(out.permitted, permitted...), append(out.excluded, excluded...)
	template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oidNameConstraints, Critical: g.IntN(2) == 0, Value: nameConstraints(permitted, excluded)})
}

func (g *generator) issue(template, parent *x509.Certificate, level int) *x509.Certificate {
	g.t.Helper()
	g.serial++
	template.SerialNumber = big.NewInt(g.serial)
	signer := g.keys[level]
	if parent == nil {
		parent = template
	} else {
		signer = g.keys[level+1]
		template.AuthorityKeyId = parent.SubjectKeyId // also where it is self-issued
	}
	if level+1 == len(g.keys) {
		signer = g.keys[level]
	}
	der, err := x509.CreateCertificate(nil, template, parent, g.keys[level].Public(), signer)
	if err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}

// disagreement is a rule by which OpenSSL and we differ.
type disagreement struct {
	why string
	// ours is what we say where the rule applies.
	ours bool
	fits func(*generated) bool
}

// disagreements are tried in this order.
var disagreements = []disagreement{
	{"readers disagree on whether an empty rfc822Name is every address or none: here it excludes every one", false, func(c *generated) bool { return slices.Contains(c.excluded, "email:") }},
	{"a constraint on SmtpUTF8Mailbox itself is none that RFC 9598 knows: refused here", false, func(c *generated) bool {
		return states(c, "utf8:") && among(slices.Concat(c.permitted, c.excluded), "utf8:")
	}},
	{"labels of a SmtpUTF8Mailbox are A-labels (RFC 9598, Section 3), there U-labels (RFC 8398)", true, func(c *generated) bool { return states(c, "utf8:älice@xn--") }},
	{"OpenSSL 3.0 finds no SmtpUTF8Mailbox in a permitted domain with a leading dot", true, func(c *generated) bool { return states(c, "utf8:älice@sub.") && among(c.permitted, "email:.") }},
	{"a quoted local part is the same as one without quotes here", true, func(c *generated) bool { return states(c, `email:"`) }},
	{"the final dot of a host name is none of its labels here", true, func(c *generated) bool { return states(c, "dns:a.example.org.") }},
	{"user information is no part of the host of a URI here", true, func(c *generated) bool { return states(c, "uri:https://x@") }},
}

// leftOut are chains with an excluded name that can be written in other ways than the constraint:
// those are tested by TestConstraints alone.
func leftOut(c *generated) bool {
	return among(c.excluded, "email:") && (states(c, "utf8:") || states(c, `email:"`)) ||
		among(c.excluded, "dns:") && (states(c, "dns:*") || states(c, "dns:a.example.org.")) ||
		among(c.excluded, "uri:") && states(c, "uri:https://x@")
}

// states reports whether a certificate below the anchor states a name that begins so.
func states(c *generated, prefix string) bool { return among(slices.Concat(c.names, c.middle), prefix) }

func among(list []string, prefix string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

// TestOpenSSL compares our judgement of some hundred chains with that of openssl verify. Each
// disagreement has its rule.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	g := newGenerator(t)
	var cases []*generated
	for number := 0; len(cases) < 600 && number < 2000; number++ {
		if c := g.chain(number); c != nil && !leftOut(c) {
			cases = append(cases, c)
		}
	}
	theirs := askOpenSSL(t, cases)
	agreed := map[bool]int{}
	explained := map[string]int{}
	for i, c := range cases {
		last := len(c.chain) - 1
		err := Verify(t.Context(), c.chain[0], Options{Certificates: c.chain[1:last], Anchors: c.chain[last:], At: pathTime})
		if ours := err == nil; ours == theirs[i] {
			agreed[ours]++
			continue
		}
		rule := slices.IndexFunc(disagreements, func(d disagreement) bool { return d.ours == (err == nil) && d.fits(c) })
		if rule < 0 {
			t.Errorf("%d: OpenSSL says %t, we say %v, of names %q (between: %q, subject %s) with permitted %q, excluded %q", i, theirs[i], err, c.names, c.middle, c.chain[0].Subject, c.permitted, c.excluded)
			continue
		}
		explained[disagreements[rule].why]++
	}
	t.Logf("of %d chains both take %d and both refuse %d; %v", len(cases), agreed[true], agreed[false], explained)
	if len(cases) < 300 || agreed[true] < 50 || agreed[false] < 50 {
		t.Error("too few chains to mean anything")
	}
}

// askOpenSSL verifies all chains in one run.
func askOpenSSL(t *testing.T, cases []*generated) []bool {
	t.Helper()
	dir := t.TempDir()
	var roots, between bytes.Buffer
	args := []string{"verify", "-purpose", "any", "-attime", strconv.FormatInt(pathTime.Unix(), 10), "-CAfile", "roots.pem", "-untrusted", "between.pem"}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := func(c *x509.Certificate) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	for i, c := range cases {
		last := len(c.chain) - 1
		roots.Write(text(c.chain[last]))
		for _, m := range c.chain[1:last] {
			between.Write(text(m))
		}
		write(fmt.Sprintf("%d.pem", i), text(c.chain[0]))
		args = append(args, fmt.Sprintf("%d.pem", i))
	}
	// OpenSSL wants some certificate among those between.
	between.Write(text(cases[0].chain[0]))
	write("roots.pem", roots.Bytes())
	write("between.pem", between.Bytes())
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	cmd.Dir = dir
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, _ := cmd.Output() // its status says that some chain does not hold
	results := make([]bool, len(cases))
	for line := range strings.Lines(string(out)) {
		name, ok := strings.CutSuffix(strings.TrimSpace(line), ".pem: OK")
		if i, err := strconv.Atoi(name); ok && err == nil && i < len(results) {
			results[i] = true
		}
	}
	if text := faults.String(); strings.Contains(text, "Can't open") || strings.Contains(text, "nable to load") {
		t.Fatalf("openssl cannot read the chains:\n%.1000s", text)
	}
	return results
}
