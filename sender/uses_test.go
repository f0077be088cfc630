package sender

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// TestUses: the table of what rules do with identities, and each row is what decide says.
func TestUses(t *testing.T) {
	t.Parallel()
	rules := append([]Rule{
		{Who: []string{"user:billing", "net:192.0.2.0/24"}, From: []string{"billing@example.org", "*@shop.example.org"}},
		{Who: []string{"user:bot"}, From: []string{"noreply@example.org"}, Identity: "robots@example.org"},
		{Who: []string{"user:only"}, From: []string{"only@example.org", "missing@example.org"}},
		{Who: []string{"tls:*._device.example.com"}, From: []string{"*@example.com", "x-{label}@example.com"}, Identity: "{label}@devices.example.com"},
	}, placeRules...)
	names := []string{
		"alice@example.org", "alice@hosted.example", `"a b"@example.org`, "a@shop.example.org", "robots@example.org", "only@example.org", "spare@example.com",
		"sensor7._device.example.net", "a.sensor8._device.example.net", "s1@devices.example.com", "_smtp.example.net",
	}
	s, err := New(Options{Rules: rules, Identities: func(string) (*identity.Identity, error) { return nil, fs.ErrNotExist }})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range s.Uses(names) {
		got = append(got, fmt.Sprintf("%d %s: %s: %s", u.Rule, u.Identity, strings.Join(u.Who, " "), strings.Join(u.From, " ")))
		if strings.ContainsAny(u.Who[0]+u.From[0], "*{") || strings.HasPrefix(u.Who[0], "net:") {
			continue
		}
		m := read(t, "From: "+u.From[0]+"\r\n\r\nx\r\n")
		d := decide(s.rules[u.Rule-1:u.Rule], originators(m, &message.Envelope{Submitter: submitter(t, u.Who[0])}))
		if d.class != "" || d.identity != u.Identity {
			t.Errorf("%+v: %s %s, %q", u, d.class, d.reason, d.identity)
		}
	}
	want := []string{
		"1 a@shop.example.org: user:billing net:192.0.2.0/24: a@shop.example.org",
		"2 robots@example.org: user:bot: noreply@example.org",
		"3 only@example.org: user:only: only@example.org",
		"4 s1@devices.example.com: tls:s1._device.example.com: *@example.com x-s1@example.com",
		"5 alice@example.org: user:alice: alice@example.org",
		"5 a@shop.example.org: user:a: a@shop.example.org",
		"5 robots@example.org: user:robots: robots@example.org",
		"5 only@example.org: user:only: only@example.org",
		"6 alice@hosted.example: user:alice@hosted.example: alice@hosted.example",
		"7 sensor7._device.example.net: tls:sensor7._device.example.net: sensor7@alerts.example.net alarm@sensor7._device.example.net",
		"7 a.sensor8._device.example.net: tls:a.sensor8._device.example.net: alarm@a.sensor8._device.example.net",
		"8 alice@example.org: user:alice: info@example.net",
		"8 robots@example.org: user:robots: info@example.net",
		"8 only@example.org: user:only: info@example.net",
		"9 robots@example.org: user:x.*: list-{user}@example.net",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	address, who := s.Naming(message.Submitter{User: "bot"}, message.Address{Local: "Billing", Domain: "example.org"})
	if fmt.Sprint(address, who) != "[1 5] [2 5 8]" {
		t.Errorf("Naming: %v, %v", address, who)
	}
}
