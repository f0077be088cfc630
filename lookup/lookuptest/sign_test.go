package lookuptest

import (
	"testing"

	"github.com/miekg/dns"
)

// asterisks has labels that begin with an asterisk: of these only the label of one asterisk alone
// is a wildcard (RFC 4592, Section 2.1.1), and one of those has no data of its own.
const asterisks = `$ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
*star A 192.0.2.1
** A 192.0.2.2
*.wild A 192.0.2.3
*star.*.wild A 192.0.2.4
_443._tcp.*.ent TLSA 3 1 1 00
`

// TestSignatures holds every signature of every answer, and of the whole zone, to the key of the
// zone: also those that are made for each question under a name that other data has too.
func TestSignatures(t *testing.T) {
	t.Parallel()
	names := []string{
		"*star.example.org.", "**.example.org.", "x.wild.example.org.", "*.wild.example.org.", "*star.*.wild.example.org.",
		"*no.example.org.", "no.example.org.", "ent.example.org.", "x.ent.example.org.", "*.ent.example.org.",
	}
	for _, spec := range []Zone{{}, {NSEC3: true}, {Narrow: true}, {Narrow: true, NSEC3: true}} {
		spec.Text = asterisks
		s, err := New([]Zone{spec}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		key, _, err := s.Key("example.org.")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			all, err := s.Records("example.org.")
			if err != nil {
				t.Fatal(err)
			}
			signedRight(t, key, all)
			for _, name := range names {
				for _, qtype := range []uint16{dns.TypeA, dns.TypeTLSA, dns.TypeNSEC} {
					m := ask(t, s, name, qtype)
					signedRight(t, key, m.Answer)
					signedRight(t, key, m.Ns)
				}
			}
		}
	}
}

// signedRight verifies all signatures of a section.
func signedRight(t *testing.T, key *dns.DNSKEY, section []dns.RR) {
	t.Helper()
	for _, rr := range section {
		sig, ok := rr.(*dns.RRSIG)
		if !ok || sig.SignerName != key.Hdr.Name {
			continue
		}
		var set []dns.RR
		for _, rr := range section {
			if rr.Header().Name == sig.Hdr.Name && rr.Header().Rrtype == sig.TypeCovered {
				set = append(set, rr)
			}
		}
		labels := dns.CountLabel(sig.Hdr.Name)
		if sig.Hdr.Name[:2] == "*." {
			labels--
		}
		if err := sig.Verify(key, set); err != nil || int(sig.Labels) > labels {
			t.Errorf("signature over %v: %v, %d labels", set, err, sig.Labels)
		}
		if sig.Hdr.Name[0] == '*' && sig.Hdr.Name[:2] != "*." && int(sig.Labels) != labels {
			t.Errorf("%s is signed as a wildcard (%d labels)", sig.Hdr.Name, sig.Labels)
		}
	}
}
