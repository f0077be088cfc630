package smime

import (
	"slices"
	"strings"

	"dnseal/smime/cms"
)

// micalgFor is the micalg parameter for a set of signers (RFC 8551, Section 3.5.3.2). It is a
// hint for readers that work in one pass: the digests that count are named in the signature.
func micalgFor(signers []cms.Signer) string {
	var names []string
	for _, s := range signers {
		// A key that cannot sign is refused by package cms.
		digest, _ := cms.SigningDigest(s.Key.Public())
		names = append(names, cms.Micalg(digest))
	}
	return joinNames(names)
}

// micalgOf is micalgFor for signatures that were made.
func micalgOf(sd *cms.SignedData) string {
	var names []string
	for _, si := range sd.Signers {
		names = append(names, cms.Micalg(si.DigestAlgorithm))
	}
	return joinNames(names)
}

func joinNames(names []string) string {
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}
