package certificate

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"testing"
	"time"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TestParse reads certificates that crypto/x509 refuses. In each the key, the name and the
// signature by its own key are right.
func TestParse(t *testing.T) {
	t.Parallel()
	key := testKey(t, elliptic.P256(), 7)
	mail := ext(17, altNames("email:alice@example.org"))
	commonName := asn1.ObjectIdentifier{2, 5, 4, 3}
	for name, change := range map[string]func(r *raw){
		"negative serial number": func(r *raw) { r.serial = []byte{2, 2, 0x92, 0x67} },
		"version 4":              func(r *raw) { r.version = tlv(constructed0, []byte{2, 1, 3}) },
		"negative version":       func(r *raw) { r.version = tlv(constructed0, []byte{2, 1, 0x80}) },
		"PrintableString with _": func(r *raw) {
			r.subject = attributeOf(commonName, cbasn1.PrintableString, "mail_1@example.org")
			r.issuer = r.subject
		},
		"PrintableString with 8 bits": func(r *raw) { r.subject = attributeOf(commonName, cbasn1.PrintableString, "B\xfccher") },
		"IA5String with 8 bits":       func(r *raw) { r.issuer = attributeOf(commonName, cbasn1.IA5String, "B\xfccher") },
		"UniversalString":             func(r *raw) { r.subject = attributeOf(commonName, 28, "\x00\x00\x00B") },
		"VisibleString":               func(r *raw) { r.subject = attributeOf(commonName, 26, "B") },
		"BMPString of three octets":   func(r *raw) { r.subject = attributeOf(commonName, 30, "\x00BB") },
		"UTF8String that is none":     func(r *raw) { r.subject = attributeOf(commonName, cbasn1.UTF8String, "B\xfccher") },
		"attribute type of a UUID": func(r *raw) {
			r.subject = tlv(cbasn1.SEQUENCE, tlv(cbasn1.SET, tlv(cbasn1.SEQUENCE, uuidOID, []byte("\x0c\x01x"))))
		},
		"time with an offset": func(r *raw) { r.validity = between("260101000000+0000", "360101000000Z") },
		"time that is none":   func(r *raw) { r.validity = between("2601", "360101000000Z") },
		"8-bit name before": func(r *raw) {
			r.extensions = [][]byte{ext(17, altNames("email:\xe4lice@example.org", "email:alice@example.org"))}
		},
		"8-bit name after": func(r *raw) {
			r.extensions = [][]byte{ext(17, altNames("email:alice@example.org", "dns:\xe4.example.org"))}
		},
		"bad URI":                         func(r *raw) { r.extensions = [][]byte{ext(17, altNames("uri:no uri \xff", "email:alice@example.org"))} },
		"bad IP address":                  func(r *raw) { r.extensions = [][]byte{ext(17, altNames("ip:\x01\x02", "email:alice@example.org"))} },
		"subjectAltName twice":            func(r *raw) { r.extensions = [][]byte{mail, mail} },
		"two subjectAltNames":             func(r *raw) { r.extensions = [][]byte{mail, ext(17, altNames("dns:example.org"))} },
		"bad CRLDistributionPoints":       func(r *raw) { r.extensions = append(r.extensions, ext(31, []byte("no points"))) },
		"bad authorityKeyIdentifier":      func(r *raw) { r.extensions = append(r.extensions, ext(35, []byte{4, 1})) },
		"bad subjectKeyIdentifier":        func(r *raw) { r.extensions = append(r.extensions, ext(14, []byte("key"))) },
		"bad certificatePolicies":         func(r *raw) { r.extensions = append(r.extensions, ext(32, []byte{0x30, 2, 5, 0})) },
		"bad keyUsage":                    func(r *raw) { r.extensions = append(r.extensions, ext(15, []byte("usage"))) },
		"bad extKeyUsage":                 func(r *raw) { r.extensions = append(r.extensions, ext(37, []byte("usage"))) },
		"bad basicConstraints":            func(r *raw) { r.extensions = append(r.extensions, ext(19, []byte("authority"))) },
		"bad nameConstraints":             func(r *raw) { r.extensions = append(r.extensions, ext(30, []byte("names"))) },
		"critical authorityKeyIdentifier": func(r *raw) { r.extensions = append(r.extensions, criticalExt(35, []byte{0x30, 0})) },
		"extension of a UUID":             func(r *raw) { r.extensions = append(r.extensions, tlv(cbasn1.SEQUENCE, uuidOID, []byte{4, 0})) },
		"critical is 1": func(r *raw) {
			r.extensions = append(r.extensions, tlv(cbasn1.SEQUENCE, oid(2, 5, 29, 15), []byte{1, 1, 1}, tlv(cbasn1.OCTET_STRING, []byte{3, 2, 7, 0x80})))
		},
		"cA is 1":             func(r *raw) { r.extensions = append(r.extensions, ext(19, []byte{0x30, 3, 1, 1, 1})) },
		"padding of keyUsage": func(r *raw) { r.extensions = append(r.extensions, ext(15, []byte{3, 2, 7, 0xff})) },
		"extKeyUsage of a UUID": func(r *raw) {
			r.extensions = append(r.extensions, ext(37, tlv(cbasn1.SEQUENCE, uuidOID, oid(1, 3, 6, 1, 5, 5, 7, 3, 4))))
		},
		"key usage twice": func(r *raw) {
			r.extensions = append(r.extensions, ext(15, []byte{3, 2, 7, 0x80}), ext(15, []byte{3, 2, 7, 0x80}))
		},
	} {
		r := newRaw(t, key.Public())
		change(&r)
		der := r.sign(t, key)
		if _, err := x509.ParseCertificate(der); err == nil && name != "negative version" {
			t.Errorf("%s: crypto/x509 reads it", name)
		}
		cert, err := Parse(der)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		shown, err := PossessionOf(t.Context(), cert, nil)
		if mails := slices.Compact(NamesOf(cert).Mail); err != nil || shown != PossessionShown || !slices.Equal(mails, []string{"alice@example.org"}) || !key.PublicKey.Equal(cert.PublicKey) {
			t.Errorf("%s: key %v, names %q, signed by itself: %v, %v", name, cert.PublicKey, mails, shown, err)
		}
		if !bytes.Equal(cert.Raw, der) || !bytes.Equal(cert.RawTBSCertificate, r.tbs()) || !bytes.Equal(cert.RawSubjectPublicKeyInfo, r.spki) ||
			!bytes.Equal(cert.RawIssuer, r.issuer) || !bytes.Equal(cert.RawSubject, r.subject) || len(cert.Extensions) != len(r.extensions) {
			t.Errorf("%s: its octets are not those of the certificate", name)
		}
	}
}

