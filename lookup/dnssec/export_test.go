package dnssec

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // the old vectors are signed with it
	"crypto/rand"
	"crypto/sha1"
	"encoding/asn1"
	"encoding/base64"
	"math/big"

	"github.com/miekg/dns"
)

// AllowOld makes v accept what the vectors of 2005 are signed with, DSA and SHA-1.
func (v *Validator) AllowOld() {
	v.AllowSHA1 = true
	old := algorithm{parseDSA}
	v.extra = map[uint8]algorithm{dns.DSA: old, dns.DSANSEC3SHA1: old}
}

type dsaKey dsa.PublicKey

// parseDSA reads a key as in RFC 2536, Section 2.
func parseDSA(key []byte, _ *Limits) (publicKey, bool) {
	if len(key) < 1 {
		return nil, false
	}
	size := 64 + int(key[0])*8
	if len(key) != 1+20+3*size {
		return nil, false
	}
	number := func(from, n int) *big.Int { return new(big.Int).SetBytes(key[from : from+n]) }
	return (*dsaKey)(&dsa.PublicKey{
		Parameters: dsa.Parameters{Q: number(1, 20), P: number(21, size), G: number(21+size, size)},
		Y:          number(21+2*size, size),
	}), false
}

// verify takes 41 octets (RFC 2536, Section 3) or the DER form that some signers wrote.
func (k *dsaKey) verify(data, signature []byte) bool {
	sum := sha1.Sum(data)
	var pair struct{ R, S *big.Int }
	if len(signature) == 41 {
		pair.R, pair.S = new(big.Int).SetBytes(signature[1:21]), new(big.Int).SetBytes(signature[21:])
	} else if _, err := asn1.Unmarshal(signature, &pair); err != nil {
		return false
	}
	return dsa.Verify((*dsa.PublicKey)(k), sum[:], pair.R, pair.S)
}

// SignExactly fills in the signature of sig over rrs, with the fields it has, also such as no
// honest signer writes.
func SignExactly(rrs []dns.RR, sig *dns.RRSIG, key crypto.Signer) error {
	owner, err := parseName(rrs[0].Header().Name)
	if err != nil {
		return err
	}
	signer, err := parseName(sig.SignerName)
	if err != nil {
		return err
	}
	data, err := signedData(&rrset{owner: owner, typ: rrs[0].Header().Rrtype, rrs: rrs}, sig, signer)
	if err != nil {
		return err
	}
	raw, err := signWith(key, sig.Algorithm, data)
	sig.Signature = base64.StdEncoding.EncodeToString(raw)
	return err
}

func signWith(key crypto.Signer, algorithm uint8, data []byte) ([]byte, error) {
	h := map[uint8]crypto.Hash{
		dns.RSASHA1: crypto.SHA1, dns.RSASHA1NSEC3SHA1: crypto.SHA1, dns.RSASHA256: crypto.SHA256, dns.RSASHA512: crypto.SHA512,
		dns.ECDSAP256SHA256: crypto.SHA256, dns.ECDSAP384SHA384: crypto.SHA384,
	}[algorithm]
	if h != 0 {
		sum := h.New()
		sum.Write(data)
		data = sum.Sum(nil)
	}
	raw, err := key.Sign(rand.Reader, data, h)
	if err != nil || algorithm != dns.ECDSAP256SHA256 && algorithm != dns.ECDSAP384SHA384 {
		return raw, err
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(raw, &pair); err != nil {
		return nil, err
	}
	size := h.Size()
	return append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...), nil
}

// KeyTag is the tag of a DNSKEY, also where the library gives up.
func KeyTag(k *dns.DNSKEY) uint16 { return new(Validator).parseKey(k, new(Limits)).tag }
