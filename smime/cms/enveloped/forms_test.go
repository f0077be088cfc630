package enveloped

import (
	"bytes"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// draft is a message as it is put together, for forms that Encrypt does not write.
type draft struct {
	oid, version         string
	before               []byte // originatorInfo
	infos                [][]byte
	contentType          string
	algorithm, encrypted []byte
	after                []byte // what comes behind the content
}

func (d draft) der() []byte {
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(d.oid)), ber.TLV(ber.TagContext0, ber.TLV(
		ber.TagSequence,
		ber.TLV(ber.TagInteger, []byte(d.version)), d.before, ber.SetOf(ber.TagSet, d.infos),
		ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(d.contentType)), d.algorithm, ber.TLV(ber.TagImplicitOctet, d.encrypted)),
		d.after,
	)))
}

// sealed is the draft of an AuthEnvelopedData for p with a nonce and a tag of these sizes and the
// authAttrs in the contents of additional.
func sealed(tb testing.TB, p person, nonce, tag int, additional []byte) (draft, *encryption) {
	tb.Helper()
	c, _ := newCipher(AES128GCM)
	c.iv, c.tagSize = make([]byte, nonce), tag
	_, _ = rand.Read(c.iv)
	e := newEncryption(c)
	info, err := e.recipientInfo(&Recipient{Certificate: p.Certificate})
	if err != nil {
		tb.Fatal(err)
	}
	aead, err := e.aead(e.contentKey)
	if err != nil {
		tb.Fatal(err)
	}
	var authenticated, attributes []byte
	if additional != nil {
		authenticated, attributes = ber.TLV(ber.TagSet, additional), ber.TLV(ber.TagContext1, additional)
	}
	out := aead.Seal(nil, c.iv, []byte(testContent), authenticated)
	ciphertext, mac := out[:len(testContent)], out[len(testContent):]
	return draft{
		oid: oidAuthEnvelopedData, version: "\x00", infos: [][]byte{info}, contentType: algorithm.OIDData,
		algorithm: c.algorithmIdentifier(), encrypted: ciphertext,
		after: append(attributes, ber.TLV(ber.TagOctetString, mac)...),
	}, e
}

// judge decrypts d, and says what became of it: the content, or the kind of the error.
func judge(d draft, keys ...Key) (string, *Content, error) {
	var out strings.Builder
	got, err := Decrypt(bytes.NewReader(d.der()), &out, DecryptOptions{Keys: keys})
	return out.String(), got, err
}

// TestTagSizes: tags of 12 to 16 octets (RFC 5084, Section 3.2) and nonces of any size.
func TestTagSizes(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "p256", 1)
	for tag := minTagSize; tag <= tagSize; tag++ {
		d, _ := sealed(t, p, nonceSize, tag, nil)
		if out, _, err := judge(d, p.Key); out != testContent {
			t.Errorf("a tag of %d octets: %v", tag, err)
		}
		// A tag that is cut, or longer, is no shorter tag.
		d.after = ber.TLV(ber.TagOctetString, contents(t, d.after)[:tag-1])
		if out, _, err := judge(d, p.Key); out != "" || !errors.Is(err, ErrDecrypt) {
			t.Errorf("a tag of %d octets, cut: %q, %v", tag, out, err)
		}
	}
	d, _ := sealed(t, p, nonceSize, minTagSize, nil)
	gcm := contents(t, contents(t, d.algorithm)[11:]) // behind the OBJECT IDENTIFIER
	d.algorithm = algorithm.Encode(oidAES128GCM, ber.TLV(ber.TagSequence, gcm[:2+nonceSize]))
	if out, _, err := judge(d, p.Key); out != testContent {
		t.Errorf("a tag of the default size: %v", err)
	}
	for _, nonce := range []int{1, 8, 16, 64} {
		d, _ := sealed(t, p, nonce, tagSize, nil)
		if out, _, err := judge(d, p.Key); out != testContent {
			t.Errorf("a nonce of %d octets: %v", nonce, err)
		}
	}
	for _, size := range []byte{0, 4, 8, 11, 17, 255} {
		d, _ := sealed(t, p, nonceSize, tagSize, nil)
		d.algorithm[len(d.algorithm)-1] = size
		_, _, err := judge(d, p.Key)
		if _, ok := errors.AsType[*UnsupportedError](err); !ok {
			t.Errorf("a tag of %d octets: %v", size, err)
		}
	}
}

