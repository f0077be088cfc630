package cms

import (
	"crypto/rand"
	"slices"

	"dnseal/smime/cms/internal/ber"
)

// signedMessage is a SignedData without its content and the header before it.
type signedMessage struct {
	version byte
	digests []byte // digestAlgorithms
	// announced is digestAlgorithms where the content is inside, with those of post-quantum
	// signers: a reader hashes it before it sees any signer.
	announced []byte
	tail      []byte // certificates and signerInfos
}

// newSignedMessage makes the signatures.
func newSignedMessage(signers []*signer, d *Digests, opts SignOptions) (*signedMessage, error) {
	random := opts.Rand
	if random == nil {
		random = rand.Reader
	}
	// RFC 5652, Section 5.1: version 3 when a SignerInfo is of version 3, else 1.
	m := &signedMessage{version: 1}
	var digests, beside, infos, certs [][]byte
	for i, s := range signers {
		unsigned, err := s.unsignedAttributes(random, d, opts.unsigned(i), opts)
		if err != nil {
			return nil, err
		}
		info, err := s.signerInfo(random, d, unsigned, &opts)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
		digests = append(digests, s.digestAlgorithm)
		if s.postQuantum != nil {
			beside = append(beside, s.postQuantum.digestAlgorithm)
		}
		m.version = max(m.version, s.version)
	}
	for _, cert := range opts.Certificates {
		certs = append(certs, cert.Raw)
	}
	// RFC 5652, Section 5.1: a SET OF, in DER order.
	m.announced = ber.SetOf(ber.TagSet, distinct(slices.Concat(digests, beside)))
	m.digests = ber.SetOf(ber.TagSet, distinct(digests))
	if len(certs) > 0 {
		m.tail = ber.SetOf(ber.TagContext0, distinct(certs))
	}
	m.tail = append(m.tail, ber.SetOf(ber.TagSet, infos)...)
	return m, nil
}

// detached is the size of content that is not inside.
const detached = -1

// head is everything up to the content, which takes size octets:
//
//	ContentInfo { signedData,
//	  [0] SignedData { version, digestAlgorithms, { id-data, [0] OCTET STRING
func (m *signedMessage) head(size int64) []byte {
	contentType := ber.TLV(ber.TagOID, []byte(oidData))
	version := []byte{ber.TagInteger, 1, m.version}
	signedData := ber.TLV(ber.TagOID, []byte(oidSignedData))

	// From the inside out: how many octets each element's contents take.
	octets, explicit, digests := size, wrapped(size), m.announced
	encap := int64(len(contentType)) + wrapped(explicit)
	// RFC 5652, Section 5.2: eContent is absent when the signature is detached.
	if size == detached {
		octets, explicit, encap, digests = 0, 0, int64(len(contentType)), m.digests
	}
	data := int64(len(version)+len(digests)+len(m.tail)) + wrapped(encap)
	info := int64(len(signedData)) + wrapped(wrapped(data))

	der := ber.AppendHeader(nil, ber.TagSequence, info)
	der = append(der, signedData...)
	der = ber.AppendHeader(der, ber.TagContext0, wrapped(data))
	der = ber.AppendHeader(der, ber.TagSequence, data)
	der = append(der, version...)
	der = append(der, digests...)
	der = ber.AppendHeader(der, ber.TagSequence, encap)
	der = append(der, contentType...)
	if size != detached {
		der = ber.AppendHeader(der, ber.TagContext0, explicit)
		der = ber.AppendHeader(der, ber.TagOctetString, octets)
	}
	return der
}

// wrapped is what an element with that many octets of contents takes.
func wrapped(contents int64) int64 { return int64(ber.HeaderSize(contents)) + contents }

// distinct sorts elements and leaves out repeated ones.
func distinct(elements [][]byte) [][]byte {
	slices.SortFunc(elements, slices.Compare)
	return slices.CompactFunc(elements, slices.Equal)
}
