package lookuptest

import (
	"encoding/base32"
	"math/big"
	"strings"

	"github.com/miekg/dns"
)

// buildNSEC3 sorts all names by their hashes, empty non-terminals included, opted-out delegations
// not (RFC 5155, Section 7.1).
func (z *zone) buildNSEC3() {
	// RFC 5155, Section 4.
	z.nodes[z.name].sets[dns.TypeNSEC3PARAM] = []dns.RR{&dns.NSEC3PARAM{
		Hdr:  dns.RR_Header{Name: z.name, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET},
		Hash: dns.SHA1, Iterations: z.spec.Iterations, SaltLength: uint8(len(z.spec.Salt) / 2), Salt: z.spec.Salt,
	}}
	chained := map[string]bool{}
	for _, n := range z.nodes {
		if n.occluded || len(n.sets) == 0 || z.spec.OptOut && n.cut && n.sets[dns.TypeDS] == nil {
			continue
		}
		for name := n.name; !chained[name]; name = parent(name) {
			chained[name] = true
			if name == z.name {
				break
			}
		}
	}
	for name := range chained {
		z.chain = append(z.chain, link{z.nodes[name], z.hash(name)})
	}
	z.sortChain()
}

// hash is that of a name (RFC 5155, Section 5).
func (z *zone) hash(name string) string {
	return dns.HashName(name, dns.SHA1, z.spec.Iterations, z.spec.Salt)
}

// nsec3For returns the NSEC3 that matches or covers a name.
func (z *zone) nsec3For(name string) dns.RR {
	hash := z.hash(name)
	i, match := z.at(hash)
	rr := z.nsec3At(i)
	if !z.spec.Narrow {
		return rr
	}
	rr.NextDomain = nextHash(hash, 1)
	if !match {
		rr.Hdr.Name, rr.TypeBitMap = below(strings.ToLower(nextHash(hash, -1)), z.name), nil
	}
	return rr
}

// nextHash is the hash one before or one after (RFC 7129, Appendix B).
func nextHash(hash string, step int64) string {
	code := base32.HexEncoding.WithPadding(base32.NoPadding)
	raw, err := code.DecodeString(hash)
	if err != nil {
		return hash
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(len(raw)*8))
	n := new(big.Int).Add(new(big.Int).SetBytes(raw), big.NewInt(step))
	return code.EncodeToString(n.Mod(n, modulus).FillBytes(raw))
}

// nsec3At returns the i-th NSEC3 of the chain.
func (z *zone) nsec3At(i int) *dns.NSEC3 {
	n := z.chain[i].node
	types := bitmap(n)
	if len(types) > 0 && (!n.cut || n.sets[dns.TypeDS] != nil) {
		types = bitmap(n, dns.TypeRRSIG)
	}
	// RFC 5155, Section 3.1.
	rr := &dns.NSEC3{
		Hdr: dns.RR_Header{
			Name: below(strings.ToLower(z.chain[i].sort), z.name), Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: z.denialTTL(),
		},
		Hash: dns.SHA1, Iterations: z.spec.Iterations, SaltLength: uint8(len(z.spec.Salt) / 2), Salt: z.spec.Salt,
		HashLength: 20, NextDomain: z.chain[(i+1)%len(z.chain)].sort, TypeBitMap: types,
	}
	// RFC 5155, Section 3.1.2.1.
	if z.spec.OptOut {
		rr.Flags = 1
	}
	return rr
}

// denyType3 is the match, or for an opted-out delegation the closest encloser proof (RFC 5155,
// Section 7.2.4).
func (z *zone) denyType3(name string) []dns.RR {
	if _, match := z.at(z.hash(name)); match {
		return []dns.RR{z.nsec3For(name)}
	}
	return z.denyCloser3(name)
}

// denyCloser3 is the closest encloser proof (RFC 5155, Section 7.2.1) by the closest name that has
// an NSEC3.
func (z *zone) denyCloser3(name string) []dns.RR {
	encloser := name
	for match := false; !match; {
		encloser = parent(encloser)
		_, match = z.at(z.hash(encloser))
	}
	return []dns.RR{z.nsec3For(encloser), z.nsec3For(nextCloser(name, encloser))}
}
