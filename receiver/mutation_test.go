package receiver_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/smime"
)

// specimen is a message that passes, taken apart so that each bit of it can be changed.
type specimen struct {
	name string
	// before and after stand around the content, which is signed; cms is the SignedData, and
	// end what follows it.
	before, content, between, end string
	cms                           []byte
	idle                          map[int]bool // octets of cms, see idleOctets
	dns                           *fakeDNS
}

// idleOctets are those of a SignedData that no result rests on: the version numbers, which say
// nothing that is not seen otherwise, and the digest algorithms that are announced in front (RFC
// 5652, Section 5.1: a hint for readers in one pass).
func idleOctets(tb testing.TB, der []byte) map[int]bool {
	tb.Helper()
	idle := map[int]bool{}
	mark := func(field cryptobyte.String) {
		start := len(der) - cap(field) // all strings are slices of der
		for i := range field {
			idle[start+i] = true
		}
	}
	in := cryptobyte.String(slices.Clip(der))
	var contentInfo, explicit, signedData, version, digests, rest, infos, info cryptobyte.String
	ok := in.ReadASN1(&contentInfo, cbasn1.SEQUENCE) && contentInfo.SkipASN1(cbasn1.OBJECT_IDENTIFIER) &&
		contentInfo.ReadASN1(&explicit, cbasn1.Tag(0).ContextSpecific().Constructed()) && explicit.ReadASN1(&signedData, cbasn1.SEQUENCE) &&
		signedData.ReadASN1(&version, cbasn1.INTEGER) && signedData.ReadASN1(&digests, cbasn1.SET) && signedData.ReadASN1(&rest, cbasn1.SEQUENCE) &&
		signedData.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) && signedData.ReadASN1(&infos, cbasn1.SET) &&
		infos.ReadASN1(&info, cbasn1.SEQUENCE)
	var infoVersion cryptobyte.String
	if !ok || !info.ReadASN1(&infoVersion, cbasn1.INTEGER) {
		tb.Fatal("the SignedData cannot be read")
	}
	mark(version)
	mark(digests)
	mark(infoVersion)
	return idle
}

// newSpecimen takes a clear-signed or opaque message apart.
func newSpecimen(tb testing.TB, name, text string, dns *fakeDNS) *specimen {
	tb.Helper()
	s := &specimen{name: name, dns: dns}
	at := strings.LastIndex(text, "\r\n\r\nM") + 4 // the base64 of a SEQUENCE
	size := strings.Index(text[at:], "\r\n--")
	if size < 0 {
		size = len(text) - at
	}
	der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text[at:at+size], "\r\n", ""))
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	s.before, s.cms, s.end, s.idle = text[:at], der, text[at+size:], idleOctets(tb, der)
	if start := strings.Index(text, "\r\n--"); start >= 0 && start < at {
		boundary := text[start : start+2+strings.Index(text[start+2:], "\r\n")]
		start += len(boundary) + 2
		stop := start + strings.Index(text[start:], boundary)
		s.before, s.content, s.between = text[:start], text[start:stop], text[stop:at]
	}
	if got := s.verdict(tb, s.content, s.cms); got != receiver.Pass {
		tb.Fatalf("%s unchanged: %s", name, got)
	}
	return s
}

func (s *specimen) verdict(tb testing.TB, content string, cms []byte) receiver.Verdict {
	tb.Helper()
	return judge(tb, s.dns, s.before+content+s.between+strings.ReplaceAll(wrapped(cms), "\n", "\r\n")+s.end, nil).Verdict
}

// bits is how many bits of it can be changed: of the content, the SignedData and the records.
func (s *specimen) bits() int { return 8 * (len(s.content) + len(s.cms)) }

// flipped is the verdict with one bit changed, and where that is.
func (s *specimen) flipped(tb testing.TB, bit int) (receiver.Verdict, string) {
	tb.Helper()
	content, cms := []byte(s.content), slices.Clone(s.cms)
	at, mask := bit/8, byte(1)<<(bit%8)
	if at < len(content) {
		content[at] ^= mask
		return s.verdict(tb, string(content), cms), fmt.Sprintf("content, octet %d, bit %d", at, bit%8)
	}
	at -= len(content)
	cms[at] ^= mask
	return s.verdict(tb, string(content), cms), fmt.Sprintf("SignedData, octet %d, bit %d", at, bit%8)
}

