package dkim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dnseal/lookup/dane"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// Limits of one signature.
const (
	maxNames     = 200  // of header fields that it covers
	maxSignature = 1024 // octets: RSA-8192
)

// signature is a DKIM-Signature field taken apart.
type signature struct {
	field message.Field
	// value is where the value begins in the field, b the tag of the signature there.
	value int
	b     tag

	domain, selector string
	auid             string // the tag i=, "" where it is missing
	algorithm        string
	signed           []byte
	bodyHash         []byte
	names            []string // of the header fields, lower case
	relaxedHeader    bool
	relaxedBody      bool
}

// problem is why a signature does not pass.
type problem struct {
	result receiver.Verdict
	code   string
	reason string
}

func problemf(result receiver.Verdict, code, format string, args ...any) *problem {
	return &problem{result, code, fmt.Sprintf(format, args...)}
}

// parseSignature takes a field apart and checks what can be checked without the body and without
// the DNS; nil: it is worth more. What could be read is returned in any case.
// RFC 6376, Section 6.1.1; RFC 8601, Section 2.7.1: what cannot be read is neutral.
func parseSignature(f message.Field, now time.Time) (*signature, *problem) {
	s := &signature{field: f, value: bytes.IndexByte(f.Raw, ':') + 1}
	if len(f.Raw) > maxField {
		return s, problemf(receiver.Neutral, codeLimit, "the field has %d octets, at most %d are read", len(f.Raw), maxField)
	}
	tags, err := parseTags(f.RawValue())
	if err != nil {
		return s, problemf(receiver.Neutral, codeMalformed, "the DKIM-Signature field cannot be read: %v", err)
	}
	s.domain, s.selector, s.auid = domainName(tags.get("d")), domainName(tags.get("s")), withoutFWS(tags.get("i"))
	s.algorithm = strings.ToLower(withoutFWS(tags.get("a")))
	s.b, _ = tags.find("b")
	for _, check := range []func(tagList) *problem{s.required, s.usable, s.identity, s.decode, s.readNames} {
		if p := check(tags); p != nil {
			return s, p
		}
	}
	return s, inTime(tags, now)
}

// required are the tags that must be there (RFC 6376, Section 3.5).
func (s *signature) required(tags tagList) *problem {
	if v := tags.get("v"); v != "1" {
		return problemf(receiver.Neutral, codeMalformed, "the version of the signature is %q, not 1", v)
	}
	for _, name := range []string{"a", "b", "bh", "d", "h", "s"} {
		if tags.get(name) == "" {
			return problemf(receiver.PermError, codeMalformed, "the tag %s= is missing", name)
		}
	}
	return nil
}

// usable wants an algorithm, canonicalisations and a query method that are known.
func (s *signature) usable(tags tagList) *problem {
	switch s.algorithm {
	case "rsa-sha256", "ed25519-sha256": // RFC 8463
	case "rsa-sha1":
		// RFC 8301, Section 3.1.
		return problemf(receiver.Policy, codeWeak, "rsa-sha1 must not be used to verify (RFC 8301)")
	default:
		return problemf(receiver.Neutral, codeUnsupported, "the algorithm %q is not known", s.algorithm)
	}
	header, body, _ := strings.Cut(strings.ToLower(withoutFWS(tags.get("c"))), "/")
	for _, c := range []string{header, body} {
		if c != "" && c != simple && c != relaxed {
			return problemf(receiver.Neutral, codeUnsupported, "the canonicalization %q is not known", c)
		}
	}
	s.relaxedHeader, s.relaxedBody = header == relaxed, body == relaxed
	if tags.has("q") && !slices.Contains(tags.list("q"), "dns/txt") {
		return problemf(receiver.Neutral, codeUnsupported, "the key is not to be had by dns/txt")
	}
	// RFC 6376, Section 8.2: whatever was added behind it looks signed.
	if tags.has("l") {
		return problemf(receiver.Policy, codePartial, "it covers only a part of the body (l=), and was not checked")
	}
	return nil
}

const (
	simple  = "simple"
	relaxed = "relaxed"
)

