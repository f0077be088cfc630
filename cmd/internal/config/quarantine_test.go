package config

import (
	"testing"

	"dnseal/receiver"
	"dnseal/smime/message"
)

// TestQuarantineAs: of one file a milter quarantines, and each relay does what it says instead, for
// all mail and for that of a domain; other actions stay.
func TestQuarantineAs(t *testing.T) {
	t.Parallel()
	c := &Config{
		On:      On{Bogus: "quarantine", Malformed: "reject", DNSError: "defer"},
		Domains: []Domain{{Names: []string{"bank.example"}, On: On{BadSignature: "quarantine"}}},
	}
	for as, want := range map[string]message.Action{"": message.Quarantine, "mark": message.Accept, "reject": message.Reject, "defer": message.Defer} {
		o := c.ReceiverOptions(nil, Verifying{QuarantineAs: as})
		on := o.On
		if on[receiver.ClassBogus] != want || on[receiver.ClassMalformed] != message.Reject || on[receiver.ClassDNSError] != message.Defer || o.Domains[0].On[receiver.ClassBadSignature] != want {
			t.Errorf("%q: %v, %v", as, on, o.Domains[0].On)
		}
	}
}
