package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/lookup/lookuptest/peertest"
)

var mutations = flag.Int("mutations", 500, "how many certificates are changed and compared with OpenSSL")

// mutant is a certificate that was changed, and what OpenSSL and we make of it.
type mutant struct {
	how  string // what was changed
	der  []byte // signed by the root
	leaf []byte // issued by it, where it may be an authority; nil: it is the leaf itself

	ours    *x509.Certificate // nil: unreadable
	err     error
	pathErr error

	standard         bool   // crypto/x509 reads it
	parsed, verified bool   // by OpenSSL
	refusal          string // of OpenSSL's verification
	text             string // of OpenSSL
}

// mutator changes certificates, in the same way in each run.
type mutator struct {
	*rand.Rand
	key, rootKey *ecdsa.PrivateKey
}

func (m *mutator) one(values ...[]byte) []byte { return values[m.IntN(len(values))] }

// changes are what is done to the fields of a certificate.
var changes = []struct {
	name string
	do   func(m *mutator, r *raw)
}{
	{"serial", func(m *mutator, r *raw) {
		r.serial = m.one([]byte{2, 1, 0x80}, []byte{2, 2, 0xff, 0x7f}, []byte{2, 2, 0, 1}, []byte{2, 2, 0xff, 0x80}, []byte{2, 0}, []byte{2, 1, 0}, tlv(2, bytes.Repeat([]byte{0x91}, 40)))
	}},
	{"version", func(m *mutator, r *raw) {
		r.version = m.one(nil, tlv(constructed0, []byte{2, 1, 1}), tlv(constructed0, []byte{2, 1, 3}), tlv(constructed0, []byte{2, 1, 0x81}), tlv(constructed0, []byte{2, 2, 0, 2}), tlv(constructed0, []byte{2, 5, 1, 0, 0, 0, 2}))
	}},
	{"subject", func(m *mutator, r *raw) {
		tag := []cbasn1.Tag{cbasn1.PrintableString, cbasn1.IA5String, cbasn1.UTF8String, cbasn1.T61String, 26, 28, 30, 18, 5}[m.IntN(9)]
		text := string(m.one([]byte("mail_1@example.org"), []byte("B\xfccher"), []byte("Bücher"), []byte("a\x00b@example.org"), nil, []byte("\x00\x00\x00B"), []byte("\xd8\x00"), []byte("12")))
		r.subject = attributeOf([]asn1.ObjectIdentifier{{2, 5, 4, 3}, oidEmailAddress, {2, 5, 4, 97, 70000}}[m.IntN(3)], tag, text)
	}},
	{"subject's form", func(m *mutator, r *raw) {
		r.subject = m.one([]byte{0x30, 0}, []byte{0x30, 2, 0x31, 0}, []byte{0x30, 2, 5, 0}, tlv(cbasn1.SEQUENCE, tlv(cbasn1.SET, tlv(cbasn1.SEQUENCE, uuidOID, []byte("\x0c\x01x")))), tlv(cbasn1.SEQUENCE, tlv(cbasn1.SET, tlv(cbasn1.SEQUENCE, oid(2, 5, 4, 3), []byte("\x0c\x01x\x05\x00")))))
	}},
	{"time", func(m *mutator, r *raw) {
		r.validity = m.one(between("260101000000+0000", "360101000000Z"), between("2601010000Z", "360101000000Z"), between("260101000000Z", "360101000000+0100"), between("260101000000", "360101000000Z"), between("26010100", "360101000000Z"),
			between("270101000000Z", "360101000000Z"), between("260101000000Z", "250101000000Z"), between("261301000000Z", "360101000000Z"), tlv(cbasn1.SEQUENCE, tlv(cbasn1.GeneralizedTime, []byte("20260101000000.5Z")), tlv(cbasn1.GeneralizedTime, []byte("20360101000000Z"))),
			tlv(cbasn1.SEQUENCE, []byte{0x17, 0}, []byte{0x17, 0}), []byte{0x30, 0})
	}},
	{"names", func(m *mutator, r *raw) {
		all := []string{"email:alice@example.org", "email:\xe4lice@example.org", "email:bob@example.org\x00.evil.example", "email:", "dns:example.org", "dns:\xe4.example", "dns:a\x00b.example", "uri:http://example.org/", "uri:no uri \xff", "uri::", "ip:\x01\x02\x03\x04", "ip:\x01", "dn:Example", "other:x", "utf8:älice@example.org"}
		var names []string
		for range 1 + m.IntN(4) {
			names = append(names, all[m.IntN(len(all))])
		}
		r.extensions = append(r.extensions[:0:0], ext(17, altNames(names...)))
	}},
	{"altName's form", func(m *mutator, r *raw) {
		good, more := altNames("email:alice@example.org"), altNames("dns:example.net")
		r.extensions = append(r.extensions[:0:0], [][][]byte{
			{ext(17, good), ext(17, more)},
			{ext(17, good), ext(17, good)},
			{ext(17, append(slices.Clone(good), 0))},
			{ext(17, append(slices.Clone(good), more...))},
			{ext(17, nil)},
			{ext(17, []byte{0x30, 0})},
			{ext(17, []byte("name"))},
			{ext(17, tlv(cbasn1.SEQUENCE, gn("email:alice@example.org"), []byte{0x89, 1, 1}))},
			{ext(17, tlv(cbasn1.SEQUENCE, gn("email:alice@example.org"), []byte{0xa0, 2, 5, 0}))},
			{ext(17, good), ext(17, nil)},
			nil,
		}[m.IntN(11)]...)
	}},
	{"usage", func(m *mutator, r *raw) {
		one := func() []byte {
			return ext(15, m.one([]byte{3, 2, 7, 0x80}, []byte{3, 2, 2, 0x84}, []byte{3, 2, 7, 0x84}, []byte{3, 2, 1, 0x06}, []byte{3, 1, 0}, []byte{3, 2, 9, 0x80}, []byte{3, 2, 7, 0x7f}, []byte{3, 0}, nil, []byte("usage"), []byte{3, 3, 7, 0, 0x80}, []byte{3, 2, 7, 0x80, 0}))
		}
		r.extensions = append(r.extensions, one())
		if m.IntN(3) == 0 {
			r.extensions = append(r.extensions, one())
		}
	}},
	{"purpose", func(m *mutator, r *raw) {
		mail, other := oid(1, 3, 6, 1, 5, 5, 7, 3, 4), oid(1, 3, 6, 1, 5, 5, 7, 3, 1)
		one := func() []byte {
			return ext(37, m.one(tlv(cbasn1.SEQUENCE, mail), tlv(cbasn1.SEQUENCE, other), tlv(cbasn1.SEQUENCE, other, mail), tlv(cbasn1.SEQUENCE, oid(2, 5, 29, 37, 0)), tlv(cbasn1.SEQUENCE, uuidOID), tlv(cbasn1.SEQUENCE, uuidOID, mail), []byte{0x30, 0}, []byte{0x30, 2, 5, 0}, nil, append(tlv(cbasn1.SEQUENCE, mail), 0)))
		}
		r.extensions = append(r.extensions, one())
		if m.IntN(3) == 0 {
			r.extensions = append(r.extensions, one())
		}
	}},
	{"authority", func(m *mutator, r *raw) {
		one := func() []byte {
			return ext(19, m.one([]byte{0x30, 0}, []byte{0x30, 3, 1, 1, 0xff}, []byte{0x30, 3, 1, 1, 1}, []byte{0x30, 6, 1, 1, 0xff, 2, 1, 0}, []byte{0x30, 6, 1, 1, 0xff, 2, 1, 0x80}, []byte{0x30, 3, 2, 1, 0}, []byte{0x30, 3, 1, 1, 0}, nil, []byte{5, 0}, []byte{0x30, 5, 1, 1, 0xff, 5, 0}, []byte{0x30, 3, 1, 1, 0xff, 0}))
		}
		r.extensions = slices.DeleteFunc(slices.Clone(r.extensions), func(e []byte) bool { return m.IntN(3) > 0 && bytes.Contains(e, oid(2, 5, 29, 19)) })
		r.extensions = append(r.extensions, one())
		if m.IntN(3) == 0 {
			r.extensions = append(r.extensions, one())
		}
	}},
	{"constraints", func(m *mutator, r *raw) {
		one := func() []byte {
			return ext(30, m.one(nameConstraints([]string{"email:example.org"}, nil), nameConstraints([]string{"email:example.net"}, nil), nameConstraints(nil, []string{"email:example.org"}), nameConstraints([]string{"other:x"}, nil), nameConstraints([]string{"uri:\xff"}, nil), nameConstraints([]string{"ip:\x01"}, nil), nil, []byte{0x30, 0}, []byte("names"), append(nameConstraints([]string{"email:example.org"}, nil), 0)))
		}
		r.extensions = append(r.extensions, one())
		if m.IntN(3) == 0 {
			r.extensions = append(r.extensions, one())
		}
	}},
	{"optional", func(m *mutator, r *raw) {
		number := []int{14, 31, 32, 33, 35, 36, 54, 46}[m.IntN(8)]
		value := m.one(nil, []byte("no"), []byte{0x30, 0}, []byte{4, 1, 1}, []byte{2, 1, 0}, []byte{0x30, 2, 5, 0}, tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE, oid(1, 2, 3))), []byte{0x30, 3, 0x80, 1, 0})
		e := ext(number, value)
		if m.IntN(4) == 0 {
			e = criticalExt(number, value)
		}
		r.extensions = append(r.extensions, e)
		if m.IntN(4) == 0 {
			r.extensions = append(r.extensions, e)
		}
	}},
	{"other extension", func(m *mutator, r *raw) {
		id := m.one(uuidOID, oid(1, 2, 3, 4))
		r.extensions = append(r.extensions, m.one(tlv(cbasn1.SEQUENCE, id, []byte{4, 0}), tlv(cbasn1.SEQUENCE, id, []byte{1, 1, 0xff}, []byte{4, 0}), tlv(cbasn1.SEQUENCE, id, []byte{1, 1, 1}, []byte{4, 0}), tlv(cbasn1.SEQUENCE, id, []byte{1, 1, 0}, []byte{4, 0}), tlv(cbasn1.SEQUENCE, id, []byte{4, 0, 5, 0}), tlv(cbasn1.SEQUENCE, id)))
	}},
	{"key", func(m *mutator, r *raw) {
		point, _ := m.key.PublicKey.Bytes()
		n := numbersOf(elliptic.P256().Params())
		half := append([]byte{2 | point[64]&1}, point[1:33]...)
		named := oid(namedCurves["P-256"]...)
		wrong := n
		wrong.base = tlv(cbasn1.OCTET_STRING, point)
		r.spki = m.one(ecSPKI(n.der(), point), ecSPKI(named, half), ecSPKI(n.der(), half), ecSPKI(named, append([]byte{6 | point[64]&1}, point[1:]...)), ecSPKI(named, append([]byte{7 ^ point[64]&1}, point[1:]...)), ecSPKI(named, point[:64]), ecSPKI(named, append(slices.Clone(point[:64]), point[64]^1)),
			ecSPKI(named, []byte{0}), ecSPKI(oid(1, 3, 36, 3, 3, 2, 8, 1, 1, 7), point), ecSPKI([]byte{5, 0}, point), ecSPKI(wrong.der(), point), append(ecSPKI(named, point), 5, 0), []byte{0x30, 0})
	}},
	{"algorithm", func(m *mutator, r *raw) {
		r.outer = m.one(tlv(cbasn1.SEQUENCE, oid(1, 2, 840, 10045, 4, 3, 2), []byte{5, 0}), tlv(cbasn1.SEQUENCE, oid(1, 2, 840, 10045, 4, 3, 3)))
	}},
	{"end", func(m *mutator, r *raw) {
		r.tail = m.one([]byte{5, 0}, tlv(implicit(3).Constructed(), []byte{0x30, 0}))
	}},
}

