package receiver

import (
	"strings"

	"dnseal/lookup/dane"
	"dnseal/smime"
	"dnseal/smime/message"
)

// claim is the identity a signer states. The zero value is none at all.
type claim struct {
	address message.Address // a mail address, or
	dnsName string          // the name of a device, service or host
	// certified says that the signer's certificate states it. Otherwise it is the From address,
	// which a signature without a name can only be meant for.
	certified bool
}

func (c claim) mail() bool { return c.address != message.Address{} }

// String is the name as reports write it, "" for none.
func (c claim) String() string {
	if c.mail() {
		return c.address.String()
	}
	return c.dnsName
}

// owner is where the records of the name are. The error says why it can have none.
// RFC 8162, Section 3.
func (c claim) owner() (string, dane.Type, error) {
	if c.mail() {
		name, err := dane.SMIMEAName(c.address.Local, c.address.Domain)
		return name, dane.SMIMEA, err
	}
	name, err := dane.TLSAName(c.dnsName)
	return name, dane.TLSA, err
}

// claimed finds the identity the signer states, and does not choose it by what has a record: a mail
// address of the certificate, else a DNS name in it; of several the one bound to From.
// RFC 8550, Section 3: a certificate need not hold a name. Then, as without certificate, it is the
// From address.
func (sc *signatureCheck) claimed() claim {
	var mails, names []claim
	if sc.sig.Certificate != nil {
		for _, n := range smime.CertificateNames(sc.sig.Certificate) {
			switch n.Kind {
			case smime.NameMail:
				mails = append(mails, claim{address: n.Address, certified: true})
			case smime.NameDNS:
				names = append(names, claim{dnsName: canonical(n.DNSName), certified: true})
			}
		}
	}
	switch {
	case len(mails) > 0:
		return sc.boundOf(mails)
	case len(names) > 0:
		return sc.boundOf(names)
	}
	return claim{address: sc.author()}
}

// boundOf returns the first claim that speaks for From, else the first for the protected From, else
// the first.
func (sc *signatureCheck) boundOf(claims []claim) claim {
	for _, from := range []message.Address{sc.outerFrom(), sc.innerFrom()} {
		for _, c := range claims {
			if c.mail() && c.address == from || !c.mail() && sc.ruled(c.dnsName, from) {
				return c
			}
		}
	}
	return claims[0]
}

// author is the one a signature without a name speaks for: the protected From, else the outer one;
// the zero value where there is none.
func (sc *signatureCheck) author() message.Address {
	if in := sc.innerFrom(); in != (message.Address{}) {
		return in
	}
	return sc.outerFrom()
}

// outerFrom is the one From address of the message; the zero value where there is not exactly one.
func (sc *signatureCheck) outerFrom() message.Address {
	return only(sc.report.from, sc.report.fromErr)
}

// innerFrom is the one protected From address.
func (sc *signatureCheck) innerFrom() message.Address {
	if sc.out.HeaderProtection == smime.ProtectionNone || len(sc.sig.ProtectedFromText) > 1 {
		return message.Address{}
	}
	return only(sc.sig.ProtectedFrom, sc.sig.ProtectedFromErr)
}

func only(as []message.Address, err error) message.Address {
	if err != nil || len(as) != 1 {
		return message.Address{}
	}
	return as[0]
}

// canonical is a DNS name in lower-case A-labels (RFC 5890, Section 2.3.2.1) without final dot, as
// rules compare it; unchanged where it is none.
func canonical(name string) string {
	owner, err := dane.TLSAName(name)
	if err != nil {
		return name
	}
	return strings.TrimSuffix(owner, ".")
}

// certified is the name that the signer's certificate states, or "".
func (sc *signatureCheck) certified() string {
	if !sc.claim.certified {
		return ""
	}
	return sc.claim.String()
}