// specimens are messages of every form, algorithm and kind of record.
func specimens(tb testing.TB) []*specimen {
	tb.Helper()
	c := newCast(tb)
	var all []*specimen
	add := func(name, text string, values string, p person) {
		dns := newFakeDNS()
		id := p.identity()
		owner, typ, err := id.OwnerName()
		if err != nil {
			tb.Fatal(err)
		}
		r, err := id.Record(values[0]-'0', values[2]-'0', values[4]-'0')
		if err != nil {
			tb.Fatal(err)
		}
		dns.cached[owner+" "+typ.String()] = answerWith(owner, typ, r)
		all = append(all, newSpecimen(tb, name, text, dns))
	}
	rsa := newPerson(tb, "alice@example.org", "rsa2048", person{}, nil)
	ed := newPerson(tb, "alice@example.org", "ed25519", person{}, nil)
	add("clear", signed(tb, mail("alice@example.org"), smime.SignOptions{}, c.alice), "3 1 1", c.alice)
	add("ECDSA with NULL", header("alice@example.org")+clear(protected("alice@example.org"), signedBy(protected("alice@example.org"), c.alice, firstSigner(func(s *signer) {
		s.null = true
		s.attributes = func(list [][]byte) [][]byte { return append(list, attribute(oidCapabilities, derOctets([]byte("zz")))) }
	}))), "3 1 1", c.alice)
	add("opaque", signed(tb, mail("alice@example.org"), smime.SignOptions{Opaque: true}, c.alice), "3 1 1", c.alice)
	add("RSA", signed(tb, mail("alice@example.org"), smime.SignOptions{}, rsa), "3 1 1", rsa)
	add("Ed25519", signed(tb, mail("alice@example.org"), smime.SignOptions{}, ed), "3 1 1", ed)
	add("certificate in the record", signed(tb, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, ed), "3 0 0", ed)
	add("no certificate", signed(tb, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, c.alice), "3 1 0", c.alice)
	add("DANE-TA", signed(tb, mail("carol@example.com"), smime.SignOptions{}, c.carol), "2 0 1", c.carol)
	return all
}

func answerWith(owner string, typ dane.Type, records ...dane.Record) *lookup.Result {
	return &lookup.Result{Name: owner, Type: typ, Status: dnssec.Secure, Presence: dane.Present, Records: records, TTL: time.Minute}
}

// TestEveryOctet changes one bit of every octet of what is signed, of the signature and of the
// certificate: none may pass.
func TestEveryOctet(t *testing.T) {
	t.Parallel()
	for n, s := range specimens(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for octet := range s.bits() / 8 {
				if s.idle[octet-len(s.content)] {
					continue
				}
				if got, where := s.flipped(t, 8*octet+(octet+n)%8); got == receiver.Pass {
					t.Errorf("passes with a change in %s", where)
				}
			}
		})
	}
}

// TestEveryBitOfRecords changes each bit of the data of the records: none may pass. Of a
// certificate in a record only the key counts where the message brings none: the owner of the zone
// vouches for it, whatever else the certificate says.
func TestEveryBitOfRecords(t *testing.T) {
	t.Parallel()
	for _, s := range specimens(t) {
		for key, res := range s.dns.cached {
			data := res.Records[0].Data
			first, last := 0, len(data)
			if res.Records[0].Selector == 0 && res.Records[0].MatchingType == 0 {
				cert, err := x509.ParseCertificate(data)
				if err != nil {
					t.Fatal(err)
				}
				first = bytes.Index(data, cert.RawSubjectPublicKeyInfo)
				last = first + len(cert.RawSubjectPublicKeyInfo)
			}
			for bit := 8 * first; bit < 8*last; bit++ {
				changed := *res
				changed.Records = slices.Clone(res.Records)
				changed.Records[0].Data = slices.Clone(data)
				changed.Records[0].Data[bit/8] ^= 1 << (bit % 8)
				dns := newFakeDNS()
				dns.cached[key], dns.fresh[key] = &changed, &changed
				one := *s
				one.dns = dns
				if got := one.verdict(t, s.content, s.cms); got == receiver.Pass {
					t.Errorf("%s: passes with bit %d of the record changed", s.name, bit)
				}
			}
		}
	}
}

// FuzzFlip changes any bits, several at once.
func FuzzFlip(f *testing.F) {
	all := specimens(f)
	f.Add(uint(0), uint(0), uint(0))
	f.Fuzz(func(t *testing.T, n, first, second uint) {
		s := all[n%uint(len(all))]
		bits := uint(s.bits())
		a, b := int(first%bits), int(second%bits)
		if a == b {
			return
		}
		content, cms := []byte(s.content), slices.Clone(s.cms)
		for _, bit := range []int{a, b} {
			if s.idle[bit/8-len(content)] {
				return
			}
			if at := bit / 8; at < len(content) {
				content[at] ^= 1 << (bit % 8)
			} else {
				cms[at-len(content)] ^= 1 << (bit % 8)
			}
		}
		if got := s.verdict(t, string(content), cms); got == receiver.Pass {
			t.Errorf("%s passes with bits %d and %d changed", s.name, a, b)
		}
	})
}
