package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// udpSize is the EDNS buffer announced: no answer of that size is fragmented.
// RFC 6891, Section 6.2.5.
const udpSize = 1232

// question is a name, a type and the bits of one question; the class is IN.
type question struct {
	name  string // absolute, lower case
	qtype uint16
	cd    bool
	plain bool // without DO

	authoritative bool // the server is asked for what it has itself: RD=0
	tcp           bool // never by UDP
}

// packed is a question as it went out: with an ID, the letters of its name in random case and a
// cookie, all of which a reply must repeat.
type packed struct {
	question
	id             uint16
	mixed          string
	client, server string // the halves of the cookie; empty: none
	wire           []byte
}

// pack packs the question with an ID only, for connections: an attacker who is not on the path
// cannot forge what comes over one.
// RFC 7766, Section 7: replies are matched by ID and question.
func (q question) pack() (*packed, error) {
	a := &packed{question: q, id: dns.Id(), mixed: q.name}
	return a, a.encode()
}

// packForUDP packs the question for UDP, with everything that this server repeats in its reply.
// RFC 5452, Section 9.2: the ID is random, as is the port of the socket.
func (q question) packForUDP(s *server, from net.Addr) (*packed, error) {
	a := &packed{question: q, id: dns.Id(), mixed: q.name}
	if !s.health.foldsCase.Load() {
		a.mixed = mixCase(q.name)
	}
	a.client, a.server = s.cookies.next(from)
	return a, a.encode()
}

func (a *packed) encode() error {
	// RFC 1035, Section 2.3.4: at most 255 octets; the packer does not check the whole name.
	if _, ok := dns.IsDomainName(a.name); !ok {
		return ErrQuestion
	}
	m := new(dns.Msg)
	m.SetQuestion(a.mixed, a.qtype)
	m.Id = a.id
	// RFC 1035, Section 4.1.1.
	m.RecursionDesired = !a.authoritative
	// RFC 4035, Section 4.9.2: a validating stub sets CD where it wants data that failed upstream.
	// RFC 6840, Section 5.7: AD in a question says that we understand the bit.
	m.CheckingDisabled, m.AuthenticatedData = a.cd, true
	// RFC 4035, Section 4.9.1: a validating stub sets DO.
	m.SetEdns0(udpSize, !a.plain)
	if a.client != "" {
		// RFC 7873, Section 5.1.
		opt := m.IsEdns0()
		opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: a.client + a.server})
	}
	var err error
	if a.wire, err = m.Pack(); err != nil {
		return fmt.Errorf("%w: %w", ErrQuestion, err)
	}
	return nil
}

// setID gives a packed question another ID.
func (a *packed) setID(id uint16) {
	a.id = id
	binary.BigEndian.PutUint16(a.wire, id)
}

// mixCase draws the case of every letter (draft-vixie-dnsext-dns0x20): bits a blind forger has to
// guess.
func mixCase(name string) string {
	b := []byte(name)
	var bits uint64
	for i, c := range b {
		if i%64 == 0 {
			bits = rand.Uint64() //nolint:gosec // Go's generator is ChaCha8, seeded by the system
		}
		if 'a' <= c && c <= 'z' && bits&1 == 1 {
			b[i] = c - ('a' - 'A')
		}
		bits >>= 1
	}
	return string(b)
}

var (
	errNotOurs   = errors.New("not a reply to this question")
	errTruncated = errors.New("truncated")
	errCase      = errors.New("the name came back in another case")
)

const headerSize = 12

// read checks that a message is the reply to the question and unpacks it. Its errors are
// errNotOurs, errCase when only the case differs, errTruncated, ErrMalformed, ErrNoEDNS and those
// of checkCookie.
func (a *packed) read(wire []byte) (*dns.Msg, error) {
	// RFC 5452, Section 9.1: the ID of the question, and a response (RFC 1035, Section 4.1.1).
	if len(wire) < headerSize || binary.BigEndian.Uint16(wire) != a.id || wire[2]&0x80 == 0 {
		return nil, errNotOurs
	}
	if truncated := wire[2]&0x02 != 0; truncated {
		// RFC 2181, Section 9: what is in it is not to be used.
		return nil, errTruncated
	}
	m := new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return nil, ErrMalformed
	}
	if err := a.checkCookie(m); err != nil {
		return nil, err
	}
	if noEDNS(m) && (!a.plain || isRefusal(m)) {
		return nil, ErrNoEDNS
	}
	if m.Opcode != dns.OpcodeQuery || len(m.Question) != 1 {
		return nil, errNotOurs
	}
	got := m.Question[0]
	// RFC 5452, Section 9.1: name, type and class; case does not count (RFC 4343, Section 3).
	if got.Qtype != a.qtype || got.Qclass != dns.ClassINET || !strings.EqualFold(got.Name, a.mixed) {
		return nil, errNotOurs
	}
	if a.mixed != a.name && got.Name != a.mixed {
		return nil, errCase
	}
	a.restore(m)
	return m, nil
}

// noEDNS recognises servers that do not implement EDNS, or ignore it.
// RFC 6891, Section 7: such a server answers FORMERR.
// RFC 6891, Section 6.1.1: others have an OPT record in every reply.
func noEDNS(m *dns.Msg) bool {
	return m.IsEdns0() == nil && (isRefusal(m) || m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError)
}

// isRefusal recognises servers that do not understand the question as it is.
// RFC 6891, Section 6.1.3: BADVERS is for another version of EDNS.
func isRefusal(m *dns.Msg) bool {
	return m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeBadVers
}

// restore undoes mixCase in the names of a reply.
func (a *packed) restore(m *dns.Msg) {
	if a.mixed == a.name {
		return
	}
	m.Question[0].Name = a.name
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			h := rr.Header()
			h.Name = strings.ToLower(h.Name)
		}
	}
}