// TestAuthenticatedAttributes: authAttrs are authenticated, and the contentType in them is that of
// the content (RFC 5083, Section 2.1).
func TestAuthenticatedAttributes(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "p256", 1)
	attribute := func(id, value string) []byte {
		return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(id)), ber.TLV(ber.TagSet, ber.TLV(ber.TagOID, []byte(value))))
	}
	right := attribute(oidContentType, algorithm.OIDSignedData)
	other := attribute("\x2a\x03", algorithm.OIDData)
	for name, tt := range map[string]struct {
		additional  []byte
		contentType string
		want        string
	}{
		"signed-data":           {right, algorithm.OIDSignedData, testContent},
		"two attributes":        {slices.Concat(other, right), algorithm.OIDSignedData, testContent},
		"data":                  {attribute(oidContentType, algorithm.OIDData), algorithm.OIDData, testContent},
		"another type":          {right, algorithm.OIDData, "syntax"},
		"no contentType":        {other, algorithm.OIDSignedData, "syntax"},
		"none, and signed-data": {nil, algorithm.OIDSignedData, "syntax"},
		"nothing in them":       {[]byte{}, algorithm.OIDData, "syntax"},
		"malformed":             {[]byte{ber.TagInteger, 1, 0}, algorithm.OIDData, "syntax"},
	} {
		d, _ := sealed(t, p, nonceSize, tagSize, tt.additional)
		d.contentType = tt.contentType
		out, got, err := judge(d, p.Key)
		if err != nil {
			out += kindOf(err)
		}
		if out != tt.want || err == nil && got.Type.String() != objectIdentifier(tt.contentType).String() {
			t.Errorf("%s: %q, %+v", name, out, got)
		}
	}
	d, _ := sealed(t, p, nonceSize, tagSize, attribute(oidContentType, algorithm.OIDData))
	d.after = bytes.Replace(d.after, []byte(algorithm.OIDData), []byte(algorithm.OIDSignedData), 1)
	d.contentType = algorithm.OIDSignedData
	if out, _, err := judge(d, p.Key); out != "" || !errors.Is(err, ErrDecrypt) {
		t.Errorf("both changed: %q, %v", out, err)
	}
}

// TestOtherFields: what nothing is done with is read past, in both structures.
func TestOtherFields(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "p256", 1)
	attributes := ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte("\x2a\x03")), ber.TLV(ber.TagSet, ber.Null))
	originator := ber.TLV(ber.TagContext0, ber.TLV(ber.TagContext0, p.Certificate.Raw))
	unknown := ber.TLV(ber.TagContext3+1, ber.TLV(ber.TagOID, []byte("\x2a\x03")), ber.Null)

	d, _ := sealed(t, p, nonceSize, tagSize, nil)
	d.before = originator
	d.infos = append(d.infos, ber.TLV(ber.TagContext2, ber.Null), ber.TLV(ber.TagContext3, ber.Null), unknown)
	d.after = append(d.after, ber.TLV(ber.TagContext2, attributes)...)
	out, got, err := judge(d, p.Key)
	if out != testContent || got.Recipients != 4 {
		t.Errorf("AuthEnvelopedData: %q, %+v, %v", out, got, err)
	}
	c, _ := newCipher(AES128CBC)
	e := newEncryption(c)
	info, err := e.recipientInfo(&Recipient{Certificate: p.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	block, err := e.block(e.contentKey)
	if err != nil {
		t.Fatal(err)
	}
	var encrypted bytes.Buffer
	if err := encryptCBC(&encrypted, strings.NewReader(testContent), int64(len(testContent)), block, e.iv); err != nil {
		t.Fatal(err)
	}
	d = draft{
		oid: oidEnvelopedData, version: "\x04", before: originator, infos: [][]byte{unknown, info}, contentType: algorithm.OIDSignedData,
		algorithm: c.algorithmIdentifier(), encrypted: encrypted.Bytes(), after: ber.TLV(ber.TagContext1, attributes),
	}
	if out, got, err := judge(d, p.Key); out != testContent || got.Recipients != 2 || !got.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		t.Errorf("EnvelopedData: %q, %+v, %v", out, got, err)
	}
}

