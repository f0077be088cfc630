package relay

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/sender"
	"dnseal/sender/identity"
)

// TestEncryptByRoutes: of every state of the DNS each route makes what it should, for recipients of
// one message together: under "require" nothing leaves in clear, under "if-possible" only where it
// is proven that there is no key.
func TestEncryptByRoutes(t *testing.T) {
	t.Parallel()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	routes := []string{"require", "maybe", "never"}
	var zones []lookuptest.Zone
	for _, z := range []lookuptest.Zone{
		{Origin: "key.example."},
		{Origin: "none.example."},
		{Origin: "plain.example.", Unsigned: true},
		{Origin: "bogus.example.", Break: lookuptest.WrongSignature},
		{Origin: "slow.example.", Break: lookuptest.Slow},
		{Origin: "down.example.", Break: lookuptest.Unreachable},
	} {
		for _, local := range routes {
			owner, failed := dane.SMIMEAName(local, strings.TrimSuffix(z.Origin, "."))
			if failed != nil {
				t.Fatal(failed)
			}
			if z.Origin != "none.example." {
				z.Text += fmt.Sprintf("%s 60 IN SMIMEA 3 1 0 %x\n", owner, spki)
			}
		}
		zones = append(zones, z)
	}
	dns, err := lookuptest.New(zones, lookuptest.Options{})
	if err == nil {
		err = dns.Start("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dns.Close() })
	anchors, err := dnssec.ParseAnchors(dns.Anchor(), "anchor")
	if err != nil {
		t.Fatal(err)
	}
	client, err := lookup.New(lookup.Options{Resolvers: []string{dns.Addr()}, Anchors: anchors, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := sender.New(sender.Options{
		Identities:    func(string) (*identity.Identity, error) { return id, nil },
		Rules:         []sender.Rule{{Who: []string{"net:127.0.0.0/8"}, From: []string{"alice@example.org"}}},
		Routes:        []sender.Route{{To: []string{"require@*"}, Encrypt: sender.EncryptRequire}, {To: []string{"maybe@*"}, Encrypt: sender.EncryptIfPossible}, {To: []string{"never@*"}, Encrypt: sender.EncryptNever}},
		RecipientKeys: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := startRelay(t, Options{Trusted: loopback, Handler: signer})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<alice@example.org>", "250")
	replies := map[string]string{ // what is not 250
		"require@none.example": "550 5.7.5", "require@plain.example": "550 5.7.5",
		"require@bogus.example": "451 4.7.5", "require@slow.example": "451 4.7.5", "require@down.example": "451 4.7.5",
		"maybe@bogus.example": "451 4.7.5", "maybe@slow.example": "451 4.7.5", "maybe@down.example": "451 4.7.5",
	}
	var to []string
	for _, zone := range []string{"key", "none", "plain", "bogus", "slow", "down"} {
		for _, local := range routes {
			rcpt := local + "@" + zone + ".example"
			to = append(to, rcpt)
			want := replies[rcpt]
			if want == "" {
				want = "250"
			}
			k.do("RCPT TO:<"+rcpt+">", want)
		}
	}
	if reply := k.content("From: alice@example.org\r\nTo: " + strings.Join(to, ",\r\n ") + "\r\nSubject: t\r\n\r\nthe secret\r\n"); !strings.HasPrefix(reply, "250") {
		t.Fatalf("reply = %q", reply)
	}
	clear := map[string]bool{}
	for _, m := range r.hop.got() {
		for _, rcpt := range m.rcpts {
			clear[strings.TrimSuffix(strings.TrimPrefix(rcpt, "RCPT TO:<"), ">")] = strings.Contains(m.data, "the secret")
		}
	}
	want := map[string]bool{
		"require@key.example": false, "maybe@key.example": false, "never@key.example": true,
		"maybe@none.example": true, "never@none.example": true, "maybe@plain.example": true, "never@plain.example": true,
		"never@bogus.example": true, "never@slow.example": true, "never@down.example": true,
	}
	if fmt.Sprint(clear) != fmt.Sprint(want) {
		t.Errorf("in clear: %v, want %v", clear, want)
	}
}
