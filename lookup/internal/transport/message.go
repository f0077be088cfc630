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
const udpSize = 1232

// question is what is asked; class IN.
type question struct {
	name  string // absolute, lower case
	qtype uint16
	cd    bool
	plain bool // without DO
}

// asked is a question as it went out: with an ID, the letters of its name in random case and a
// cookie, all of which a reply must repeat.
type asked struct {
	question
	id             uint16
	mixed          string
	client, server string // the halves of the cookie; empty: none
	wire           []byte
}

// ask packs the question with an ID only, for connections: nobody off the path can forge what comes
// over one.
func (q question) ask() (*asked, error) {
	a := &asked{question: q, id: dns.Id(), mixed: q.name}
	return a, a.pack()
}

// askOpenly packs the question for UDP, with all that a server is known to repeat.
func (q question) askOpenly(s *server, from net.Addr) (*asked, error) {
	a := &asked{question: q, id: dns.Id(), mixed: q.name}
	if !s.health.foldsCase.Load() {
		a.mixed = mixCase(q.name)
	}
	a.client, a.server = s.cookies.next(from)
	return a, a.pack()
}

func (a *asked) pack() error {
	// the packer lets names through that are too long as a whole
	if _, ok := dns.IsDomainName(a.name); !ok {
		return ErrQuestion
	}
	m := new(dns.Msg)
	m.SetQuestion(a.mixed, a.qtype)
	m.Id = a.id
	// RFC 6840, Section 5.7: AD in a question says that we understand the bit.
	m.CheckingDisabled, m.AuthenticatedData = a.cd, true
	m.SetEdns0(udpSize, !a.plain)
	if a.client != "" {
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
func (a *asked) setID(id uint16) {
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

// read checks that a message is the reply to the question and takes it apart. Errors: errNotOurs;
// errCase, when only the case differs; errTruncated; ErrMalformed; ErrNoEDNS; those of checkCookie.
func (a *asked) read(wire []byte) (*dns.Msg, error) {
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
	if got.Qtype != a.qtype || got.Qclass != dns.ClassINET || !strings.EqualFold(got.Name, a.mixed) {
		return nil, errNotOurs
	}
	if a.mixed != a.name && got.Name != a.mixed {
		return nil, errCase
	}
	a.restore(m)
	return m, nil
}

// noEDNS recognises servers that do not know EDNS (RFC 6891, Section 7), or ignore it: those that
// do repeat the OPT record whatever they answer (Section 6.1.1).
func noEDNS(m *dns.Msg) bool {
	return m.IsEdns0() == nil && (isRefusal(m) || m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError)
}

// isRefusal recognises servers that do not understand the question as it stands.
func isRefusal(m *dns.Msg) bool {
	return m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeBadVers
}

// restore takes the case we made out of the names.
func (a *asked) restore(m *dns.Msg) {
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
