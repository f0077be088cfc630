package certificate

import (
	"crypto/elliptic"
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TestTolerantPath: an authority that crypto/x509 refuses certifies only what it surely may.
func TestTolerantPath(t *testing.T) {
	t.Parallel()
	rootKey, caKey, leafKey := testKey(t, elliptic.P256(), 1001), testKey(t, elliptic.P256(), 1002), testKey(t, elliptic.P256(), 1003)
	yes, no := ext(19, []byte{0x30, 3, 1, 1, 0xff}), ext(19, []byte{0x30, 0})
	point, err := caKey.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	inside, outside := nameConstraints([]string{"email:example.org"}, nil), nameConstraints([]string{"email:example.net"}, nil)
	for name, tt := range map[string]struct {
		extensions [][]byte
		spki       []byte
		ok         bool
	}{
		"an authority":                          {[][]byte{yes}, nil, true},
		"cA is 1":                               {[][]byte{ext(19, []byte{0x30, 3, 1, 1, 1})}, nil, true},
		"none":                                  {nil, nil, false},
		"an authority in a second extension":    {[][]byte{no, yes}, nil, false},
		"an authority, and none":                {[][]byte{yes, no}, nil, false},
		"an authority twice":                    {[][]byte{yes, yes}, nil, false},
		"an authority after the end":            {[][]byte{ext(19, append([]byte{0x30, 0}, 1, 1, 0xff))}, nil, false},
		"garbage":                               {[][]byte{ext(19, []byte("CA:TRUE"))}, nil, false},
		"key usage garbage":                     {[][]byte{yes, ext(15, []byte("certSign"))}, nil, false},
		"key usage none":                        {[][]byte{yes, ext(15, []byte{3, 1, 0})}, nil, false},
		"key usage twice":                       {[][]byte{yes, ext(15, []byte{3, 2, 2, 4}), ext(15, []byte{3, 2, 2, 4})}, nil, false},
		"extended key usage garbage":            {[][]byte{yes, ext(37, []byte("mail"))}, nil, false},
		"constraint":                            {[][]byte{yes, ext(30, inside)}, nil, true},
		"constraint, not met":                   {[][]byte{yes, ext(30, outside)}, nil, false},
		"constraint garbage":                    {[][]byte{yes, ext(30, []byte("example.org"))}, nil, false},
		"constraint, nothing":                   {[][]byte{yes, ext(30, []byte{0x30, 0})}, nil, false},
		"constraint, something after":           {[][]byte{yes, ext(30, append(slices.Clone(inside), 0))}, nil, false},
		"constraint twice":                      {[][]byte{yes, ext(30, inside), ext(30, outside)}, nil, false},
		"constraint twice, the other way round": {[][]byte{yes, ext(30, outside), ext(30, inside)}, nil, false},
		"constraint on an unknown form":         {[][]byte{yes, ext(30, nameConstraints([]string{"other:x", "email:example.org"}, nil))}, nil, true},
		"constraint on an address that is none": {[][]byte{yes, ext(30, nameConstraints([]string{"ip:\x01", "email:example.org"}, nil))}, nil, false},
		"critical constraint on such":           {[][]byte{yes, criticalExt(30, nameConstraints([]string{"ip:\x01", "email:example.org"}, nil))}, nil, false},
		"critical constraint":                   {[][]byte{yes, criticalExt(30, inside)}, nil, true},
		"critical constraint, not met":          {[][]byte{yes, criticalExt(30, outside)}, nil, false},
		"bad policies":                          {[][]byte{yes, ext(32, []byte("policies"))}, nil, false},
		"bad policy constraints":                {[][]byte{yes, ext(36, []byte("0"))}, nil, false},
		"critical key identifier":               {[][]byte{yes, criticalExt(14, []byte{4, 1, 1})}, nil, false},
		"critical extension of a UUID":          {[][]byte{yes, tlv(cbasn1.SEQUENCE, uuidOID, []byte{1, 1, 0xff}, []byte{4, 0})}, nil, false},
		"extension of a UUID":                   {[][]byte{yes, tlv(cbasn1.SEQUENCE, uuidOID, []byte{4, 0})}, nil, true},
		"compressed key":                        {[][]byte{yes}, ecSPKI(oid(namedCurves["P-256"]...), append([]byte{2 | point[64]&1}, point[1:33]...)), true},
		"curve written out":                     {[][]byte{yes}, ecSPKI(numbersOf(elliptic.P256().Params()).der(), point), false},
	} {
		// Each is refused by crypto/x509 for its serial number, too.
		root := newRaw(t, rootKey.Public())
		root.serial, root.issuer, root.subject, root.extensions = []byte{2, 1, 0x81}, dn("Root"), dn("Root"), [][]byte{yes}
		ca := newRaw(t, caKey.Public())
		ca.serial, ca.issuer, ca.subject, ca.extensions = []byte{2, 1, 0x82}, dn("Root"), dn("CA"), tt.extensions
		if tt.spki != nil {
			ca.spki = tt.spki
		}
		leaf := newRaw(t, leafKey.Public())
		leaf.serial, leaf.issuer, leaf.subject = []byte{2, 1, 0x83}, dn("CA"), dn("Leaf")
		var chain []*x509.Certificate
		for _, der := range [][]byte{leaf.sign(t, caKey), ca.sign(t, rootKey), root.sign(t, rootKey)} {
			cert, err := Parse(der)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			chain = append(chain, cert)
		}
		err := Verify(t.Context(), chain[0], Options{
			Certificates: chain[1:2], Anchors: chain[2:], At: pathTime,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		})
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTolerantNames: no name is read that another reader would not see, and none in the place of
// one that was left out.
func TestTolerantNames(t *testing.T) {
	t.Parallel()
	key := testKey(t, elliptic.P256(), 7)
	mail := attributeOf(oidEmailAddress, cbasn1.IA5String, "subject@example.org")
	for name, tt := range map[string]struct {
		subject []byte
		values  [][]byte
		want    string // all names
	}{
		"subject alone":                    {mail, nil, "subject@example.org"},
		"subject and address":              {mail, [][]byte{altNames("email:a@example.org")}, "a@example.org"},
		"subject and DNS name":             {mail, [][]byte{altNames("dns:example.org")}, "example.org subject@example.org"},
		"subject and an address with NUL":  {mail, [][]byte{altNames("email:a@example.org\x00.evil.example")}, ""},
		"subject and an 8-bit address":     {mail, [][]byte{altNames("email:\xe4@example.org")}, ""},
		"subject and an unreadable one":    {mail, [][]byte{[]byte("names")}, ""},
		"subject, DNS name and unreadable": {mail, [][]byte{altNames("dns:example.org"), nil}, "example.org"},
		"two extensions":                   {mail, [][]byte{altNames("email:a@example.org"), altNames("email:b@example.org")}, "a@example.org b@example.org"},
		"something after the names":        {mail, [][]byte{append(altNames("email:a@example.org"), altNames("email:b@example.org")...)}, "a@example.org"},
		"a name cut off":                   {mail, [][]byte{tlv(cbasn1.SEQUENCE, gn("email:a@example.org"), []byte{0x81, 9, 'b'})}, ""},
		"a name of no form":                {mail, [][]byte{tlv(cbasn1.SEQUENCE, gn("email:a@example.org"), []byte{0x8a, 1, 'b'})}, ""},
		"a line end in a name":             {mail, [][]byte{altNames("email:a@example.org\r\nb@example.org", "dns:a\n.example", "dns:b.example")}, "b.example"},
		"NUL in the subject":               {attributeOf(oidEmailAddress, cbasn1.IA5String, "a@example.org\x00"), nil, ""},
		"BMPString in the subject":         {attributeOf(oidEmailAddress, 30, "\x00a\x00@\x00b"), nil, "a@b"},
		"half a BMPString":                 {attributeOf(oidEmailAddress, 30, "\x00a\x00@\xd8\x00"), nil, ""},
	} {
		r := newRaw(t, key.Public())
		r.serial, r.subject, r.extensions = []byte{2, 1, 0x80}, tt.subject, nil
		for _, v := range tt.values {
			r.extensions = append(r.extensions, ext(17, v))
		}
		cert, err := Parse(r.sign(t, key))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := NamesOf(cert)
		if got := strings.Join(slices.Concat(n.Mail, n.UTF8Mail, n.DNS, n.SubjectMail), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
