package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"slices"
	"strings"
	"testing"
)

// BenchmarkConstraints is as much work as a chain can make of names and constraints before it is
// given up.
func BenchmarkConstraints(b *testing.B) {
	for name, form := range map[string]string{"mail": "email:a@", "dns": "dns:", "directory": "dn:"} {
		label := strings.Repeat("xn--bcher-kva.", 17) + "example"
		if form == "dn:" {
			label = strings.Repeat("Example Mail/", 8)
		}
		cert := &x509.Certificate{RawSubject: dn("leaf"), Extensions: []pkix.Extension{{Id: oidSubjectAltName, Value: altNames(slices.Repeat([]string{form + label}, 200)...)}}}
		ca := &x509.Certificate{RawSubject: dn("ca"), Extensions: []pkix.Extension{{Id: oidNameConstraints, Value: nameConstraints(nil, slices.Repeat([]string{form + label + "s"}, 200))}}}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := (&Work{}).allowed(ca, cert); !errors.Is(err, ErrWork) {
					b.Fatal(err)
				}
			}
		})
	}
}