// TestParseUsage: what cannot be read, or occurs twice, allows no more than it surely does.
func TestParseUsage(t *testing.T) {
	t.Parallel()
	const signing, certs = x509.KeyUsageDigitalSignature, x509.KeyUsageCertSign
	usageExt := func(octets ...byte) []byte { return ext(15, append([]byte{3, byte(len(octets))}, octets...)) }
	mailPurpose, otherPurpose := oid(1, 3, 6, 1, 5, 5, 7, 3, 4), oid(1, 3, 6, 1, 5, 5, 7, 3, 1)
	purposes := func(ids ...[]byte) []byte { return ext(37, tlv(cbasn1.SEQUENCE, ids...)) }
	anyCA, caOf0, noCA := ext(19, []byte{0x30, 3, 1, 1, 0xff}), ext(19, []byte{0x30, 6, 1, 1, 0xff, 2, 1, 0}), ext(19, []byte{0x30, 0})
	caOf1, caOf2 := ext(19, []byte{0x30, 6, 1, 1, 0xff, 2, 1, 1}), ext(19, []byte{0x30, 6, 1, 1, 0xff, 2, 1, 2})
	mail := []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	lengths := map[string]int{"authority": -1, "authority twice": 0, "longer path first": 1, "shorter path first": 1}
	for name, tt := range map[string]struct {
		extensions [][]byte
		usage      x509.KeyUsage
		extended   []x509.ExtKeyUsage
		unknown    int
		valid, ca  bool
	}{
		"none":                     {nil, 0, nil, 0, false, false},
		"usage":                    {[][]byte{usageExt(7, 0x80)}, signing, nil, 0, false, false},
		"usage, nothing":           {[][]byte{usageExt(0)}, UnreadableKeyUsage, nil, 0, false, false},
		"usage, zero":              {[][]byte{usageExt(7, 0)}, UnreadableKeyUsage, nil, 0, false, false},
		"usage, unreadable":        {[][]byte{ext(15, []byte{4, 2, 7, 0x80})}, UnreadableKeyUsage, nil, 0, false, false},
		"usage, 9 unused bits":     {[][]byte{usageExt(9, 0x80)}, UnreadableKeyUsage, nil, 0, false, false},
		"usage, only padding":      {[][]byte{usageExt(7, 0x7f)}, UnreadableKeyUsage, nil, 0, false, false},
		"usage with padding":       {[][]byte{usageExt(7, 0x84)}, signing, nil, 0, false, false},
		"usage, something after":   {[][]byte{ext(15, []byte{3, 2, 7, 0x84, 0})}, UnreadableKeyUsage, nil, 0, false, false},
		"nine bits":                {[][]byte{usageExt(7, 0x05, 0x80), ext(31, nil)}, certs | x509.KeyUsageEncipherOnly | x509.KeyUsageDecipherOnly, nil, 0, false, false},
		"two usages":               {[][]byte{usageExt(0, 0x84), usageExt(0, 0xc0)}, signing, nil, 0, false, false},
		"two usages, none of both": {[][]byte{usageExt(7, 0x80), usageExt(2, 0x04)}, UnreadableKeyUsage, nil, 0, false, false},
		"usage and an unreadable":  {[][]byte{usageExt(7, 0x80), ext(15, nil)}, UnreadableKeyUsage, nil, 0, false, false},
		"three usages":             {[][]byte{usageExt(7, 0x80), usageExt(0, 0xff), usageExt(1, 0x06)}, UnreadableKeyUsage, nil, 0, false, false},
		"purpose":                  {[][]byte{purposes(mailPurpose)}, 0, mail, 0, false, false},
		"purpose, nothing":         {[][]byte{purposes()}, 0, nil, 1, false, false},
		"purpose, unreadable":      {[][]byte{ext(37, []byte{0x30, 2, 5, 0})}, 0, nil, 1, false, false},
		"purpose, something after": {[][]byte{ext(37, append(tlv(cbasn1.SEQUENCE, mailPurpose), 0)), ext(31, nil)}, 0, nil, 1, false, false},
		"two purposes":             {[][]byte{purposes(mailPurpose), purposes(otherPurpose, mailPurpose)}, 0, mail, 0, false, false},
		"two other purposes":       {[][]byte{purposes(mailPurpose), purposes(otherPurpose)}, 0, nil, 1, false, false},
		"purpose of a UUID":        {[][]byte{purposes(uuidOID)}, 0, nil, 1, false, false},
		"authority":                {[][]byte{anyCA}, 0, nil, 0, true, true},
		"authority, unreadable":    {[][]byte{ext(19, []byte{0x30, 3, 1, 2, 0xff})}, 0, nil, 0, true, false},
		"authority, then none":     {[][]byte{anyCA, noCA}, 0, nil, 0, true, false},
		"none, then authority":     {[][]byte{noCA, anyCA}, 0, nil, 0, true, false},
		"authority twice":          {[][]byte{anyCA, caOf0}, 0, nil, 0, true, true},
		"longer path first":        {[][]byte{caOf2, caOf1}, 0, nil, 0, true, true},
		"shorter path first":       {[][]byte{caOf1, caOf2}, 0, nil, 0, true, true},
		"authority, negative path": {[][]byte{ext(19, []byte{0x30, 6, 1, 1, 0xff, 2, 1, 0x80})}, 0, nil, 0, true, false},
	} {
		r := newRaw(t, testKey(t, elliptic.P256(), 7).Public())
		r.extensions = append(r.extensions, tt.extensions...)
		cert, err := Parse(r.sign(t, testKey(t, elliptic.P256(), 7)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if cert.KeyUsage != tt.usage || !slices.Equal(cert.ExtKeyUsage, tt.extended) || len(cert.UnknownExtKeyUsage) != tt.unknown ||
			cert.BasicConstraintsValid != tt.valid || cert.IsCA != tt.ca {
			t.Errorf("%s: usage %b, extended %v, %v, CA %t %t", name, cert.KeyUsage, cert.ExtKeyUsage, cert.UnknownExtKeyUsage, cert.BasicConstraintsValid, cert.IsCA)
		}
		if want, ok := lengths[name]; ok && (cert.MaxPathLen != want || cert.MaxPathLenZero != (want == 0)) {
			t.Errorf("%s: path of %d, want %d", name, cert.MaxPathLen, want)
		}
	}
}

// TestParseTimes: a time is the one that X.680 says, and one that is none makes the certificate
// never valid.
func TestParseTimes(t *testing.T) {
	t.Parallel()
	const utc, generalized = cbasn1.UTCTime, cbasn1.GeneralizedTime
	for _, tt := range []struct {
		tag  cbasn1.Tag
		text string
		want string // of RFC 3339; "": unreadable
	}{
		{utc, "260102030405Z", "2026-01-02T03:04:05Z"},
		{utc, "260102030405+0000", "2026-01-02T03:04:05Z"},
		{utc, "260102030405+0130", "2026-01-02T01:34:05Z"},
		{utc, "260102030405-0130", "2026-01-02T04:34:05Z"},
		{utc, "2601020304Z", "2026-01-02T03:04:00Z"},
		{utc, "500102030405+0000", "1950-01-02T03:04:05Z"},
		{utc, "490102030405+0000", "2049-01-02T03:04:05Z"},
		{utc, "260102030405", ""},
		{utc, "26010203Z", ""},
		{utc, "261302030405Z", ""},
		{utc, "20260102030405Z", ""},
		{utc, "", ""},
		{generalized, "20260102030405Z", "2026-01-02T03:04:05Z"},
		{generalized, "20260102030405.5Z", "2026-01-02T03:04:05.5Z"},
		{generalized, "20260102030405+0100", "2026-01-02T02:04:05Z"},
		{generalized, "2026010203Z", "2026-01-02T03:00:00Z"},
		{generalized, "20260102030405", ""},
	} {
		r := newRaw(t, testKey(t, elliptic.P256(), 7).Public())
		r.serial = []byte{2, 1, 0x80} // crypto/x509 does not read it
		odd := tlv(tt.tag, []byte(tt.text))
		for place, validity := range [][]byte{tlv(cbasn1.SEQUENCE, odd, tlv(generalized, []byte("20990101000000Z"))), tlv(cbasn1.SEQUENCE, tlv(utc, []byte("500101000000Z")), odd)} {
			r.validity = validity
			cert, err := Parse(r.sign(t, testKey(t, elliptic.P256(), 7)))
			if err != nil {
				t.Fatalf("%s: %v", tt.text, err)
			}
			got := []time.Time{cert.NotBefore, cert.NotAfter}[place]
			if want, _ := time.Parse(time.RFC3339, tt.want); tt.want != "" && !got.Equal(want) || tt.want == "" && cert.NotBefore.Before(cert.NotAfter) {
				t.Errorf("%s: from %s to %s", tt.text, cert.NotBefore, cert.NotAfter)
			}
		}
	}
}

// TestParseUnreadable: certificates that are none, and why.
func TestParseUnreadable(t *testing.T) {
	t.Parallel()
	key := testKey(t, elliptic.P256(), 7)
	for name, tt := range map[string]struct {
		change func(r *raw)
		want   error
		known  bool // its issuer and serial number are
	}{
		"padded serial number": {func(r *raw) { r.serial = []byte{2, 2, 0, 1} }, errSerial, false},
		"no serial number":     {func(r *raw) { r.serial = []byte{2, 0} }, errSerial, false},
		"version":              {func(r *raw) { r.version = tlv(constructed0, []byte{4, 1, 2}) }, errVersion, false},
		"algorithm":            {func(r *raw) { r.algorithm = []byte{0x30, 0} }, errAlgorithm, false},
		"key":                  {func(r *raw) { r.spki = tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE, []byte{6})) }, errKey, true},
		"dates":                {func(r *raw) { r.validity = []byte{0x30, 0} }, errValidity, true},
		"issuer":               {func(r *raw) { r.issuer = []byte{0x30, 2, 5, 0} }, errIssuer, true},
		"subject":              {func(r *raw) { r.subject = []byte{0x30, 2, 5, 0} }, errSubject, true},
		"extensions":           {func(r *raw) { r.extensions = [][]byte{{5, 0}} }, errExtensions, true},
		"critical": {func(r *raw) {
			r.extensions = [][]byte{tlv(cbasn1.SEQUENCE, oid(2, 5, 29, 15), []byte{1, 2, 0, 0}, []byte{4, 0})}
		}, errExtensions, true},
		"after the extensions": {func(r *raw) { r.serial, r.tail = []byte{2, 1, 0x80}, []byte{5, 0} }, errTrailing, true},
	} {
		r := newRaw(t, key.Public())
		tt.change(&r)
		cert, err := Parse(r.sign(t, key))
		why, ok := err.(*UnreadableError) //nolint:errorlint // it is not wrapped
		if !ok || cert != nil || why.Reason != tt.want.Error() || tt.known != (bytes.Equal(why.RawIssuer, r.issuer) && bytes.Equal(why.Serial, r.serial[2:])) {
			t.Errorf("%s: %v, %#v", name, err, why)
		}
	}
	for name, der := range map[string][]byte{"": nil, "NULL": {5, 0}, "empty": {0x30, 0}, "something after": append(newRaw(t, key.Public()).sign(t, key), 0)} {
		if cert, err := Parse(der); cert != nil || err == nil || err.Error() != "certificate: "+errNotCertificate.Error() {
			t.Errorf("%s: %v, %v", name, cert, err)
		}
	}
}

