package receiver_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/smime"
)

// vector is one message with its DNS and what must be told about it.
type vector struct {
	name, readme string
	eml, zone    string
	attack       bool
	options      options
	report       map[string]any
}

// verdict is the usual expectation.
func verdict(v, code string, more ...any) map[string]any {
	out := map[string]any{"verdict": v, "code": code}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}

// signature expects one signature with these values.
func signature(more ...any) []any {
	one := map[string]any{}
	for i := 0; i+1 < len(more); i += 2 {
		one[more[i].(string)] = more[i+1]
	}
	return []any{one}
}

// cast is who appears in the vectors.
type cast struct {
	alice, bob, mallory   person
	sensor, camera        person
	carol, userCA, mailCA person
	t                     testing.TB
}

func newCast(tb testing.TB) *cast {
	tb.Helper()
	c := &cast{t: tb}
	c.alice = newPerson(tb, "alice@example.org", "alice", person{}, nil)
	c.bob = newPerson(tb, "bob@example.org", "bob", person{}, nil)
	c.mallory = newPerson(tb, "mallory@mallory.example", "mallory", person{}, nil)
	c.sensor = newPerson(tb, "sensor7._device.example.net", "sensor", person{}, nil)
	c.camera = newPerson(tb, "camera._device.example.net", "camera", person{}, nil)
	c.userCA = newCA(tb, "users of example.com", "userca")
	c.mailCA = newCA(tb, "a public mail CA", "mailca")
	c.carol = newPerson(tb, "carol@example.com", "carol", c.userCA, nil)
	return c
}

// zoneOf publishes people, "3 1 1" each, in the zones of their domains.
func (c *cast) zoneOf(people ...person) string {
	c.t.Helper()
	records := map[string]string{}
	var names []string
	for _, p := range people {
		d := p.domain(c.t)
		if records[d] == "" {
			names = append(names, d)
		}
		records[d] += p.record(c.t, "3 1 1")
	}
	var out strings.Builder
	for _, d := range names {
		out.WriteString("; zone " + d + "\n" + records[d])
	}
	return out.String()
}

// everybody publishes alice, bob, mallory and the devices.
func (c *cast) everybody() string { return c.zoneOf(c.alice, c.bob, c.mallory, c.sensor, c.camera) }

var deviceRule = options{Names: []string{"example.net"}, Devices: map[string][]string{"sensor7._device.example.net": {"alerts@example.net"}}}

// vectorPart is a list of vectors and the number its first one has; 0: the one after the part
// before it. Numbers stay: a new vector goes to the end of its part, and a new subject gets a part
// of its own at a round number.
type vectorPart struct {
	first   int
	vectors func() []vector
}

func (c *cast) parts() []vectorPart {
	return []vectorPart{
		{1, c.ownControls},
		{0, c.changedControls},
		{0, c.contentAttacks},
		{0, c.attributeAttacks},
		{0, c.signedDataAttacks},
		{0, c.mimeAttacks},
		{0, c.identityAttacks},
		{0, c.headerAttacks},
		{0, c.dnsAttacks},
		{0, c.qualityAttacks},
		{0, c.later},
		{0, c.doubtAttacks},
		{0, c.doubtControls},
		{0, c.shownAttacks},
		{0, c.shownControls},
		{0, c.attributeForms},
		{0, c.valueForms},
		{0, c.certificateAttacks},
		{0, c.formControls},
		{0, c.receipts},
		{301, c.costAttacks},
		{306, c.signatureAttacks},
		{321, c.cosignerAttacks},
		{333, c.besideAttacks},
		{900, c.entityAttacks},
		{400, c.headerStates},
		{426, c.replacedKeys},
		{350, c.constraintAttacks},
		{0, c.constraintControls},
		{380, c.nameBindings},
		{397, c.costlyRecords},
		{430, c.fromForms},
		{460, c.fieldAttacks},
		{500, c.readerAttacks},
		{530, c.encodedWords},
		{550, c.others},
		{600, c.postQuantum},
	}
}