// mutant makes one.
func (m *mutator) mutant(t *testing.T, number int, root *x509.Certificate) *mutant {
	t.Helper()
	out := &mutant{}
	r := newRaw(t, m.key.Public())
	r.serial, r.issuer, r.subject = []byte{2, 3, 1, byte(number >> 8), byte(number)}, root.RawSubject, dn(fmt.Sprintf("Mutant %d", number))
	authority := m.IntN(2) == 0
	if authority {
		r.extensions = append(r.extensions, ext(19, []byte{0x30, 3, 1, 1, 0xff}))
	}
	for range m.IntN(3) {
		c := changes[m.IntN(len(changes))]
		c.do(m, &r)
		out.how += c.name + " "
	}
	r.subject = told(r.subject, number)
	tbs := r.tbs()
	if out.how == "" || m.IntN(4) == 0 {
		for range 1 + m.IntN(2) {
			at := 4 + m.IntN(len(tbs)-4)
			tbs[at] = byte(m.IntN(256))
		}
		out.how += "octets"
	}
	out.der = r.envelope(t, m.rootKey, tbs)
	if authority {
		leaf := newRaw(t, m.key.Public())
		leaf.issuer, leaf.subject = r.subject, dn("Leaf")
		leaf.serial = []byte{2, 3, 2, byte(number >> 8), byte(number)}
		out.leaf = leaf.sign(t, m.key)
	}
	out.ours, out.err = Parse(out.der)
	_, err := x509.ParseCertificate(out.der)
	out.standard = err == nil
	out.pathErr = out.path(t, root)
	return out
}