// TestParseAlgorithms: a signature proves nothing where the algorithm outside the signed part is
// another, or bits of it are missing.
func TestParseAlgorithms(t *testing.T) {
	t.Parallel()
	key := testKey(t, elliptic.P256(), 7)
	r := newRaw(t, key.Public())
	r.outer = tlv(cbasn1.SEQUENCE, oid(1, 2, 840, 10045, 4, 3, 2), []byte{5, 0})
	cert, err := Parse(r.sign(t, key))
	if err != nil || cert.SignatureAlgorithm != x509.UnknownSignatureAlgorithm {
		t.Errorf("%v, %v", cert, err)
	}
	r.serial, r.outer = []byte{2, 1, 0x80}, nil
	cert, err = Parse(tlv(cbasn1.SEQUENCE, r.tbs(), r.algorithm, tlv(cbasn1.BIT_STRING, []byte{1}, cert.Signature)))
	if err != nil || cert.SignatureAlgorithm != x509.UnknownSignatureAlgorithm {
		t.Errorf("%v, %v", cert, err)
	}
}

// TestParseManyExtensions: one that a stranger fills with extensions costs no more for each of
// them: it takes half a second, two with -race. Compared with all others this would take minutes.
func TestParseManyExtensions(t *testing.T) {
	t.Parallel()
	r := newRaw(t, testKey(t, elliptic.P256(), 7).Public())
	r.extensions = append(r.extensions, bytes.Repeat(ext(127, nil), 1e5), bytes.Repeat(ext(15, nil), 1e5))
	der := r.sign(t, testKey(t, elliptic.P256(), 7))
	start := time.Now()
	cert, err := Parse(der)
	if err != nil || cert.KeyUsage != UnreadableKeyUsage {
		t.Fatal(err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("%v for %d octets", took, len(der))
	}
}
