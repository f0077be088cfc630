package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"dnseal/receiver"
)

// Sizes of RSA keys in bits. RFC 8301, Section 3.2: those below must not count.
const (
	leastRSA = 1024
	mostRSA  = 8192
)

// key is a key record taken apart (RFC 6376, Section 3.6.1).
type key struct {
	public crypto.PublicKey
	// testing: the domain is testing DKIM (t=y).
	testing bool
	// strict: the domain of i= must be d= itself (t=s).
	strict bool
}

// parseKey reads the key record for a signature. What could be read is returned in any case.
func parseKey(record, algorithm string) (*key, *problem) {
	k := &key{}
	if len(record) > maxRecord {
		return k, problemf(receiver.PermError, codeBadKey, "the key record has %d octets, at most %d are read", len(record), maxRecord)
	}
	tags, err := parseTags([]byte(record))
	if err != nil {
		return k, problemf(receiver.PermError, codeBadKey, "the record is no DKIM key: %v", err)
	}
	// RFC 6376, Section 3.6.1: v= is optional, and the first tag where it is there.
	if tags.has("v") && (tags[0].name != "v" || tags[0].value != "DKIM1") {
		return k, problemf(receiver.PermError, codeBadKey, "the record is no DKIM key: it does not begin with v=DKIM1")
	}
	flags := tags.list("t")
	k.testing, k.strict = slices.Contains(flags, "y"), slices.Contains(flags, "s")
	family, digest, _ := strings.Cut(algorithm, "-")
	switch {
	case !tags.has("p"):
		return k, problemf(receiver.PermError, codeBadKey, "the record holds no key (p=)")
	case tags.get("p") == "":
		return k, problemf(receiver.PermError, codeRevoked, "the key was revoked (p= is empty)")
	case tags.has("h") && !slices.Contains(tags.list("h"), digest):
		return k, problemf(receiver.PermError, codeBadKey, "the key is not for %s (h=)", digest)
	case tags.has("s") && !slices.Contains(tags.list("s"), "*") && !slices.Contains(tags.list("s"), "email"):
		return k, problemf(receiver.PermError, codeBadKey, "the key is not for mail (s=)")
	case tags.has("k") && tags.get("k") != family, !tags.has("k") && family != "rsa":
		return k, problemf(receiver.PermError, codeBadKey, "the key is not for %s (k=)", algorithm)
	}
	data, err := base64.StdEncoding.DecodeString(withoutFWS(tags.get("p")))
	if err != nil {
		return k, problemf(receiver.PermError, codeBadKey, "the key is no base64")
	}
	return k, k.read(data, family)
}

// read reads the key itself, and refuses sizes that are too small, or dear to work with.
func (k *key) read(data []byte, family string) *problem {
	if family == "ed25519" { // RFC 8463, Section 4
		if len(data) != ed25519.PublicKeySize {
			return problemf(receiver.PermError, codeBadKey, "the Ed25519 key has %d octets, not %d", len(data), ed25519.PublicKeySize)
		}
		k.public = ed25519.PublicKey(data)
		return nil
	}
	public, err := readRSA(data)
	if err != nil {
		return problemf(receiver.PermError, codeBadKey, "the RSA key cannot be read")
	}
	switch bits := public.N.BitLen(); {
	case bits < leastRSA:
		return problemf(receiver.Policy, codeWeak, "the RSA key has %d bits, at least %d count (RFC 8301)", bits, leastRSA)
	case bits > mostRSA:
		return problemf(receiver.Policy, codeLimit, "the RSA key has %d bits, at most %d are used", bits, mostRSA)
	}
	k.public = public
	return nil
}

// readRSA reads a SubjectPublicKeyInfo, or an RSAPublicKey, as RFC 6376 has it in its text
// (erratum 3017).
func readRSA(data []byte) (*rsa.PublicKey, error) {
	public, err := x509.ParsePKIXPublicKey(data)
	if err != nil {
		return x509.ParsePKCS1PublicKey(data)
	}
	if k, ok := public.(*rsa.PublicKey); ok {
		return k, nil
	}
	return nil, errors.New("another kind of key")
}

// verify checks a signature over a digest.
func (k *key) verify(digest, signed []byte) *problem {
	wrong := problemf(receiver.Fail, codeBadSignature, "the signature is not by the key that is published, or a field that it covers was changed")
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		if !ed25519.Verify(public, digest, signed) {
			return wrong
		}
		return nil
	case *rsa.PublicKey:
		err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest, signed)
		if err != nil && !errors.Is(err, rsa.ErrVerification) {
			return problemf(receiver.PermError, codeBadKey, "the RSA key cannot be used")
		}
		if err != nil {
			return wrong
		}
		return nil
	}
	return problemf(receiver.PermError, codeBadKey, "no key")
}