// TestErrors: what cannot be decrypted has a name.
func TestErrors(t *testing.T) {
	t.Parallel()
	p, other := newPerson(t, "p256", 1), newPerson(t, "rsa2048", 2)
	unknown := func(tag byte, fields ...[]byte) func(d *draft) {
		return func(d *draft) { d.infos = [][]byte{ber.TLV(tag, fields...)} }
	}
	cipher := func(oid string, parameters ...byte) func(d *draft) {
		return func(d *draft) { d.algorithm = algorithm.Encode(oid, parameters) }
	}
	own := recipientIdentifier{issuer: p.Certificate.RawIssuer, serial: integer(p.Certificate.SerialNumber)}
	agree := func(alg []byte) func(d *draft) {
		point := ber.TLV(ber.TagContext1, algorithm.Encode(oidECPublicKey, nil), ber.TLV(ber.TagBitString, []byte{0, 4}))
		return unknown(ber.TagContext1, []byte{2, 1, 3}, ber.TLV(ber.TagContext0, point), alg, ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, own.encode(), ber.TLV(ber.TagOctetString, make([]byte, 24)))))
	}
	trans := func(alg []byte) func(d *draft) {
		return unknown(ber.TagSequence, []byte{2, 1, 0}, own.encode(), alg, ber.TLV(ber.TagOctetString, make([]byte, 256)))
	}
	for name, tt := range map[string]struct {
		change func(d *draft)
		want   string
	}{
		"a password":         {unknown(ber.TagContext3, ber.Null), "none of the keys at hand (some of its recipients are named by a password, which is not supported)"},
		"a KEK":              {unknown(ber.TagContext2, ber.Null), "named by a key-encryption key"},
		"another kind":       {unknown(ber.TagContext3+1, ber.TLV(ber.TagOID, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x0d\x01"))), "named by KeyTransPSKRecipientInfo"},
		"RC2":                {cipher("\x2a\x86\x48\x86\xf7\x0d\x03\x02"), "encrypted by RC2-CBC, which is not supported"},
		"CCM":                {cipher("\x60\x86\x48\x01\x65\x03\x04\x01\x07"), "encrypted by AES-128-CCM,"},
		"CBC":                {cipher(oidAES128CBC), "encrypted by AES-128-CBC in AuthEnvelopedData,"},
		"an unknown one":     {cipher("\x2a\x03"), "encrypted by 1.2.3,"},
		"a short nonce":      {cipher(oidChaCha20Poly1305, ber.TagOctetString, 1, 0), "encrypted by ChaCha20-Poly1305 with parameters that are not its own,"},
		"GCM in Enveloped":   {func(d *draft) { d.oid, d.after = oidEnvelopedData, nil }, "encrypted by AES-128-GCM in EnvelopedData,"},
		"ECMQV":              {agree(algorithm.Encode("\x2b\x81\x04\x01\x0f\x01", algorithm.Encode(oidAES128Wrap, nil))), "encrypted by ECMQV with SHA-256,"},
		"another wrap":       {agree(algorithm.Encode(oidStdDHSHA256, algorithm.Encode("\x60\x86\x48\x01\x65\x03\x04\x01\x08", nil))), "encrypted by AES-128 key wrap with padding,"},
		"no wrap":            {agree(algorithm.Encode(oidStdDHSHA256, nil)), "encrypted by a key wrap that cannot be read,"},
		"RSA-KEM":            {trans(algorithm.Encode("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x0e", nil)), ErrDecrypt.Error()},
		"RSA for an EC key":  {trans(algorithm.Encode(oidRSA, ber.Null)), ErrDecrypt.Error()},
		"a point of nothing": {agree(algorithm.Encode(oidStdDHSHA256, algorithm.Encode(oidAES128Wrap, nil))), ErrDecrypt.Error()},
		"a version":          {func(d *draft) { d.version = "\x01" }, "version"},
		"no recipient":       {func(d *draft) { d.infos = nil }, ErrNoKey.Error()},
		"malformed":          {unknown(ber.TagSequence, ber.Null), "RecipientInfo: version"},
		"another tag":        {unknown(ber.TagContext3 + 2), "RecipientInfo: unexpected tag 0xa5"},
		"signed-data":        {func(d *draft) { d.oid = algorithm.OIDSignedData }, "content type signedData is not enveloped-data"},
	} {
		d, _ := sealed(t, p, nonceSize, tagSize, nil)
		tt.change(&d)
		out, _, err := judge(d, other.Key, p.Key)
		if out != "" || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %q, %v", name, out, err)
		} else {
			checkError(t, err)
		}
	}
	d, _ := sealed(t, p, nonceSize, tagSize, nil)
	var noKeys error
	if _, _, noKeys = judge(d); !errors.Is(noKeys, ErrNoKey) {
		t.Errorf("no keys at hand: %v", noKeys)
	}
	for name, private := range map[string]any{"nil": nil, "a signing key": testKey(t, "ed25519"), "text": "key"} {
		for _, key := range []Key{{Private: private}, {Private: private, Certificate: p.Certificate}} {
			_, err := Decrypt(bytes.NewReader(d.der()), io.Discard, DecryptOptions{Keys: []Key{key}})
			_, readyErr := key.Ready()
			if err == nil || readyErr == nil || !strings.Contains(err.Error(), "does not decrypt") {
				t.Errorf("%s: %v, %v", name, err, readyErr)
			}
		}
	}
	var limit *cms.LimitError
	if _, err := Decrypt(bytes.NewReader(d.der()), io.Discard, DecryptOptions{Keys: []Key{p.Key}, MaxContent: 10}); !errors.As(err, &limit) || limit.Limit != 10 {
		t.Errorf("MaxContent: %v", err)
	}
}

// brokenWriter fails.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestWriter: what the writer says comes back as it is.
func TestWriter(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "p256", 1)
	for _, c := range ciphers {
		der := mustEncrypt(t, testContent, EncryptOptions{Recipients: []Recipient{{Certificate: p.Certificate}}, Cipher: c})
		if _, err := Decrypt(bytes.NewReader(der), brokenWriter{}, DecryptOptions{Keys: []Key{p.Key}}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: Decrypt = %v", c, err)
		}
		err := Encrypt(brokenWriter{}, strings.NewReader("x"), 1, EncryptOptions{Recipients: []Recipient{{Certificate: p.Certificate}}, Cipher: c})
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: Encrypt = %v", c, err)
		}
	}
}