// writeVectors makes the files of vectorDir that are missing, and writes all expectations again. A
// message that stands there already is kept, because every signature is another: delete its .eml to
// have it made again.
func writeVectors(t *testing.T) {
	t.Helper()
	c := newCast(t)
	number := 0
	for _, part := range c.parts() {
		if part.first > 0 {
			number = part.first
		}
		for _, v := range part.vectors() {
			v.write(t, fmt.Sprintf("%03d-%s", number, v.name))
			number++
		}
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.mailCA.cert.Raw})
	write(t, filepath.Join(keyDir, "mailca.crt"), ca)
}

func (v vector) write(t *testing.T, base string) {
	t.Helper()
	want, err := json.MarshalIndent(expectation{Attack: v.attack, Options: v.options, Report: v.report}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	base = filepath.Join(vectorDir, base)
	if _, err := os.Stat(base + ".eml"); err != nil {
		write(t, base+".eml", []byte(v.eml))
		write(t, base+".zone", []byte(v.zone))
	}
	write(t, base+".want", append(want, '\n'))
	write(t, base+".readme", []byte(v.readme+"\n"))
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// attacks marks all as such.
func attacks(vs []vector) []vector {
	for i := range vs {
		vs[i].attack = true
	}
	return vs
}

// ownControls arrive as their signer sent them, and pass: forms of signing, of records, of names.
func (c *cast) ownControls() []vector {
	t, alice := c.t, c.alice
	pass := func(more ...any) map[string]any { return verdict("pass", "", more...) }
	rsa := newPerson(t, "alice@example.org", "rsa2048", person{}, nil)
	ed := newPerson(t, "alice@example.org", "ed25519", person{}, nil)
	nobody := newPerson(t, "", "alice", person{}, nil)
	expired := newPerson(t, "alice@example.org", "alice", person{}, func(x *x509.Certificate) { x.NotAfter = clock.AddDate(0, -1, 0) })
	mueller := newPerson(t, "müller@example.org", "bob", person{}, smtpUTF8("müller@example.org"))
	dave := newPerson(t, "dave@example.org", "dave", c.mailCA, nil)
	userZone := "; zone example.com.\n_user.example.com. 300 IN TLSA " + record(2, 0, 1, c.userCA.cert.Raw) + "\n"
	return []vector{
		{
			name: "pass", readme: "A message as dnseal signs it: multipart/signed, P-256, protected header, the record 3 1 1.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, alice), zone: c.everybody(),
			report: pass("from", "alice@example.org", "protected_from", "alice@example.org", "signatures", signature(
				"part", "2", "covers", "message", "integrity", "good", "identity", "alice@example.org", "algorithm", "ecdsa-p256-sha256",
				"binding", "from", "freshness", "good", "header_protection", "clear",
				"dns", map[string]any{"type": "SMIMEA", "status": "secure", "presence": "present", "records": signature("usage", 3.0, "selector", 1.0, "matching", 1.0, "result", "match")})),
		},
		{
			name: "pass-opaque", readme: "The same as application/pkcs7-mime.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{Opaque: true}, alice), zone: c.everybody(),
			report: pass("signatures", signature("part", "1", "covers", "message", "header_protection", "clear")),
		},
		{
			name: "pass-rsa", readme: "RSA 2048, PKCS #1 v1.5.", eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, rsa), zone: c.zoneOf(rsa),
			report: pass("signatures", signature("algorithm", "rsa-sha256")),
		},
		{
			name: "pass-ed25519", readme: "Ed25519.", eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, ed), zone: c.zoneOf(ed),
			report: pass("signatures", signature("algorithm", "ed25519")),
		},
		{
			name: "pass-unprotected", readme: "No protected header: the body is proven, and From by the signer's name.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{NoHeaderProtection: true}, alice), zone: c.everybody(),
			report: pass("protected_from", "", "signatures", signature("header_protection", "none")),
		},
		{
			name: "pass-raw-key", readme: "No certificate in the message: the record 3 1 0 carries the key, the protected From the name.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, alice), zone: "; zone example.org.\n" + alice.record(t, "3 1 0"),
			report: pass("signatures", signature("identity", "alice@example.org", "integrity", "good", "algorithm", "ecdsa-p256-sha256")),
		},
		{
			name: "pass-certificate-in-dns", readme: "No certificate in the message: the record 3 0 0 carries it.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, alice), zone: "; zone example.org.\n" + alice.record(t, "3 0 0"),
			report: pass("signatures", signature("identity", "alice@example.org", "integrity", "good")),
		},
		{
			name: "pass-two-keys", readme: "Two records, the old key and the new: any one will do.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, alice), zone: c.zoneOf(alice, rsa), report: pass(),
		},
		{
			name: "pass-unusable-beside", readme: "Records of unknown usage, selector and matching type stop nothing.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, alice), zone: c.zoneOf(alice) + c.other(alice, "4 1 1 00") + c.other(alice, "3 2 1 00") + c.other(alice, "3 1 9 00"), report: pass(),
		},
		{
			name: "pass-device", readme: "A device that a rule lets use this From.", options: deviceRule,
			eml: signed(t, mail("alerts@example.net"), smime.SignOptions{}, c.sensor), zone: c.everybody(),
			report: pass("signatures", signature("identity", "sensor7._device.example.net", "binding", "rule", "dns", map[string]any{"type": "TLSA"})),
		},
		{
			name: "pass-user-ca", readme: "carol has no record; the CA of her domain's users is published at _user.",
			eml: signed(t, mail("carol@example.com"), smime.SignOptions{}, c.carol), zone: userZone,
			report: pass("signatures", signature("dns", map[string]any{"name": "_user.example.com.", "type": "TLSA"})),
		},
		{
			name: "pass-pkix", readme: "dave has no record, but a certificate of a CA that is configured as a mail root.", options: options{PKIXRoots: "mailca.crt"},
			eml: signed(t, mail("dave@example.org"), smime.SignOptions{}, dave), zone: c.everybody(), report: verdict("pass", "pkix"),
		},
		{
			name: "pass-expired-dane-ee", readme: "Under DANE-EE the dates of a certificate do not count (RFC 7671, Section 5.1).",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, expired), zone: c.zoneOf(expired), report: pass(),
		},
		{
			name: "pass-utf8-mailbox", readme: "A local part that is not ASCII, as SmtpUTF8Mailbox (RFC 9598).",
			eml: signed(t, mail("müller@example.org"), smime.SignOptions{}, mueller), zone: c.zoneOf(mueller), report: pass("from", "müller@example.org"),
		},
		{
			name: "pass-nameless-certificate", readme: "A certificate without any name speaks for the protected From (RFC 8550, Section 3).",
			eml: header("alice@example.org") + clear(protected("alice@example.org"), signedBy(protected("alice@example.org"), nobody, nil)), zone: c.everybody(), report: pass(),
		},
	}
}

