//go:build !submit || tpm

package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxArea is the most octets of a public or private area: TPMs take no command that is longer.
const maxArea = 4096

// Types of keys: draft-bottomley-tpm2-keys-01, Section 3.1.
var (
	oidLoadable   = asn1.ObjectIdentifier{2, 23, 133, 10, 1, 3}
	oidImportable = asn1.ObjectIdentifier{2, 23, 133, 10, 1, 4}
	oidSealed     = asn1.ObjectIdentifier{2, 23, 133, 10, 1, 5}
)

// Optional elements.
const (
	tagEmptyAuth  = 0
	tagPolicy     = 1
	tagSecret     = 2
	tagAuthPolicy = 3
	tagRSAParent  = 5
	maxTag        = 20
)

// keyFile is what stands in a TSS2 PRIVATE KEY.
type keyFile struct {
	importable bool
	emptyAuth  bool
	policy     bool
	rsaParent  bool
	secret     []byte // of an importable key: TPM2B_ENCRYPTED_SECRET
	parent     tpm2.TPMHandle
	public     []byte // TPM2B_PUBLIC
	private    []byte // TPM2B_PRIVATE
}

var errMalformed = withHint(errors.New("tpm: the key of a TPM (TSS2 PRIVATE KEY) is malformed"), "copy the file again, or make another key: dnseal identity new NAME --tpm")

// parseKeyFile reads draft-bottomley-tpm2-keys-01, Section 3.1:
//
//	TPMKey ::= SEQUENCE {
//	  type        OBJECT IDENTIFIER,
//	  emptyAuth   [0] EXPLICIT BOOLEAN OPTIONAL,
//	  policy      [1] EXPLICIT SEQUENCE OF TPMPolicy OPTIONAL,
//	  secret      [2] EXPLICIT OCTET STRING OPTIONAL,
//	  authPolicy  [3] EXPLICIT SEQUENCE OF TPMAuthPolicy OPTIONAL,
//	  description [4] EXPLICIT UTF8String OPTIONAL,
//	  rsaParent   [5] EXPLICIT BOOLEAN OPTIONAL,
//	  parent      INTEGER,
//	  pubkey      OCTET STRING,
//	  privkey     OCTET STRING }
func parseKeyFile(der []byte) (*keyFile, error) {
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() || !s.ReadASN1ObjectIdentifier(&kind) {
		return nil, errMalformed
	}
	f := &keyFile{importable: kind.Equal(oidImportable)}
	switch {
	case kind.Equal(oidSealed):
		return nil, errors.New("tpm: it is sealed data and no key")
	case !f.importable && !kind.Equal(oidLoadable):
		return nil, fmt.Errorf("tpm: a key of the unknown type %s", kind)
	}
	if !f.readOptional(&s) {
		return nil, errMalformed
	}
	var parent int64
	if !s.ReadASN1Integer(&parent) || !s.ReadASN1Bytes(&f.public, cbasn1.OCTET_STRING) ||
		!s.ReadASN1Bytes(&f.private, cbasn1.OCTET_STRING) || !s.Empty() ||
		len(f.public) > maxArea || len(f.private) > maxArea || len(f.secret) > maxArea || len(f.public) < 2 || len(f.private) < 2 {
		return nil, errMalformed
	}
	// The draft writes it unsigned; programs exist that wrote the 32 bits as a signed number.
	f.parent = tpm2.TPMHandle(uint32(parent))
	return f, nil
}

// readOptional reads the optional elements, which are in the order of their tags.
func (f *keyFile) readOptional(s *cryptobyte.String) bool {
	for tag := range uint8(maxTag) {
		var value cryptobyte.String
		var there bool
		if !s.ReadOptionalASN1(&value, &there, cbasn1.Tag(tag).ContextSpecific().Constructed()) {
			return false
		}
		if !there {
			continue
		}
		ok := true
		switch tag {
		case tagEmptyAuth:
			ok = readBoolean(&value, &f.emptyAuth)
		case tagRSAParent:
			ok = readBoolean(&value, &f.rsaParent)
		case tagPolicy, tagAuthPolicy:
			f.policy = true
		case tagSecret:
			ok = value.ReadASN1Bytes(&f.secret, cbasn1.OCTET_STRING)
		}
		if !ok {
			return false
		}
	}
	return true
}

// readBoolean reads BER: tpm2-openssl 1.1.1 writes TRUE as 01, which DER does not have.
func readBoolean(s *cryptobyte.String, out *bool) bool {
	var value cryptobyte.String
	if !s.ReadASN1(&value, cbasn1.BOOLEAN) || len(value) != 1 {
		return false
	}
	*out = value[0] != 0
	return true
}

// encode writes the PEM block of a loadable key.
func (f *keyFile) encode() []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidLoadable)
		if f.emptyAuth {
			b.AddASN1(cbasn1.Tag(tagEmptyAuth).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1Boolean(true) })
		}
		b.AddASN1Uint64(uint64(f.parent))
		b.AddASN1OctetString(f.public)
		b.AddASN1OctetString(f.private)
	})
	return pem.EncodeToMemory(&pem.Block{Type: BlockType, Bytes: b.BytesOrPanic()})
}

// area reads the public area.
func (f *keyFile) area() (*tpm2.TPMTPublic, error) {
	outer, err := tpm2.Unmarshal[tpm2.TPM2BPublic](f.public)
	if err != nil {
		return nil, errMalformed
	}
	area, err := outer.Contents()
	if err != nil {
		return nil, errMalformed
	}
	return area, nil
}

// signingKey returns the public half of a key that can sign mail.
func (f *keyFile) signingKey() (crypto.PublicKey, error) {
	area, err := f.area()
	if err != nil {
		return nil, err
	}
	switch {
	case f.policy || !area.ObjectAttributes.UserWithAuth:
		return nil, withHint(errors.New("tpm: a key with a policy is not supported"), "make one without: dnseal identity new NAME --tpm")
	case !area.ObjectAttributes.SignEncrypt || area.ObjectAttributes.Restricted:
		return nil, withHint(errors.New("tpm: the key may not sign what is made outside the TPM"), "make another one: dnseal identity new NAME --tpm")
	}
	public, err := tpm2.Pub(*area)
	if err != nil {
		return nil, errors.New("tpm: a key that does not sign mail")
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 1024 || bits > 16384 || key.N.Bit(0) == 0 || key.E < 3 || key.E&1 == 0 {
			return nil, errMalformed
		}
	case *ecdsa.PublicKey:
		if _, err = key.ECDH(); err != nil {
			return nil, errMalformed // the point is not on the curve
		}
	}
	return public, nil
}
