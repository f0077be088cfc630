package timestamp

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	oidID        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSigned    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidType      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningV1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidECDSA     = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidSHA1      = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA3      = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 8}
)

// tstInfo is TSTInfo (RFC 3161, Section 2.4.2), by another library.
type tstInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Hash      []byte
	}
	Serial  *big.Int
	GenTime time.Time     `asn1:"generalized"`
	Rest    asn1.RawValue `asn1:"optional"`
}

// forgery is a token whose authority signs what no service would.
type forgery struct {
	info        tstInfo
	raw         []byte // the content, where it is not info
	contentType asn1.ObjectIdentifier
	detached    bool
	bare        bool // no signed attributes
	// signingCertificate is the attribute's value; nil: there is none.
	signingCertificate []byte
	signingType        asn1.ObjectIdentifier
	signers            []*authority
	certificates       []*authority
}

func must[T any](tb testing.TB) func(T, error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// tlv is an element with a tag of one octet and these inside.
func tlv(tb testing.TB, tag byte, inside ...[]byte) []byte {
	tb.Helper()
	return must[[]byte](tb)(asn1.Marshal(asn1.RawValue{Class: int(tag >> 6), Tag: int(tag & 0x1f), IsCompound: tag&0x20 != 0, Bytes: slices.Concat(inside...)}))
}

func der(tb testing.TB, v any) []byte {
	tb.Helper()
	return must[[]byte](tb)(asn1.Marshal(v))
}

// hashes is the value of signingCertificateV2, or of the older one, for a certificate.
func hashes(tb testing.TB, hash []byte) []byte {
	tb.Helper()
	return tlv(tb, 0x30, tlv(tb, 0x30, tlv(tb, 0x30, tlv(tb, 4, hash))))
}

// forge is a token by a: edit changes what a service would sign.
func forge(tb testing.TB, a *authority, edit func(*forgery)) []byte {
	tb.Helper()
	hash := sha256.Sum256(a.cert.Raw)
	f := &forgery{contentType: oidTSTInfo, signingType: oidSigningV2, signingCertificate: hashes(tb, hash[:]), signers: []*authority{a}, certificates: []*authority{a}}
	f.info = tstInfo{Version: 1, Policy: asn1.ObjectIdentifier{1, 2, 3}, Serial: big.NewInt(1), GenTime: now}
	f.info.Imprint.Algorithm.Algorithm, f.info.Imprint.Hash = oidSHA256, testDigest[:]
	if edit != nil {
		edit(f)
	}
	if f.raw == nil {
		f.raw = der(tb, f.info)
	}
	digests := tlv(tb, 0x31, tlv(tb, 0x30, der(tb, oidSHA256)))
	content := der(tb, f.contentType)
	if !f.detached {
		content = append(content, tlv(tb, 0xa0, tlv(tb, 4, f.raw))...)
	}
	var certificates, signers [][]byte
	for _, c := range f.certificates {
		certificates = append(certificates, c.cert.Raw)
	}
	for _, s := range f.signers {
		signers = append(signers, f.signer(tb, s))
	}
	data := tlv(tb, 0x30, der(tb, 3), digests, tlv(tb, 0x30, content), tlv(tb, 0xa0, certificates...), tlv(tb, 0x31, signers...))
	return tlv(tb, 0x30, der(tb, oidSigned), tlv(tb, 0xa0, data))
}

// signer is a SignerInfo (RFC 5652, Section 5.3) by a.
func (f *forgery) signer(tb testing.TB, a *authority) []byte {
	tb.Helper()
	attribute := func(oid asn1.ObjectIdentifier, value []byte) []byte {
		return tlv(tb, 0x30, der(tb, oid), tlv(tb, 0x31, value))
	}
	digest := sha256.Sum256(f.raw)
	attributes := slices.Concat(attribute(oidType, der(tb, f.contentType)), attribute(oidDigest, tlv(tb, 4, digest[:])))
	if f.signingCertificate != nil {
		attributes = append(attributes, attribute(f.signingType, f.signingCertificate)...)
	}
	signed, sent := tlv(tb, 0x31, attributes), tlv(tb, 0xa0, attributes)
	if f.bare {
		signed, sent = f.raw, nil
	}
	hash := sha256.Sum256(signed)
	signature := must[[]byte](tb)(a.key.Sign(rand.Reader, hash[:], nil))
	sha := tlv(tb, 0x30, der(tb, oidSHA256))
	sid := tlv(tb, 0x30, a.cert.RawIssuer, der(tb, a.cert.SerialNumber))
	return tlv(tb, 0x30, der(tb, 1), sid, sha, sent, tlv(tb, 0x30, der(tb, oidECDSA)), tlv(tb, 4, signature))
}

// TestForged: what an authority of ours has signed, and what is no token of it all the same.
func TestForged(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", nil, isCA)
	tsa := issue(t, "tsa", root, forStamps)
	other := issue(t, "other", root, forStamps)
	twin := sha256.Sum256(other.cert.Raw)
	none := "what the token signs is no TSTInfo"
	for _, tt := range []struct {
		name, want string
		edit       func(*forgery)
	}{
		{"right", "", nil},
		{"with NULL after the algorithm", "", func(f *forgery) { f.info.Imprint.Algorithm.Parameters = asn1.NullRawValue }},
		{"another certificate of the root", "", func(f *forgery) { f.certificates = append(f.certificates, other) }},
		{"version 0", none, func(f *forgery) { f.info.Version = 0 }},
		{"version 2", none, func(f *forgery) { f.info.Version = 2 }},
		{"SHA-1", "another digest", func(f *forgery) { f.info.Imprint.Algorithm.Algorithm = oidSHA1 }},
		{"SHA3-256", "another digest", func(f *forgery) { f.info.Imprint.Algorithm.Algorithm = oidSHA3 }},
		{"SHA-256 with parameters", none, func(f *forgery) { f.info.Imprint.Algorithm.Parameters = asn1.RawValue{FullBytes: []byte{2, 1, 0}} }},
		{"a part of the digest", "another digest", func(f *forgery) { f.info.Imprint.Hash = testDigest[:31] }},
		{"no digest", "another digest", func(f *forgery) { f.info.Imprint.Hash = nil }},
		{"id-data", none, func(f *forgery) { f.contentType = oidID }},
		{"another content type", none, func(f *forgery) { f.contentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 5} }},
		{"detached", none, func(f *forgery) { f.detached = true }},
		{"empty", none, func(f *forgery) { f.raw = []byte{} }},
		{"more than TSTInfo", none, func(f *forgery) { f.raw = append(der(t, f.info), 5, 0) }},
		{"more in the imprint", none, func(f *forgery) {
			f.raw = edited(t, der(t, f.info), adding(t, []byte{5, 0}), 2)
		}},
		{"more in TSTInfo", none, func(f *forgery) { f.info.Rest = asn1.RawValue{FullBytes: []byte{5, 0}} }},
		{"a nonce of another request", "", func(f *forgery) { f.info.Rest = asn1.RawValue{FullBytes: []byte{2, 1, 0xff}} }},
		{"another policy", "", func(f *forgery) { f.info.Policy = asn1.ObjectIdentifier{2, 999, 1} }},
		{"no signer", none, func(f *forgery) { f.signers = nil }},
		{"two signers", none, func(f *forgery) { f.signers, f.certificates = []*authority{tsa, other}, []*authority{tsa, other} }},
		{"the same signer twice", none, func(f *forgery) { f.signers = []*authority{tsa, tsa} }},
		{"no signed attributes", "does not say which certificate", func(f *forgery) { f.bare, f.contentType = true, oidTSTInfo }},
		{"no signingCertificate", "does not say which certificate", func(f *forgery) { f.signingCertificate = nil }},
		{"that of another certificate", "is not in the token", func(f *forgery) { f.signingCertificate = hashes(t, twin[:]) }},
		{"that of both", "is not in the token", func(f *forgery) {
			f.signingCertificate, f.certificates = hashes(t, twin[:]), []*authority{other, tsa}
		}},
		{"the older form with another length", "is not in the token", func(f *forgery) {
			f.signingType, f.signingCertificate = oidSigningV1, hashes(t, twin[:20])
		}},
	} {
		got, err := Verify(t.Context(), forge(t, tsa, tt.edit), testDigest, []*x509.Certificate{root.cert}, now)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && (!got.Time.Equal(now) || !got.Signer.Equal(tsa.cert)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestTimes: the path is that of the time in the token, of every certificate in it, and genTime is
// read as RFC 3161 writes it.
func TestTimes(t *testing.T) {
	t.Parallel()
	until := func(from, to time.Duration, edit func(*x509.Certificate)) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			edit(c)
			c.NotBefore, c.NotAfter = now.Add(from), now.Add(to)
		}
	}
	year := 365 * 24 * time.Hour
	for _, tt := range []struct {
		name, want        string
		root, middle, tsa func(*x509.Certificate)
		at                time.Duration
	}{
		{"all valid", "", isCA, isCA, forStamps, 0},
		{"valid then, over long ago", "", until(-20*year, -10*year, isCA), until(-20*year, -10*year, isCA), until(-20*year, -15*year, forStamps), -16 * year},
		{"after the authority's end", "expired", isCA, isCA, until(-time.Hour, -time.Minute, forStamps), 0},
		{"before its beginning", "not valid", isCA, isCA, until(time.Minute, time.Hour, forStamps), 0},
		{"after the end of the CA between", "expired", isCA, until(-time.Hour, -time.Minute, isCA), forStamps, 0},
		{"before its beginning", "not valid", isCA, until(time.Minute, time.Hour, isCA), forStamps, 0},
		{"after the end of the root", "expired", until(-time.Hour, -time.Minute, isCA), isCA, forStamps, 0},
		{"in the future", "in the future", isCA, isCA, until(-time.Hour, year, forStamps), 5*time.Minute + time.Second},
		{"by clocks that differ", "", isCA, isCA, until(-time.Hour, year, forStamps), 5 * time.Minute},
	} {
		root := issue(t, "root", nil, tt.root)
		middle := issue(t, "middle", root, tt.middle)
		tsa := issue(t, "tsa", middle, tt.tsa)
		token := forge(t, tsa, func(f *forgery) {
			f.info.GenTime, f.certificates = now.Add(tt.at), append(f.certificates, middle)
		})
		got, err := Verify(t.Context(), token, testDigest, []*x509.Certificate{root.cert}, now)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && !got.Time.Equal(now.Add(tt.at)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestGenTime: one form of a time.
func TestGenTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"20261124120000Z": "2026-11-24T12:00:00Z", "20261124120000.5Z": "2026-11-24T12:00:00.5Z", "20261124120000.123456789Z": "2026-11-24T12:00:00.123456789Z",
		"20261124120000.50Z": "", "20261124120000.0Z": "", "20261124120000.Z": "", "20261124120000.1234567891Z": "", "202611241200Z": "", "20261124120000": "",
		"20261124120000+0100": "", "20261124120000Z ": "", "20261324120000Z": "", "20260230120000Z": "", "20261124240000Z": "", "20261124120000,5Z": "",
	} {
		info := tstInfo{Version: 1, Policy: asn1.ObjectIdentifier{1, 2, 3}, Serial: big.NewInt(1), GenTime: now}
		info.Imprint.Algorithm.Algorithm, info.Imprint.Hash = oidSHA256, testDigest[:]
		raw := edited(t, der(t, info), func([]byte) []byte { return tlv(t, 0x18, []byte(text)) }, 4)
		got, err := readInfo(raw, testDigest)
		if (err == nil) != (want != "") || err == nil && got.Time.Format(time.RFC3339Nano) != want || err != nil && !errors.Is(err, errNotForContent) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// TestAccuracy: its parts are those of RFC 3161, Section 2.4.2.
func TestAccuracy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "\x02\x01\x05": 5 * time.Second, "\x80\x01\x05": 5 * time.Millisecond, "\x81\x01\x05": 5 * time.Microsecond,
		"\x02\x01\x01\x80\x02\x03\xe7\x81\x02\x03\xe7": time.Second + 999*time.Millisecond + 999*time.Microsecond,
		"\x80\x01\x00": -1, "\x80\x02\x03\xe8": -1, "\x81\x01\xff": -1, "\x81\x01\x05\x80\x01\x05": -1, "\x02\x01\xff": -1, "\x02\x05\x01\x00\x00\x00\x00": -1, "\x05\x00": -1,
	} {
		info := tstInfo{Version: 1, Policy: asn1.ObjectIdentifier{1, 2, 3}, Serial: big.NewInt(1), GenTime: now, Rest: asn1.RawValue{FullBytes: tlv(t, 0x30, []byte(text))}}
		info.Imprint.Algorithm.Algorithm, info.Imprint.Hash = oidSHA256, testDigest[:]
		got, err := readInfo(der(t, info), testDigest)
		if (err == nil) != (want >= 0) || err == nil && got.Accuracy != want {
			t.Errorf("%x: %+v, %v", text, got, err)
		}
	}
}

// TestPaths: who may vouch for an authority.
func TestPaths(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", nil, isCA)
	mail := func(c *x509.Certificate) { isCA(c); usage(false, 4)(c) }
	stamps := func(c *x509.Certificate) { isCA(c); usage(false, 8)(c) }
	itself := issue(t, "itself", nil, forStamps)
	for name, c := range map[string]struct {
		tsa   *authority
		chain []*authority
		roots []*authority
		want  string
	}{
		"a CA for time stamps":        {nil, []*authority{issue(t, "middle", root, stamps)}, []*authority{root}, ""},
		"a CA for mail":               {nil, []*authority{issue(t, "middle", root, mail)}, []*authority{root}, "not for this purpose"},
		"a CA that is none":           {nil, []*authority{issue(t, "middle", root, forStamps)}, []*authority{root}, "no certification authority"},
		"itself":                      {itself, nil, []*authority{itself}, "no path to an anchor"},
		"no root":                     {itself, nil, nil, "there is no root"},
		"one of several":              {nil, []*authority{issue(t, "middle", root, isCA)}, []*authority{itself, root}, ""},
		"another of the same name":    {issue(t, "tsa", root, forStamps), nil, []*authority{issue(t, "root", nil, isCA)}, "no root given vouches"},
		"a CA as root, without above": {nil, []*authority{issue(t, "middle", root, isCA)}, nil, "there is no root"},
	} {
		tsa := c.tsa
		if tsa == nil {
			tsa = issue(t, "tsa", c.chain[0], forStamps)
		}
		var roots []*x509.Certificate
		for _, r := range c.roots {
			roots = append(roots, r.cert)
		}
		token := forge(t, tsa, func(f *forgery) { f.certificates = append(f.certificates, c.chain...) })
		if _, err := Verify(t.Context(), token, testDigest, roots, now); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestPurposes: a certificate for something else as well is none for time stamps.
func TestPurposes(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", nil, isCA)
	purposes := func(critical bool, oids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: oidExtKeyUsage, Critical: critical, Value: der(t, oids)}}
		}
	}
	stamps := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	for name, c := range map[string]struct {
		edit func(*x509.Certificate)
		want bool
	}{
		"time stamps":             {purposes(true, stamps), true},
		"not critical":            {purposes(false, stamps), false},
		"an unknown one too":      {purposes(true, stamps, asn1.ObjectIdentifier{1, 2, 3, 4}), false},
		"an unknown one alone":    {purposes(true, asn1.ObjectIdentifier{1, 2, 3, 4}), false},
		"any":                     {purposes(true, asn1.ObjectIdentifier{2, 5, 29, 37, 0}), false},
		"any, too":                {purposes(true, stamps, asn1.ObjectIdentifier{2, 5, 29, 37, 0}), false},
		"twice":                   {purposes(true, stamps, stamps), false},
		"non-repudiation":         {func(c *x509.Certificate) { forStamps(c); c.KeyUsage = x509.KeyUsageContentCommitment }, true},
		"every use of a key":      {func(c *x509.Certificate) { forStamps(c); c.KeyUsage = 0 }, true},
		"to sign certificates":    {func(c *x509.Certificate) { forStamps(c); c.KeyUsage = x509.KeyUsageCertSign }, false},
		"to sign lists and stamp": {func(c *x509.Certificate) { forStamps(c); c.KeyUsage |= x509.KeyUsageCRLSign }, true},
	} {
		_, err := Verify(t.Context(), forge(t, issue(t, "tsa", root, c.edit), nil), testDigest, []*x509.Certificate{root.cert}, now)
		if (err == nil) != c.want || err != nil && !errors.Is(err, errNotAuthority) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