// TestReady: a key that is ready decrypts as before, named in every way.
func TestReady(t *testing.T) {
	t.Parallel()
	for i, kind := range kinds {
		p := newPerson(t, kind.key, int64(i+1))
		for _, form := range forms {
			key, err := form.key(p).Ready()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := key.Ready(); err != nil || again.ready != key.ready {
				t.Errorf("%s is made ready twice: %v", kind.key, err)
			}
			der := mustEncrypt(t, testContent, EncryptOptions{Recipients: []Recipient{form.recipient(p)}})
			var out strings.Builder
			if _, err := Decrypt(bytes.NewReader(der), &out, DecryptOptions{Keys: []Key{key}}); err != nil || out.String() != testContent {
				t.Errorf("%s, %s: %q, %v", kind.key, form.name, out.String(), err)
			}
		}
	}
}

// TestVersions: RFC 5652, Section 6.1.
func TestVersions(t *testing.T) {
	t.Parallel()
	rsa, ec, kem := newPerson(t, "rsa2048", 1), newPerson(t, "p256", 2), newPerson(t, "ml-kem-768", 3)
	for name, tt := range map[string]struct {
		to   []Recipient
		want byte
	}{
		"issuer and serial": {[]Recipient{{Certificate: rsa.Certificate}}, 0},
		"key identifier":    {[]Recipient{{Certificate: rsa.Certificate, ByKeyIdentifier: true}}, 2},
		"key agreement":     {[]Recipient{{Certificate: rsa.Certificate}, {Certificate: ec.Certificate}}, 2},
		"KEM":               {[]Recipient{{Certificate: rsa.Certificate}, {Certificate: ec.Certificate}, {Certificate: kem.Certificate}}, 3},
	} {
		for c, want := range map[Cipher]byte{AES128CBC: tt.want, AES128GCM: 0} {
			der := mustEncrypt(t, testContent, EncryptOptions{Recipients: tt.to, Cipher: c})
			info := contents(t, der)
			data := contents(t, contents(t, info[2+info[1]:]))
			if got := data[:3]; !bytes.Equal(got, []byte{ber.TagInteger, 1, want}) {
				t.Errorf("%s, %s: version % x, want %d", name, c, got, want)
			}
		}
	}
}