// told is a subject with a last attribute that no other has.
func told(subject []byte, number int) []byte {
	var contents, last cryptobyte.String
	whole, name := cryptobyte.String(subject), cryptobyte.String(dn(strconv.Itoa(number)))
	if whole.ReadASN1(&contents, cbasn1.SEQUENCE) && name.ReadASN1(&last, cbasn1.SEQUENCE) {
		return tlv(cbasn1.SEQUENCE, contents, last)
	}
	return subject
}

// path verifies the mutant, or the certificate that it issued.
func (c *mutant) path(t *testing.T, root *x509.Certificate) error {
	t.Helper()
	if c.err != nil {
		return c.err
	}
	leaf, opts := c.ours, Options{Anchors: []*x509.Certificate{root}, At: pathTime}
	if c.leaf != nil {
		issued, err := Parse(c.leaf)
		if err != nil {
			t.Fatal(err)
		}
		leaf, opts.Certificates = issued, []*x509.Certificate{c.ours}
	}
	return Verify(t.Context(), leaf, opts)
}

// TestMutated compares what OpenSSL and we make of certificates that were changed. What OpenSSL
// does not read, or does not accept, and we do, has its rule; and so has what it reads and we do
// not.
func TestMutated(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	m := &mutator{Rand: rand.New(rand.NewPCG(3, 4)), key: testKey(t, elliptic.P256(), 1001), rootKey: testKey(t, elliptic.P256(), 1002)}
	rootRaw := newRaw(t, m.rootKey.Public())
	rootRaw.issuer, rootRaw.subject = dn("Root"), dn("Root")
	rootRaw.extensions = [][]byte{criticalExt(19, []byte{0x30, 3, 1, 1, 0xff})}
	root, err := Parse(rootRaw.sign(t, m.rootKey))
	if err != nil {
		t.Fatal(err)
	}
	mutants := make([]*mutant, *mutations)
	for i := range mutants {
		mutants[i] = m.mutant(t, i, root)
	}
	dir := t.TempDir()
	readWithOpenSSL(t, dir, mutants, root)
	verifyWithOpenSSL(t, dir, mutants, root)
	counts := map[string]int{}
	for i, c := range mutants {
		what := c.disagreements()
		if len(what) == 0 {
			counts[fmt.Sprintf("both read %t, both accept %t", c.parsed, c.verified)]++
		}
		for _, w := range what {
			rule := slices.IndexFunc(mutationRules, func(r mutationRule) bool { return r.what == w && r.applies(c) })
			if rule < 0 {
				t.Errorf("%d (%s): %s: we read %v, path %v; OpenSSL reads it %t, accepts it %t\n%s\n%s", i, c.how, w, c.err, c.pathErr, c.parsed, c.verified, pemOf(c.der), c.text)
				continue
			}
			counts[w+": "+mutationRules[rule].why]++
		}
	}
	for _, line := range slices.Sorted(mapKeys(counts)) {
		t.Logf("%5d %s", counts[line], line)
	}
}

