package dnssec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/miekg/dns"
)

var errPack = errors.New("dnssec: record cannot be written in wire form")

// rdataNames has the position of names in the data of the types whose names are folded to lower
// case: after a fixed number of octets. RFC 4034, Section 6.2. RFC 6840, Section 5.1: neither NSEC
// nor HINFO.
var rdataNames = map[uint16]struct{ skip, names int }{
	dns.TypeNS: {0, 1}, dns.TypeMD: {0, 1}, dns.TypeMF: {0, 1}, dns.TypeCNAME: {0, 1}, dns.TypeMB: {0, 1},
	dns.TypeMG: {0, 1}, dns.TypeMR: {0, 1}, dns.TypePTR: {0, 1}, dns.TypeDNAME: {0, 1},
	dns.TypeSOA: {0, 2}, dns.TypeMINFO: {0, 2}, dns.TypeRP: {0, 2},
	dns.TypeMX: {2, 1}, dns.TypeAFSDB: {2, 1}, dns.TypeRT: {2, 1}, dns.TypeKX: {2, 1}, dns.TypePX: {2, 2},
	dns.TypeSRV: {6, 1}, dns.TypeSIG: {18, 1}, dns.TypeRRSIG: {18, 1},
}

// canonicalData returns the data of each record in canonical wire form (RFC 4034, Section 6.2).
// Records may be shared with other lookups, and dns.PackRR writes to its record, so all are packed
// as one message, which does not.
func canonicalData(rrs []dns.RR) ([][]byte, error) {
	m := dns.Msg{Answer: rrs}
	wire, err := m.Pack()
	if err != nil {
		return nil, errPack
	}
	const header = 12
	datas := make([][]byte, 0, len(rrs))
	for at := header; at < len(wire); {
		for at < len(wire) && wire[at] != 0 {
			at += int(wire[at]) + 1
		}
		// The root label, then type, class, TTL and length.
		data := at + 11
		if data > len(wire) {
			return nil, errPack
		}
		at = data + int(binary.BigEndian.Uint16(wire[data-2:]))
		if at > len(wire) {
			return nil, errPack
		}
		foldNames(rrs[len(datas)].Header().Rrtype, wire[data:at])
		datas = append(datas, wire[data:at:at])
	}
	if len(datas) != len(rrs) {
		return nil, errPack
	}
	return datas, nil
}

func foldNames(t uint16, data []byte) {
	if t == dns.TypeNAPTR {
		foldNAPTR(data)
		return
	}
	where, ok := rdataNames[t]
	if !ok {
		return
	}
	at := where.skip
	for range where.names {
		at = foldName(data, at)
	}
}

func foldName(data []byte, at int) int {
	start := at
	for at < len(data) && data[at] != 0 {
		at += int(data[at]) + 1
	}
	end := min(at+1, len(data))
	if start < end {
		lower(data[start:end])
	}
	return end
}

// foldNAPTR skips order, preference and three character strings (RFC 3403, Section 4.1).
func foldNAPTR(data []byte) {
	at := 4
	for range 3 {
		if at >= len(data) {
			return
		}
		at += int(data[at]) + 1
	}
	foldName(data, at)
}

// canonical returns the data of all records, sorted and without duplicates (RFC 4034, Section 6.3).
func canonical(rrs []dns.RR) ([][]byte, error) {
	datas, err := canonicalData(rrs)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(datas, bytes.Compare)
	return slices.CompactFunc(datas, bytes.Equal), nil
}

// signedData is what an RRSIG signs (RFC 4035, Section 5.3.2). The caller has checked sig.Labels.
func signedData(r *rrset, sig *dns.RRSIG, signer name) ([]byte, error) {
	datas, err := r.canonical()
	if err != nil {
		return nil, err
	}
	owner := r.owner
	// RFC 4035, Section 5.3.2: the owner of an expanded wildcard is the wildcard.
	if int(sig.Labels) < owner.signedLabels() {
		owner = owner.ancestor(int(sig.Labels)).wildcard()
	}
	size := 18 + len(signer)
	for _, d := range datas {
		size += len(owner) + 10 + len(d)
	}
	out := make([]byte, 0, size)
	out = binary.BigEndian.AppendUint16(out, sig.TypeCovered)
	out = append(out, sig.Algorithm, sig.Labels)
	out = binary.BigEndian.AppendUint32(out, sig.OrigTtl)
	out = binary.BigEndian.AppendUint32(out, sig.Expiration)
	out = binary.BigEndian.AppendUint32(out, sig.Inception)
	out = binary.BigEndian.AppendUint16(out, sig.KeyTag)
	// RFC 4034, Section 3.1.7: the signer's name is not compressed.
	out = append(out, signer...)
	// RFC 4034, Section 3.1.8.1: each record with the original TTL (Section 6.2).
	for _, d := range datas {
		out = append(out, owner...)
		out = binary.BigEndian.AppendUint16(out, r.typ)
		out = binary.BigEndian.AppendUint16(out, dns.ClassINET)
		out = binary.BigEndian.AppendUint32(out, sig.OrigTtl)
		out = binary.BigEndian.AppendUint16(out, uint16(len(d)))
		out = append(out, d...)
	}
	return out, nil
}
