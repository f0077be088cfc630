package sender

import (
	"fmt"
	"testing"

	"dnseal/smime/message"
)

// BenchmarkDecide decides for one of 5,000 devices: by a rule for all, and by a rule for each.
func BenchmarkDecide(b *testing.B) {
	each := make([]Rule, 5000)
	for i := range each {
		each[i] = Rule{Who: []string{fmt.Sprintf("tls:s%d._device.example.net", i)}, From: []string{fmt.Sprintf("s%d@example.net", i)}}
	}
	for name, rules := range map[string][]Rule{
		"star":         {{Who: []string{"tls:*._device.example.net"}, From: []string{"*@example.net"}}},
		"placeholders": {{Who: []string{"tls:*._device.example.net"}, From: []string{"{label}@example.net"}, Identity: "{tls}"}},
		"users":        {{Who: []string{"user:*"}, From: []string{"{user}@example.net"}}},
		"each":         each,
	} {
		parsed := parseRules(b, rules)
		req := &request{who: message.Submitter{User: "s4999", TLSName: "s4999._device.example.net"}, from: []message.Address{{Local: "s4999", Domain: "example.net"}}, fields: 1}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if d := decide(parsed, req); d.class != "" {
					b.Fatal(d.reason)
				}
			}
		})
	}
}