// changedControls are messages that a list, another signer or a wrapper added something to: they
// pass, or are at least not what an attack would be called.
func (c *cast) changedControls() []vector {
	t, alice := c.t, c.alice
	pass := func(more ...any) map[string]any { return verdict("pass", "", more...) }
	rsa := newPerson(t, "alice@example.org", "rsa2048", person{}, nil)
	outsider := strings.Replace(signed(t, mail("alice@example.org"), smime.SignOptions{}, alice), "Subject: The plan for Tuesday", "Subject: [team] The plan for Tuesday", 1)
	return []vector{
		{
			name: "list-footer", readme: "A list put its footer after the last boundary: readers may show that as well, and it is not signed.", attack: true,
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, alice) + "-- \r\nA list of example.com\r\n", zone: c.everybody(),
			report: verdict("policy", "partial", "uncovered", []any{"epilogue after the signed part"}, "signatures", signature("covers", "message", "integrity", "good")),
		},
		{
			name: "pass-subject-changed", readme: "A list put its name into Subject: the protected one holds, the difference is reported, and it is no change.",
			eml: outsider, zone: c.everybody(), report: pass("header_state", "protected", "signatures", signature("differences", []any{"Subject"}, "header_state", "protected")),
		},
		{
			name: "pass-two-signers", readme: "alice signed with two keys; both are published.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, alice, rsa), zone: c.zoneOf(alice, rsa), report: pass(),
		},
		{
			name: "beside-a-bad-stranger", readme: "Somebody else signed as well, and badly: readers may show that one.", attack: true,
			eml: header("alice@example.org") + clear(bare, signedBy(bare, alice, func(sd *signedData) {
				sd.certs = append(sd.certs, c.mallory.cert)
				sd.signers = append(sd.signers, signer{person: c.mallory, content: []byte(bare), flip: true})
			})), zone: c.everybody(), report: verdict("policy", "bad-cosigner"),
		},
		{
			name: "pass-nested-hp", readme: "A part inside says hp=\"clear\" with another From: only the root of what is signed speaks for the header.",
			eml: header("alice@example.org") + clear(nested, signedBy(nested, alice, nil)), zone: c.everybody(),
			report: pass("protected_from", "", "signatures", signature("header_protection", "none")),
		},
		{
			name: "pass-attached-signature", readme: "alice forwards a broken signed message of her own: her signature on the whole is what counts.",
			eml: signed(t, header("alice@example.org")+mixed("mixed", bare, "Content-Type: message/rfc822\r\n\r\n"+
				strings.Replace(signed(t, mail("alice@example.org"), smime.SignOptions{}, alice), "100 euros", "900 euros", 1)), smime.SignOptions{}, alice),
			zone: c.everybody(), report: pass(),
		},
		{
			name: "none-unsigned", readme: "Not signed at all; the text says otherwise.", attack: true,
			eml: header("alice@example.org", "X-Signature: verified\nAuthentication-Results: mx.example.net; smime=pass body.smime-identifier=alice@example.org\n") +
				"\r\nThis message was signed by alice@example.org and verified.\r\n", zone: c.everybody(), report: verdict("none", ""),
		},
	}
}

