package smime

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"slices"
	"strings"

	"dnseal/smime/cms"
)

// micalgFor is the micalg parameter for a set of signers (RFC 8551, Section 3.5.3.2). It is a hint
// to who reads in one pass, and decides nothing: the digests that count are named in the signature.
func micalgFor(signers []cms.Signer) string {
	var names []string
	for _, s := range signers {
		names = append(names, micalgName(digestFor(s.Key.Public())))
	}
	return joinNames(names)
}

// micalgOf is micalgFor for signatures that were made.
func micalgOf(sd *cms.SignedData) string {
	var names []string
	for _, si := range sd.Signers {
		names = append(names, micalgName(si.DigestAlgorithm))
	}
	return joinNames(names)
}

func joinNames(names []string) string {
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// digestFor is the digest a key of this kind signs with in package cms.
func digestFor(pub crypto.PublicKey) crypto.Hash {
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		switch pub.Curve.Params().BitSize {
		case 384:
			return crypto.SHA384
		case 521:
			return crypto.SHA512
		}
	case ed25519.PublicKey:
		return crypto.SHA512 // RFC 8419, Section 3.1
	}
	return crypto.SHA256
}

func micalgName(h crypto.Hash) string {
	switch h {
	case crypto.SHA1:
		return "sha-1"
	case crypto.SHA256:
		return "sha-256"
	case crypto.SHA384:
		return "sha-384"
	case crypto.SHA512:
		return "sha-512"
	default:
		return "unknown"
	}
}