func mapKeys(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// readWithOpenSSL lets OpenSSL print all in one run. After each comes the root, so that it is seen
// which were printed.
func readWithOpenSSL(t *testing.T, dir string, mutants []*mutant, root *x509.Certificate) {
	t.Helper()
	var all bytes.Buffer
	for _, c := range mutants {
		all.Write(pemOf(c.der))
		all.Write(pemOf(root.Raw))
	}
	if err := os.WriteFile(filepath.Join(dir, "all.pem"), all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "openssl", "storeutl", "-noout", "-text", "-certs", "all.pem")
	cmd.Dir = dir
	out, err := cmd.Output() // its status says that some were not read
	sections := regexp.MustCompile(`(?m)^\d+: Certificate$`).Split(string(out), -1)[1:]
	for _, c := range mutants {
		if len(sections) == 0 {
			t.Fatalf("openssl did not print all: %v", err)
		}
		if !strings.Contains(sections[0], "Subject: O=Root") {
			c.parsed, c.text, sections = true, sections[0], sections[1:]
		}
		if len(sections) == 0 || !strings.Contains(sections[0], "Subject: O=Root") {
			t.Fatalf("openssl printed something else: %v", err)
		}
		sections = sections[1:]
	}
}

// verifyWithOpenSSL lets OpenSSL verify all that it can read in one run.
func verifyWithOpenSSL(t *testing.T, dir string, mutants []*mutant, root *x509.Certificate) {
	t.Helper()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	between := bytes.NewBuffer(pemOf(root.Raw))
	args := []string{"verify", "-purpose", "any", "-attime", strconv.FormatInt(pathTime.Unix(), 10), "-CAfile", "root.pem", "-untrusted", "between.pem"}
	for i, c := range mutants {
		if !c.parsed {
			continue
		}
		leaf := c.der
		if c.leaf != nil {
			leaf = c.leaf
			between.Write(pemOf(c.der))
		}
		write(fmt.Sprintf("%d.pem", i), pemOf(leaf))
		args = append(args, fmt.Sprintf("%d.pem", i))
	}
	write("root.pem", pemOf(root.Raw))
	write("between.pem", between.Bytes())
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	cmd.Dir = dir
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, _ := cmd.Output() // its status says that some are not valid
	why := ""
	for line := range strings.Lines(faults.String()) {
		if _, reason, ok := strings.Cut(line, " depth lookup: "); ok {
			why += strings.TrimSpace(reason) + "; "
		}
		if name, ok := strings.CutSuffix(strings.TrimSpace(line), ".pem: verification failed"); ok {
			i, err := strconv.Atoi(strings.TrimPrefix(name, "error "))
			if err != nil || i >= len(mutants) {
				t.Fatalf("openssl says %s", line)
			}
			mutants[i].refusal, why = why, ""
		}
	}
	for line := range strings.Lines(string(out)) {
		name, ok := strings.CutSuffix(strings.TrimSpace(line), ".pem: OK")
		if i, err := strconv.Atoi(name); ok && err == nil && i < len(mutants) {
			mutants[i].verified = true
		}
	}
}

// disagreements are in what OpenSSL and we differ.
func (c *mutant) disagreements() (out []string) {
	if c.parsed != (c.err == nil) {
		out = append(out, map[bool]string{true: "OpenSSL alone reads it", false: "we alone read it"}[c.parsed])
	}
	if c.verified != (c.pathErr == nil) {
		out = append(out, map[bool]string{true: "OpenSSL alone accepts the path", false: "we alone accept the path"}[c.verified])
	}
	if !c.parsed || c.err != nil {
		return out
	}
	names := NamesOf(c.ours)
	for _, n := range names.Mail {
		out = c.want(out, "email:"+n, "a name that OpenSSL does not see")
	}
	for _, n := range names.DNS {
		out = c.want(out, "DNS:"+n, "a name that OpenSSL does not see")
	}
	if noKey := strings.Contains(c.text, "Unable to load Public Key"); noKey && c.ours.PublicKey != nil {
		out = append(out, "we alone read the key")
	} else if !noKey && c.ours.PublicKey == nil {
		out = append(out, "OpenSSL alone reads the key")
	}
	if key, ok := c.ours.PublicKey.(*ecdsa.PublicKey); ok {
		point, _ := key.Bytes()
		if !strings.Contains(regexp.MustCompile(`[:\s]`).ReplaceAllString(c.text, ""), hex.EncodeToString(point[1:33])) {
			out = append(out, "another key")
		}
	}
	return append(out, c.permissive()...)
}

func (c *mutant) want(out []string, text, what string) []string {
	if strings.Contains(c.text, text) {
		return out
	}
	return append(out, what)
}

// permissive says what we allow and OpenSSL does not print.
func (c *mutant) permissive() (out []string) {
	if c.ours.Version < 3 {
		return nil
	}
	signs := c.ours.KeyUsage == 0 || c.ours.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0
	if signs && !eachBlock(c.text, "X509v3 Key Usage:", "Digital Signature", "Non Repudiation") {
		out = append(out, "a usage that OpenSSL does not see")
	}
	mail := len(c.ours.ExtKeyUsage)+len(c.ours.UnknownExtKeyUsage) == 0 || slices.Contains(c.ours.ExtKeyUsage, x509.ExtKeyUsageEmailProtection) || slices.Contains(c.ours.ExtKeyUsage, x509.ExtKeyUsageAny)
	if mail && !eachBlock(c.text, "X509v3 Extended Key Usage:", "E-mail Protection", "Any Extended Key Usage") {
		out = append(out, "a purpose that OpenSSL does not see")
	}
	if c.ours.IsCA && !eachBlock(c.text, "X509v3 Basic Constraints:", "CA:TRUE") {
		out = append(out, "an authority that OpenSSL does not see")
	}
	return out
}

// eachBlock reports whether after each such title there is one of the words.
func eachBlock(text, title string, words ...string) bool {
	for _, block := range strings.Split(text, title)[1:] {
		_, value, _ := strings.Cut(block, "\n")
		value, _, _ = strings.Cut(value, "\n")
		if !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(value, w) }) {
			return false
		}
	}
	return true
}

