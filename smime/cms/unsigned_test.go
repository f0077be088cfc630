package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

func octets(n int) []byte { return ber.TLV(ber.TagOctetString, make([]byte, n)) }

// TestUnsigned: unsigned attributes come back as they were given, each at its signer, and the
// signatures are right with them, without them and with others.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	first, second := identities[0].signer(t), identities[1].signer(t)
	opts := SignOptions{
		Signers: []Signer{first, second}, Certificates: []*x509.Certificate{first.Certificate, second.Certificate},
		Unsigned: [][]Attribute{{{OIDStaple, octets(300)}, {ownOID(".9"), octets(1)}}},
	}
	der := sign(t, opts)
	sd, err := Read(bytes.NewReader(der), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := sd.Digests()
	d.Write([]byte(testContent))
	for _, si := range sd.Signers {
		cert := si.Certificate(sd, nil)
		if err := si.Verify(d, cert.PublicKey); err != nil {
			t.Errorf("Verify = %v", err)
		}
		values, err := si.Unsigned(OIDStaple)
		if want := cert.Equal(first.Certificate); err != nil || want != (len(values) == 1) || want && !bytes.Equal(values[0], octets(300)) {
			t.Errorf("Unsigned of the first: %v: %d values, %v", want, len(values), err)
		}
		if values, err := si.Unsigned(ownOID(".10")); len(values) != 0 || err != nil {
			t.Errorf("Unsigned of another type: %x, %v", values, err)
		}
	}
}

func TestUnsignedWrong(t *testing.T) {
	t.Parallel()
	many := make([]Attribute, MaxAttributes+1)
	for i := range many {
		many[i] = Attribute{OIDStaple, octets(1)}
	}
	for name, attrs := range map[string][]Attribute{
		"no type":   {{Value: octets(1)}},
		"no value":  {{Type: OIDStaple}},
		"two":       {{OIDStaple, append(octets(1), octets(1)...)}},
		"cut off":   {{OIDStaple, octets(10)[:5]}},
		"too large": {{OIDStaple, octets(MaxUnsignedSize)}},
		"too many":  many,
	} {
		s := identities[0].signer(t)
		_, err := Sign(bytes.NewReader(nil), SignOptions{Signers: []Signer{s}, Time: testTime, Unsigned: [][]Attribute{attrs}})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestUnsignedHostile: whatever stands in unsignedAttrs leaves the signature as right as it was;
// who wants attributes learns what is malformed or too large.
func TestUnsignedHostile(t *testing.T) {
	t.Parallel()
	s := identities[0].signer(t)
	oid, err := OIDStaple.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	staple := func(values ...[]byte) []byte {
		return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, oid), ber.TLV(ber.TagSet, values...))
	}
	limit, syntax := new(LimitError), new(SyntaxError)
	for _, tt := range []struct {
		name  string
		attrs []byte
		want  int
		err   any
		// it is no BER, so that nothing of the SignedData is read
		unread bool
	}{
		{"none", nil, 0, nil, false},
		{"empty value", staple(), 0, nil, false},
		{"two attributes", append(staple(octets(1)), staple(octets(2))...), 2, nil, false},
		{"two values", staple(octets(1), octets(2)), 2, nil, false},
		{"garbage", []byte("garbage"), 0, nil, true},
		{"no sequence", octets(1), 0, &syntax, false},
		{"cut value", ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, oid), ber.TLV(ber.TagSet, []byte{4, 9})), 0, nil, true},
		{"more after the values", ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, oid), ber.TLV(ber.TagSet, octets(1)), octets(1)), 0, &syntax, false},
		{"large", staple(octets(MaxUnsignedSize)), 0, &limit, false},
		{"many", bytes.Repeat(staple(octets(1)), MaxAttributes+1), 0, &limit, false},
		{"many values", staple(bytes.Repeat(octets(1), MaxAttributes+1)), 0, &limit, false},
	} {
		si := forge(t, s.Certificate, s.Key, testContent)
		si.unsigned = ber.TLV(ber.TagContext1, tt.attrs)
		f := forgery{
			digests: [][]byte{si.digest}, contentType: oidData, certs: []*x509.Certificate{s.Certificate},
			infos: [][]byte{si.der(t, testContent)},
		}.der()
		sd, err := Read(bytes.NewReader(f), nil)
		if err != nil {
			if !errors.As(err, &syntax) || !tt.unread {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if wrong := verify(t, f, testContent, s.Key.Public()); wrong != nil {
			t.Errorf("%s: Verify = %v", tt.name, wrong)
		}
		values, err := sd.Signers[0].Unsigned(OIDStaple)
		if len(values) != tt.want || (err == nil) != (tt.err == nil) || tt.err != nil && !errors.As(err, tt.err) {
			t.Errorf("%s: Unsigned = %d values, %v", tt.name, len(values), err)
		}
	}
}