// identity wants names that can be, and an AUID of the domain that signs.
func (s *signature) identity(tagList) *problem {
	switch {
	case s.domain == "" || s.selector == "" || len(s.owner()) > maxOwner:
		return problemf(receiver.PermError, codeMalformed, "domain (d=) and selector (s=) are no names")
	case s.auid != "" && !within(auidDomain(s.auid), s.domain):
		return problemf(receiver.PermError, codeMalformed, "the identity (i=) is not of the domain %s", s.domain)
	}
	return nil
}

// auidDomain is the domain of an AUID (RFC 6376, Section 3.5, i=), "" when it has none.
func auidDomain(auid string) string {
	at := strings.LastIndexByte(auid, '@')
	if at < 0 {
		return ""
	}
	return domainName(auid[at+1:])
}

// maxOwner is the longest name, with its final dot (RFC 1035, Section 2.3.4).
const maxOwner = 254

// owner is where the key is (RFC 6376, Section 3.6.2.1).
func (s *signature) owner() string { return s.selector + "._domainkey." + s.domain + "." }

// within reports whether a domain is another one or below it.
func within(name, domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) }

// domainName returns a name in lower case and A-labels, without a final dot; "" when it is none.
// Selectors and domains in use have underscores.
func domainName(text string) string {
	text = withoutFWS(text)
	// RFC 8616, Section 5.
	if strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		d, err := dane.Domain(text)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(d, ".")
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
		}) {
			return ""
		}
	}
	return strings.ToLower(text)
}

// decode reads signature and digest.
func (s *signature) decode(tags tagList) (p *problem) {
	if s.signed, p = octets(tags, "b", maxSignature); p != nil {
		return p
	}
	s.bodyHash, p = octets(tags, "bh", maxSignature)
	if p == nil && len(s.bodyHash) != sha256.Size {
		p = problemf(receiver.PermError, codeMalformed, "the digest bh= has %d octets, not %d", len(s.bodyHash), sha256.Size)
	}
	return p
}

func octets(tags tagList, name string, most int) ([]byte, *problem) {
	text := withoutFWS(tags.get(name))
	if len(text) > base64.StdEncoding.EncodedLen(most) {
		return nil, problemf(receiver.Neutral, codeLimit, "the tag %s= has %d characters, which is more than is read", name, len(text))
	}
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, problemf(receiver.Neutral, codeMalformed, "the tag %s= is no base64", name)
	}
	return out, nil
}

// readNames wants From among the fields that are signed (RFC 6376, Section 5.4).
func (s *signature) readNames(tags tagList) *problem {
	for name := range strings.SplitSeq(tags.get("h"), ":") {
		s.names = append(s.names, strings.ToLower(trimFWS(name)))
	}
	switch {
	case len(s.names) > maxNames:
		return problemf(receiver.Neutral, codeLimit, "it names %d header fields, at most %d are read", len(s.names), maxNames)
	case !slices.Contains(s.names, "from"):
		return problemf(receiver.PermError, codeMalformed, "From is not among the fields that it covers")
	}
	return nil
}

// inTime wants an expiration that is not over (RFC 6376, Section 3.5, x=).
func inTime(tags tagList, now time.Time) *problem {
	var made, ends int64
	var err error
	for name, t := range map[string]*int64{"t": &made, "x": &ends} {
		if !tags.has(name) {
			continue
		}
		// No more than 12 digits, and no sign: that is year 33658.
		if text := tags.get(name); len(text) <= 12 && strings.Trim(text, "0123456789") == "" {
			if *t, err = strconv.ParseInt(text, 10, 64); err == nil {
				continue
			}
		}
		return problemf(receiver.Neutral, codeMalformed, "the time %s= cannot be read", name)
	}
	switch {
	case !tags.has("x"):
		return nil
	case tags.has("t") && ends < made:
		return problemf(receiver.PermError, codeMalformed, "it expires (x=) before it was made (t=)")
	case now.Unix() > ends:
		return problemf(receiver.PermError, codeExpired, "it expired %s", time.Unix(ends, 0).UTC().Format("2006-01-02 15:04 UTC"))
	}
	return nil
}
