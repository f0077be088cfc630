package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Octets of an answer that carries records (RFC 1035, Section 4.1; RFC 4034, Section 3.1; RFC 6891,
// Section 6.1.2). Names that repeat the question are compressed to two octets; the signer's name is
// not (RFC 4034, Section 3.1.7).
const (
	headerSize    = 12
	questionSize  = 4           // after the name
	recordSize    = 2 + 10      // before the data
	numbersSize   = 3           // usage, selector, matching type
	signatureSize = 2 + 10 + 18 // RRSIG before the signer's name
	p256Signature = 64          // RFC 6605, Section 4
	optSize       = 11          // EDNS without options
)

const (
	// maxUDP is the longest answer that BIND, Knot, PowerDNS and NSD send by UDP, even where more
	// is offered.
	maxUDP = 1232
	// closeUDP is how much an answer can grow: BIND adds the name servers of the zone to what
	// resolvers ask for, so that it truncates from certificates of 900 octets, where the others do
	// from 1020.
	closeUDP = 120
	// maxMessage is the longest answer by TCP (RFC 1035, Section 4.2.2).
	maxMessage = 65535
)

// AnswerSize is the length in octets of the answer that carries records, which are all those of one
// owner name and type, with one signature by ECDSA P-256, to a question with DO=1. The signer is
// taken for the domain after the labels with an underscore. A longer zone key, the name servers of
// the zone, and the proof of a wildcard add to it.
func AnswerSize(records ...ResourceRecord) int {
	if len(records) == 0 {
		return 0
	}
	owner := records[0].Owner
	size := headerSize + nameSize(owner) + questionSize + signatureSize + nameSize(zoneOf(owner)) + p256Signature + optSize
	for _, rr := range records {
		size += recordSize + numbersSize + len(rr.Record.Data)
	}
	return size
}

// nameSize is the length of an absolute name on the wire (RFC 1035, Section 3.1).
func nameSize(name string) int { return len(name) + 1 }

// zoneOf is the name after the last label with an underscore: the owner itself where there is none.
func zoneOf(owner string) string {
	labels := strings.Split(owner, ".")
	for i, label := range slices.Backward(labels) {
		if strings.HasPrefix(label, "_") {
			return strings.Join(labels[i+1:], ".")
		}
	}
	return owner
}

// SizeWarning says what happens to the answer with a record that is too long for UDP, or may be:
// nil where nothing does, else an error with a [Hint]. The record can be published all the same.
func SizeWarning(rr ResourceRecord) error {
	size, twice := AnswerSize(rr), AnswerSize(rr, rr)
	const tcp = "resolvers ask again by TCP, which every name server of the zone has to answer"
	var about string
	switch {
	case size > maxUDP:
		about = fmt.Sprintf(", more than the %d of UDP: %s", maxUDP, tcp)
	case size+closeUDP > maxUDP:
		about = fmt.Sprintf(", near the %d of UDP: where BIND adds the name servers, or the zone key is RSA, %s", maxUDP, tcp)
	case twice > maxUDP:
		about = fmt.Sprintf("; that with two of them, as during a rollover, about %d, more than the %d of UDP: %s", twice, maxUDP, tcp)
	default:
		return nil
	}
	return WithHint(rr.sizeError(size, about), "%s", rr.shorter())
}

// checkSize wants that a DNS message can carry the record.
func (rr ResourceRecord) checkSize() error {
	size := AnswerSize(rr)
	if size <= maxMessage {
		return nil
	}
	return WithHint(rr.sizeError(size, fmt.Sprintf(", more than the %d of a DNS message", maxMessage)), "%s", rr.shorter())
}

func (rr ResourceRecord) sizeError(size int, about string) error {
	return fmt.Errorf("identity: %s: the record has %d octets, and its answer about %d%s", cmp.Or(rr.Identity, rr.Owner), numbersSize+len(rr.Record.Data), size, about)
}

// shorter is what to publish in place of a long record.
func (rr ResourceRecord) shorter() string {
	if rr.Encrypts {
		return "who encrypts needs the whole key; a certificate of a P-256 key for encryption is short enough"
	}
	return fmt.Sprintf("%d 1 1 is shorter: the certificate travels in the message", rr.Record.Usage)
}
