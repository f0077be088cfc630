package receiver_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
)

// nameForm is a way in which a certificate states an address.
type nameForm struct {
	name, address string
	change        func(*x509.Certificate)
}

func nameForms() []nameForm {
	return []nameForm{
		{"mail", "dave@example.com", nil},
		{"subject", "dave@example.com", func(x *x509.Certificate) {
			x.EmailAddresses = nil
			x.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "dave@example.com"}}
		}},
		{"utf8", "dävid@example.com", smtpUTF8("dävid@example.com")},
	}
}

// constrainedCA is below issuer, and may certify as the template says.
func (c *cast) constrainedCA(issuer person, change func(*x509.Certificate)) person {
	return newPerson(c.t, "", "userca", issuer, func(x *x509.Certificate) {
		x.IsCA, x.KeyUsage, x.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
		x.Subject.CommonName = "a CA with constraints"
		x.PermittedDNSDomainsCritical = true
		change(x)
	})
}

func permittedMail(values ...string) func(*x509.Certificate) {
	return func(x *x509.Certificate) { x.PermittedEmailAddresses = values }
}

// certifiedBy is a message of p, whose certificate comes with its chain but for an anchor that is
// in the record.
func (c *cast) certifiedBy(p person, from, values string) vector {
	sd := signedBy(bare, p, func(sd *signedData) {
		if strings.HasSuffix(values, " 0 0") {
			sd.certs = slices.DeleteFunc(sd.certs, func(x *x509.Certificate) bool { return x.Equal(p.chain[len(p.chain)-1]) })
		}
	})
	v := vector{eml: header(from) + clear(bare, sd)}
	if values == "user" {
		v.zone = "; zone example.com.\n_user.example.com. 300 IN TLSA " + record(2, 0, 1, p.chain[len(p.chain)-1].Raw) + "\n"
		return v
	}
	if values[0] == '0' || values[0] == '1' {
		v.options.PKIXRoots = "mailca.crt"
	}
	v.zone = "; zone " + p.domain(c.t) + "\n" + p.record(c.t, values)
	return v
}

// issuerFor is where a path of a usage ends: usages 0 and 1 need a root, the others name the CA
// itself.
func (c *cast) issuerFor(values string) person {
	if values[0] == '0' || values[0] == '1' {
		return c.mailCA
	}
	return person{}
}

// constraintAttacks break the name constraints of a CA, for each usage and each form of name.
func (c *cast) constraintAttacks() []vector {
	var out []vector
	for _, values := range []string{"0 0 1", "1 0 1", "2 0 0", "2 0 1", "2 1 0", "2 1 1", "user"} {
		ca := c.constrainedCA(c.issuerFor(values), permittedMail("corp.example"))
		for _, f := range nameForms() {
			v := c.certifiedBy(newPerson(c.t, f.address, "dave", ca, f.change), f.address, values)
			v.name = "constraint-" + strings.ReplaceAll(values, " ", "") + "-" + f.name
			v.readme = "A CA that may certify corp.example only certifies " + f.address + " (" + f.name + "), under " + values + ": RFC 5280, Section 4.2.1.10; RFC 9598, Section 6."
			v.report = verdict("fail", "key-mismatch")
			out = append(out, v)
		}
	}
	device := c.certifiedBy(newPerson(c.t, "sensor7._device.example.net", "sensor", c.constrainedCA(person{}, func(x *x509.Certificate) {
		x.PermittedDNSDomains = []string{"corp.example"}
	}), nil), "alerts@example.net", "2 0 1")
	device.name, device.readme, device.options = "constraint-201-dns", "The same for the name of a device.", deviceRule
	device.report = verdict("fail", "key-mismatch")
	excluded := c.certifiedBy(newPerson(c.t, "dave@example.com", "dave", c.constrainedCA(person{}, func(x *x509.Certificate) {
		x.ExcludedEmailAddresses = []string{"example.com"}
	}), nil), "dave@example.com", "2 0 0")
	excluded.name, excluded.readme = "constraint-200-excluded", "A CA that may not certify example.com does, and is itself the record."
	excluded.report = verdict("fail", "key-mismatch")
	below := c.certifiedBy(newPerson(c.t, "dave@sub.example.com", "dave", c.constrainedCA(person{}, permittedMail("example.com")), nil), "dave@sub.example.com", "2 0 1")
	below.name, below.readme = "constraint-201-subdomain", "A CA that may certify the host example.com certifies one below it: without a leading dot the constraint is that host alone."
	below.report = verdict("fail", "key-mismatch")
	return attacks(append(out, device, excluded, below))
}

// constraintControls hold the constraints.
func (c *cast) constraintControls() []vector {
	var out []vector
	forms := nameForms()
	for i, values := range []string{"0 0 1", "1 0 1", "2 0 0", "2 0 1", "2 1 0", "user"} {
		f := forms[i%len(forms)]
		ca := c.constrainedCA(c.issuerFor(values), permittedMail("corp.example", "example.com"))
		v := c.certifiedBy(newPerson(c.t, f.address, "dave", ca, f.change), f.address, values)
		v.name = "pass-constraint-" + strings.ReplaceAll(values, " ", "") + "-" + f.name
		v.readme = "A CA that may certify example.com certifies " + f.address + " (" + f.name + "), under " + values + "."
		v.report = verdict("pass", "")
		out = append(out, v)
	}
	return out
}