// mutationRule is why OpenSSL and we differ.
type mutationRule struct {
	what, why string
	applies   func(*mutant) bool
}

// mutationRules are tried in this order. None lets us accept a name, a usage or an authority that
// OpenSSL does not see in a certificate that crypto/x509 refuses.
var mutationRules = []mutationRule{
	{"we alone read it", "crypto/x509 reads it", func(c *mutant) bool { return c.standard }},
	{"we alone read it", "OpenSSL refuses the whole certificate for a text in a distinguished name that is not of its type: nothing is read of that text here", oddText},
	{"we alone read it", "OpenSSL wants an OID, a time or a tag to be well-formed that nothing is read of here", func(c *mutant) bool { return strings.Contains(c.how, "octets") }},
	{"OpenSSL alone reads it", "a form that is not DER is refused here", func(c *mutant) bool { return strings.Contains(c.how, "octets") }},
	{"we alone accept the path", "crypto/x509 reads it", func(c *mutant) bool { return c.standard }},
	{"we alone accept the path", "OpenSSL does not read it", func(c *mutant) bool { return !c.parsed }},
	{"we alone accept the path", "a time with an offset, or without seconds, is a time here (X.680); OpenSSL verifies only times of DER", func(c *mutant) bool { return strings.Contains(c.refusal, "format error in certificate's not") }},
	{"we alone accept the path", "a leaf's own key is not used in its path, and can be of a kind that is not supported", func(c *mutant) bool { return c.leaf == nil && c.ours.PublicKey == nil }},
	{"we alone accept the path", "nothing is read of CRLDistributionPoints and such, and crypto/x509 reads less of them than OpenSSL", func(c *mutant) bool {
		return strings.Contains(c.how, "optional") && c.refusal == "unable to get local issuer certificate; " || c.leaf == nil && strings.Contains(c.how, "optional")
	}},
	{"we alone accept the path", "a value in a directoryName that is of no string type is not read here", func(c *mutant) bool {
		return c.leaf == nil && strings.Contains(c.how, "octets") && !strings.Contains(c.text, "email:") && !strings.Contains(c.text, "DNS:")
	}},
	{"OpenSSL alone accepts the path", "no path holds an extension that occurs twice or cannot be read; OpenSSL does not read those on policies", refusedBy("cannot be read")},
	{"OpenSSL alone accepts the path", "without basicConstraints, or in a version without extensions, it is no authority here", refusedBy("is no certification authority")},
	{"OpenSSL alone accepts the path", "a usage that names none allows none", refusedBy("may not sign certificates")},
	{"OpenSSL alone accepts the path", "policies are checked here without being asked for", refusedBy("policies")},
	{"OpenSSL alone accepts the path", "names are compared octet for octet, and curves that are not supported sign nothing here", refusedBy("no path to an anchor")},
	{"OpenSSL alone accepts the path", "it is not read here", func(c *mutant) bool { return c.err != nil }},
	{"OpenSSL alone reads the key", "its curve is not supported here", func(c *mutant) bool {
		_, unsupported := errors.AsType[*UnsupportedKeyError](keyError(c))
		return unsupported
	}},
	{"OpenSSL alone reads the key", "the bits of a key are whole octets here", func(c *mutant) bool { return errors.Is(keyError(c), errNoKey) }},
	{"OpenSSL alone accepts the path", "no path holds a curve that is written out; OpenSSL looks only at those of authorities", refusedBy("does not name its curve")},
	{"OpenSSL alone reads the key", "the point at infinity is no key here", func(c *mutant) bool {
		return errors.Is(keyError(c), errNotOnCurve) && !strings.Contains(c.text, "pub:")
	}},
	{"OpenSSL alone accepts the path", "a time that is none is never valid here", func(c *mutant) bool { return refusedBy("9999-12-31")(c) || refusedBy("0001-01-01")(c) }},
	{"we alone read the key", "crypto/x509 reads it", func(c *mutant) bool { return c.standard }},
	{"a name that OpenSSL does not see", "OpenSSL prints no name of a subjectAltName in which one holds NUL; here that one alone is left out", func(c *mutant) bool {
		return slices.ContainsFunc(c.ours.Extensions, func(e pkix.Extension) bool {
			return e.Id.Equal(oidSubjectAltName) && bytes.Contains(e.Value, []byte("\x00"))
		})
	}},
	{"a name that OpenSSL does not see", "the same, where a directoryName cannot be read", func(c *mutant) bool {
		return strings.Contains(c.how, "octets") && !strings.Contains(c.text, "email:") && !strings.Contains(c.text, "DNS:")
	}},
	{"an authority that OpenSSL does not see", "crypto/x509 reads it, and what follows basicConstraints is ignored", func(c *mutant) bool { return c.standard }},
	{"a purpose that OpenSSL does not see", "crypto/x509 reads it, and what follows extKeyUsage is ignored", func(c *mutant) bool { return c.standard }},
	{"a usage that OpenSSL does not see", "crypto/x509 reads it, and what follows keyUsage is ignored", func(c *mutant) bool { return c.standard }},
}

func keyError(c *mutant) error {
	_, err := ParsePublicKey(c.ours.RawSubjectPublicKeyInfo)
	return err
}

func refusedBy(reason string) func(*mutant) bool {
	return func(c *mutant) bool { return c.pathErr != nil && strings.Contains(c.pathErr.Error(), reason) }
}

// oddText reports whether subject or issuer hold a text that is not of its type.
func oddText(c *mutant) bool {
	for _, der := range [][]byte{c.ours.RawIssuer, c.ours.RawSubject} {
		name, _ := readRDNSequence(der)
		for _, rdn := range name {
			if slices.ContainsFunc(rdn, func(a attribute) bool { return !a.ok }) {
				return true
			}
		}
	}
	return false
}
