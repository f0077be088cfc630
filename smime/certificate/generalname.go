package certificate

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// form is a kind of GeneralName (RFC 5280, Section 4.2.1.6). An otherName of an unknown type is a
// form of its own, "otherName OID".
type form string

const (
	formMail      form = "rfc822Name"
	formUTF8Mail  form = "SmtpUTF8Mailbox"
	formDNS       form = "dNSName"
	formDirectory form = "directoryName"
	formURI       form = "uniformResourceIdentifier"
	formIP        form = "iPAddress"
)

// generalName is one name, in a subjectAltName or as the base of a subtree. value are its contents
// octets; of a directoryName the DER of the Name, of a SmtpUTF8Mailbox its text, nil where that
// cannot be read.
type generalName struct {
	form  form
	value []byte
}

var (
	// RFC 5280, Section 4.2.1.6.
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	// RFC 5280, Section 4.2.1.10.
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
	// RFC 9598, Section 3.
	oidSMTPUTF8Mailbox = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9}
	// RFC 5280, Section 4.1.2.6.
	oidEmailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

// idEmailAddress are the contents octets of oidEmailAddress.
const idEmailAddress = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"

var (
	constructed0 = implicit(0).Constructed()
	constructed1 = implicit(1).Constructed()
)

// implicit is the context-specific tag.
func implicit(number cbasn1.Tag) cbasn1.Tag { return number.ContextSpecific() }

// forms are all but otherName, by their tags.
var forms = map[cbasn1.Tag]form{
	implicit(1): formMail, implicit(2): formDNS, implicit(6): formURI, implicit(7): formIP, implicit(8): "registeredID",
	implicit(3).Constructed(): "x400Address", implicit(4).Constructed(): formDirectory, implicit(5).Constructed(): "ediPartyName",
}

// readGeneralNames reads RFC 5280, Section 4.2.1.6: GeneralNames ::= SEQUENCE SIZE (1..MAX) OF
// GeneralName. Where one of them has not the form of a name there are none. ok is false then, where
// a directoryName cannot be read, and where something follows the sequence.
func readGeneralNames(der []byte) (names []generalName, ok bool) {
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) {
		return nil, false
	}
	ok = outer.Empty()
	for !s.Empty() {
		n, isName := readGeneralName(&s)
		if !isName {
			return nil, false
		}
		ok = ok && (n.form != formDirectory || isDirectoryName(n.value))
		names = append(names, n)
	}
	return names, ok
}

// readGeneralName reads RFC 5280, Section 4.2.1.6:
//
//	GeneralName ::= CHOICE {
//	  otherName [0], rfc822Name [1] IA5String, dNSName [2] IA5String, x400Address [3],
//	  directoryName [4] EXPLICIT Name, ediPartyName [5], uniformResourceIdentifier [6] IA5String,
//	  iPAddress [7] OCTET STRING, registeredID [8] }
func readGeneralName(s *cryptobyte.String) (generalName, bool) {
	var value cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&value, &tag) {
		return generalName{}, false
	}
	if f := forms[tag]; f != "" {
		return generalName{f, value}, true
	}
	// RFC 5280, Section 4.2.1.6: otherName is [0].
	if tag != constructed0 {
		return generalName{}, false
	}
	return readOtherName(value)
}

// readOtherName reads RFC 5280, Section 4.2.1.6:
//
//	OtherName ::= SEQUENCE {
//	  type-id  OBJECT IDENTIFIER,
//	  value    [0] EXPLICIT ANY }
//
// of which the UTF8String of a SmtpUTF8Mailbox is understood (RFC 9598, Section 3).
func readOtherName(s cryptobyte.String) (generalName, bool) {
	var id asn1.ObjectIdentifier
	var typeID, value, text cryptobyte.String
	if !s.ReadASN1Element(&typeID, cbasn1.OBJECT_IDENTIFIER) || len(typeID) <= 2 || !s.ReadASN1(&value, constructed0) || !s.Empty() {
		return generalName{}, false
	}
	if whole := typeID; !typeID.ReadASN1ObjectIdentifier(&id) {
		return generalName{form(fmt.Sprintf("otherName %x", []byte(whole))), value}, true
	}
	if !id.Equal(oidSMTPUTF8Mailbox) {
		return generalName{form("otherName " + id.String()), value}, true
	}
	// RFC 9598, Section 3: UTF8String, of at least one character.
	if !value.ReadASN1(&text, cbasn1.UTF8String) || !value.Empty() {
		return generalName{form: formUTF8Mail}, true
	}
	return generalName{formUTF8Mail, append([]byte{}, text...)}, true
}

// SMTPUTF8AltName returns a subjectAltName with one SmtpUTF8Mailbox (RFC 9598, Section 3), an
// otherName as readOtherName reads it. The error says that mailbox is not UTF-8.
func SMTPUTF8AltName(mailbox string) (pkix.Extension, error) {
	if !utf8.ValidString(mailbox) {
		return pkix.Extension{}, errors.New("certificate: a SmtpUTF8Mailbox that is not UTF-8")
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(constructed0, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidSMTPUTF8Mailbox)
			b.AddASN1(constructed0, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(mailbox)) })
			})
		})
	})
	value, err := b.Bytes()
	return pkix.Extension{Id: oidSubjectAltName, Value: value}, err
}