// nested is content with a part inside that claims a header.
var nested = mixed("mixed", bare, "Content-Type: text/plain; hp=\"clear\"\r\nFrom: mallory@mallory.example\r\nSubject: x\r\n\r\nhello\r\n")

// record writes the data of a TLSA or SMIMEA record.
func record(usage, selector, matching uint8, data []byte) string {
	switch matching {
	case 1:
		data = digest(crypto.SHA256, data)
	case 2:
		data = digest(crypto.SHA512, data)
	}
	return fmt.Sprintf("%d %d %d %x", usage, selector, matching, data)
}

// other is a record at the person's name.
func (c *cast) other(p person, data string) string {
	c.t.Helper()
	line := p.record(c.t, "3 1 1")
	fields := strings.Fields(line)
	return strings.Join(fields[:4], " ") + " " + data + "\n"
}

// smtpUTF8 puts the name into a template as RFC 9598 wants it.
func smtpUTF8(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.EmailAddresses = nil
		c.ExtraExtensions = append(c.ExtraExtensions, altName(name))
	}
}

// replaceOnce changes exactly one place, or the vector is not what it says.
func replaceOnce(tb testing.TB, s, from, to string) string {
	tb.Helper()
	if strings.Count(s, from) != 1 {
		tb.Fatalf("%q stands %d times in the message", from, strings.Count(s, from))
	}
	return strings.Replace(s, from, to, 1)
}
