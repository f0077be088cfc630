package relay

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"dnseal/cmd/internal/relay/sasl"
)

// TestDovecotSCRAM goes through SCRAM-SHA-256 (RFC 7677) with a real Dovecot to the end: the client
// is proven to the server, and the server to the client, by what the relay only passes through.
func TestDovecotSCRAM(t *testing.T) {
	t.Parallel()
	dir := startDovecot(t)
	ca := newAuthority(t)
	r := submission(t, ca, sasl.Options{Dovecot: dir + "/run/auth-relay", MaxFailures: 100})
	for _, initial := range []bool{true, false} {
		k := dial(t, r.addr)
		startTLS(k, ca.client("relay.example.org"))
		c := newSCRAM("alice@example.org", "wrong")
		k.do(c.final(t, c.first(k, initial)), "535 5.7.8 Authentication failed\n")
		c = newSCRAM("alice@example.org", "secret")
		proof := k.do(c.final(t, c.first(k, initial)), "334 ")
		if got := decoded(t, proof); got != "v="+base64.StdEncoding.EncodeToString(c.server) {
			t.Fatalf("the server proves itself by %q, want %x", got, c.server)
		}
		k.do("", "235")
		k.envelope("b@example.net")
		k.content(simple)
	}
	got := r.hop.got()
	if len(got) != 2 {
		t.Fatalf("the next hop accepted %d messages, want 2", len(got))
	}
	for _, m := range got {
		if !strings.Contains(m.data, "X-Form: user=alice@example.org tls=\r\n") {
			t.Errorf("the next hop accepted %q", m.data)
		}
	}
}

// scram is a client of RFC 5802, without channel binding.
type scram struct {
	password string
	bare     string // client-first-message-bare
	server   []byte // the signature that the server must show
}

func newSCRAM(user, password string) *scram {
	return &scram{password: password, bare: "n=" + user + ",r=" + rand.Text()}
}

// first begins the login, with the first message in the command or after it, and returns the
// server's.
func (c *scram) first(k *talk, initial bool) string {
	k.t.Helper()
	first := base64.StdEncoding.EncodeToString([]byte("n,," + c.bare))
	if initial {
		return decoded(k.t, k.do("AUTH SCRAM-SHA-256 "+first, "334 "))
	}
	k.do("AUTH SCRAM-SHA-256", "334 \n")
	return decoded(k.t, k.do(first, "334 "))
}

// final is the client's last message (RFC 5802, Section 3).
func (c *scram) final(tb testing.TB, challenge string) string {
	tb.Helper()
	parts := strings.Split(challenge, ",")
	if len(parts) != 3 {
		tb.Fatalf("challenge %q", challenge)
	}
	salt, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(parts[1], "s="))
	if err != nil {
		tb.Fatal(err)
	}
	rounds, err := strconv.Atoi(strings.TrimPrefix(parts[2], "i="))
	if err != nil {
		tb.Fatal(err)
	}
	salted, err := pbkdf2.Key(sha256.New, c.password, salt, rounds, sha256.Size)
	if err != nil {
		tb.Fatal(err)
	}
	last := "c=biws," + parts[0]
	all := c.bare + "," + challenge + "," + last
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	for i, b := range mac(stored[:], all) {
		key[i] ^= b
	}
	c.server = mac(mac(salted, "Server Key"), all)
	return base64.StdEncoding.EncodeToString([]byte(last + ",p=" + base64.StdEncoding.EncodeToString(key)))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// decoded is the text of a challenge.
func decoded(tb testing.TB, reply string) string {
	tb.Helper()
	text, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(reply, "334 "), "\n"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
