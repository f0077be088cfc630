package message

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// From returns all addresses of all From fields, as [ParseFrom] reads them. An error says that one
// could not be read; the addresses of the others are returned with it.
// RFC 5322, Section 3.6.2.
func (m *Message) From() ([]Address, error) {
	var all []Address
	var first error
	for _, f := range m.fields {
		if !f.Is("From") {
			continue
		}
		as, err := ParseFrom(f.Value())
		all = append(all, as...)
		if err != nil && first == nil {
			first = fmt.Errorf("message: From field: %w", err)
		}
	}
	return all, first
}

// ParseFrom reads the value of a field that says who wrote or sent a message: an address list as
// [ParseAddressList] reads it, each address once, or one that breaks the grammar and in which all
// readers find the same address: words of any kind and then that address in angle brackets, as in
// `[SRV01] Alerts <alice@example.org>`. Errors: those of ParseAddressList, and *[OtherAuthorError].
func ParseFrom(value string) ([]Address, error) {
	as, err := ParseAddressList(value)
	if err != nil {
		a, other, ok := clearAddress(value)
		switch {
		case !ok || holdsControl(value):
			return as, err
		case other != Address{}:
			return nil, &OtherAuthorError{Address: a, Shown: other}
		}
		return []Address{a}, nil
	}
	if len(as) < 2 {
		return as, nil
	}
	var out []Address
	seen := map[Address]bool{}
	for _, a := range as {
		if !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out, nil
}

// OtherAuthorError says that a value has one address, and another one in the words before it, which
// are not quoted as RFC 5322, Section 3.2.5, requires: some readers show that one as the author.
type OtherAuthorError struct {
	Address Address
	Shown   Address // it may be without local part
}

func (e *OtherAuthorError) Error() string {
	return fmt.Sprintf("message: the words before %s show another address: %s", e.Address, e.Shown)
}

// clearAddress returns the one address of a value that is no address list, and the first other one
// that is seen in what precedes it. What encloses it must occur once in every reading, and nothing
// may follow it.
func clearAddress(value string) (a, other Address, ok bool) {
	text := strings.TrimSpace(unfold(value, " "))
	phrase, spec, found := strings.Cut(text, "<")
	spec, closed := strings.CutSuffix(spec, ">")
	if len(value) > maxReading || !found || !closed || !oneAngle(value) || !balanced(phrase) {
		return Address{}, Address{}, false
	}
	a, err := bareAddress(spec)
	if err != nil {
		return Address{}, Address{}, false
	}
	for other := range AddressesIn(phrase) {
		if !other.isShown(a) && !other.isNoAddress() {
			return a, other, true
		}
	}
	return a, Address{}, true
}

// oneAngle reports whether one pair of angle brackets is in every reading of a value, which
// holds no control characters and nothing that cannot be decoded.
func oneAngle(value string) bool {
	texts, undecoded := Readings(value)
	if undecoded != "" {
		return false
	}
	for _, t := range texts {
		if strings.Count(t, "<") != 1 || strings.Count(t, ">") != 1 {
			return false
		}
	}
	return !strings.ContainsFunc(unfold(value, " "), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// balanced reports whether each quoted string and each comment of a phrase ends in it.
// RFC 5322, Sections 3.2.2 and 3.2.4.
func balanced(phrase string) bool {
	quoted, depth := false, 0
	for i := 0; i < len(phrase); i++ {
		switch c := phrase[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted:
			depth++
		case c == ')' && !quoted && depth > 0:
			depth--
		}
	}
	return !quoted && depth == 0
}

// bareAddress reads an address without quotation, comment, white space or encoded word in it, with
// or without the scheme of RFC 6068 before it.
func bareAddress(spec string) (Address, error) {
	const scheme = "mailto:"
	if len(spec) > len(scheme) && strings.EqualFold(spec[:len(scheme)], scheme) {
		spec = spec[len(scheme):]
	}
	if !utf8.ValidString(spec) || strings.ContainsAny(spec, "\"\\()[] \t\r\n%!") || strings.Contains(spec, "=?") {
		return Address{}, errors.New("message: the address can be read in more than one way")
	}
	return ParseAddress(spec)
}

// isShown reports whether a, as [AddressesIn] returns it, is what a person sees of the address b.
func (a Address) isShown(b Address) bool {
	return a.Domain == b.Domain && strings.EqualFold(strings.Trim(a.Local, "'`"), strings.Trim(b.Local, "'`"))
}

// isNoAddress reports whether a, as [AddressesIn] returns it, is an @ between two words of a name.
func (a Address) isNoAddress() bool { return a.Local == "" && !strings.Contains(a.Domain, ".") }

// Shown are the authors of a message that readers may show.
type Shown struct {
	// Addresses are those of [AddressesIn]; without a local part, other domains of [DomainsIn];
	// and of a field that holds none of them, its words as local parts without a domain, to
	// which MTAs write their own.
	Addresses []Address
	// Domains are those of [DomainsIn].
	Domains []string
	// Cut says that From is too long to be looked at as a whole, or cannot be read and holds
	// what cannot be decoded: any author may be shown.
	Cut bool
}

// Shown returns the authors that readers may show: [ShownIn] of the From fields, or where they name
// none, of Sender.
// RFC 5322, Section 3.6.2.
func (m *Message) Shown() Shown {
	if !m.NamesAuthor() {
		return ShownIn(m.Fields("Sender")...)
	}
	return ShownIn(m.Fields("From")...)
}

// NamesAuthor reports whether the message has a From field that holds more than white space and
// comments.
func (m *Message) NamesAuthor() bool {
	return slices.ContainsFunc(m.Fields("From"), func(f Field) bool { return strings.TrimSpace(withoutComments(f.Unfolded())) != "" })
}

// ShownIn returns the authors that readers may show by these fields: the one author of a single
// field that all understand alike, else everything in them that looks like an address.
func ShownIn(fields ...Field) Shown {
	if len(fields) == 1 {
		if a, ok := agreed(fields[0].Value()); ok {
			return Shown{Addresses: []Address{a}, Domains: []string{a.Domain}}
		}
	}
	var s Shown
	size := 0
	for _, f := range fields {
		value := f.Value()
		if size += len(value) + 1; size > maxReading || hidden(value) {
			s.Cut = true
			return s
		}
		domains, _ := DomainsIn(value)
		s.Addresses, s.Domains = append(s.Addresses, suspects(value, domains)...), append(s.Domains, domains...)
	}
	return s
}

// hidden reports whether a value that is no address list holds an encoded word that cannot be read
// here, or a part of one.
func hidden(value string) bool {
	text, undecoded := DecodeWords(unfold(value, " "))
	if undecoded == "" && !strings.Contains(text, "=?") {
		return false
	}
	_, err := ParseAddressList(value)
	return err != nil
}

// suspects are the addresses in a value of which the domains are known.
func suspects(value string, domains []string) []Address {
	var out []Address
	seen, known := map[Address]bool{}, map[string]bool{}
	add := func(a Address) {
		if !seen[a] {
			seen[a], known[a.Domain] = true, true
			out = append(out, a)
		}
	}
	for a := range AddressesIn(value) {
		add(a)
		// as in *alice@example.org*
		add(Address{Local: strings.TrimFunc(a.Local, isSign), Domain: a.Domain})
	}
	for _, d := range domains {
		if !known[d] {
			out = append(out, Address{Domain: d})
		}
	}
	if len(out) == 0 {
		return wordsIn(value)
	}
	return out
}

func isSign(r rune) bool { return !isHostRune(r) }

// wordsIn are the words of a value as local parts.
func wordsIn(value string) []Address {
	text, _ := DecodeWords(value)
	var out []Address
	for _, word := range strings.FieldsFunc(plain(text), func(r rune) bool { return !inWord(r) }) {
		out = append(out, Address{Local: word})
	}
	return out
}

// agreed returns the one address that every reader finds in a value: it is a well-formed one, also
// when its encoded words are decoded first, as some readers do, and no route or other address
// stands in its local part or in angle brackets, nor anything that is not seen or looks like
// another character.
func agreed(value string) (Address, bool) {
	as, err := ParseAddressList(value)
	if err != nil || len(as) != 1 || strings.ContainsAny(as[0].Local, "@%!<>") || plain(as[0].Local) != as[0].Local || !oneDomain(as[0].Domain) {
		return Address{}, false
	}
	if readsOneWay(value) {
		return as[0], strings.Count(value, "<") <= 1
	}
	for _, r := range wordReadings {
		decoded, _ := r.decode(unfold(value, " "))
		again, err := ParseAddressList(decoded)
		if err != nil || !slices.Equal(as, again) || strings.Count(decoded, "<") > 1 {
			return Address{}, false
		}
		if !strings.Contains(value, "=?") {
			break
		}
	}
	return as[0], true
}

// oneDomain reports whether all readers see where the domain of an address ends: as an address
// literal it is one (RFC 5321, Section 4.1.3), else it holds nothing that stands around names but
// not in them (RFC 5892).
func oneDomain(domain string) bool {
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		_, err := netip.ParseAddr(strings.TrimPrefix(strings.TrimSuffix(literal, "]"), "ipv6:"))
		return err == nil
	}
	if !strings.Contains(domain, "xn--") {
		return true
	}
	shown, err := idna.Display.ToUnicode(domain)
	return err == nil && !strings.ContainsFunc(shown, func(r rune) bool { return !isHostSign(r) })
}
