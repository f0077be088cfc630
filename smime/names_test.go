package smime

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/message"
)

// generalName is one element of a subjectAltName.
type generalName struct {
	tag   uint8
	value string
}

const utf8Mailbox = 0xff // an otherName with an SmtpUTF8Mailbox

var (
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidSMTPUTF8Mailbox = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9}
	oidEmailAddress    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

func altNames(tb testing.TB, names []generalName) pkix.Extension {
	tb.Helper()
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, n := range names {
			if n.tag != utf8Mailbox {
				b.AddASN1(cbasn1.Tag(n.tag).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(n.value)) })
				continue
			}
			b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidSMTPUTF8Mailbox)
				b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(n.value)) })
				})
			})
		}
	})
	return pkix.Extension{Id: oidSubjectAltName, Value: b.BytesOrPanic()}
}

func TestCertificateNames(t *testing.T) {
	t.Parallel()
	key := ecKey(elliptic.P256())
	mail := func(local, domain string) Name {
		return Name{Kind: NameMail, Address: message.Address{Local: local, Domain: domain}}
	}
	dns := func(name string) Name { return Name{Kind: NameDNS, DNSName: name} }
	const rfc822, dnsName = 1, 2
	for _, c := range []struct {
		name    string
		subject string // emailAddress
		names   []generalName
		want    []Name
	}{
		{"none", "", nil, nil},
		{"address", "", []generalName{{rfc822, "Alice@EXAMPLE.org"}}, []Name{mail("Alice", "example.org")}},
		{"mail first", "", []generalName{{dnsName, "Sensor7._device.example.net"}, {rfc822, "a@example.org"}}, []Name{mail("a", "example.org"), dns("sensor7._device.example.net")}},
		{"non-ASCII", "", []generalName{{utf8Mailbox, "bücher@xn--bcher-kva.example"}}, []Name{mail("bücher", "xn--bcher-kva.example")}},
		{"U-label", "", []generalName{{utf8Mailbox, "bücher@bücher.example"}}, []Name{mail("bücher", "xn--bcher-kva.example")}},
		{"both kinds", "", []generalName{{utf8Mailbox, "bücher@example.org"}, {rfc822, "a@example.org"}}, []Name{mail("a", "example.org"), mail("bücher", "example.org")}},
		{"SmtpUTF8Mailbox for an ASCII local part", "", []generalName{{utf8Mailbox, "alice@example.org"}}, nil},
		{"SmtpUTF8Mailbox with a mark", "", []generalName{{utf8Mailbox, "\ufeffbücher@example.org"}}, nil},
		{"SmtpUTF8Mailbox, not UTF-8", "", []generalName{{utf8Mailbox, "b\xfccher@example.org"}}, nil},
		{"no address", "", []generalName{{rfc822, "not an address"}}, nil},
		{"subject only", "a@example.org", nil, []Name{mail("a", "example.org")}},
		{"subject beside a DNS name", "a@example.org", []generalName{{dnsName, "x.example.org"}}, []Name{mail("a", "example.org"), dns("x.example.org")}},
		{"subject beside an address", "evil@example.org", []generalName{{rfc822, "a@example.org"}}, []Name{mail("a", "example.org")}},
		{"subject beside an unusable address", "evil@example.org", []generalName{{utf8Mailbox, "alice@example.org"}}, nil},
	} {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: signedAt, NotAfter: signedAt.AddDate(1, 0, 0)}
		if c.subject != "" {
			template.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{
				Type: oidEmailAddress, Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(c.subject)},
			}}
		}
		if c.names != nil {
			template.ExtraExtensions = []pkix.Extension{altNames(t, c.names)}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, CertificateNames(cert)); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", c.name, diff)
		}
	}
}

// FuzzCertificateNames reads any subjectAltName: every address found is one that can be written and
// read again.
func FuzzCertificateNames(f *testing.F) {
	for _, mailbox := range []string{"bücher@example.org", "bücher@bücher.example", "\ufeffbücher@example.org", "\"ü b\"@example.org"} {
		f.Add(altNames(f, []generalName{{utf8Mailbox, mailbox}, {1, "a@example.org"}, {2, "x.example.org"}}).Value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		cert := &x509.Certificate{Extensions: []pkix.Extension{{Id: oidSubjectAltName, Value: value}}}
		for _, n := range CertificateNames(cert) {
			if n.Kind == NameDNS {
				continue
			}
			again, err := message.ParseAddress(n.Address.String())
			if err != nil || again != n.Address {
				t.Fatalf("%+v, read again: %+v, %v", n, again, err)
			}
		}
	})
}
