package relay

import (
	"encoding/base64"
	"strings"
	"testing"

	"dnseal/cmd/internal/relay/sasl"
)

// TestDovecotLogins passes logins through to a real Dovecot, by mechanisms with and without an
// initial response.
func TestDovecotLogins(t *testing.T) {
	t.Parallel()
	dir := startDovecot(t)
	ca := newAuthority(t)
	r := submission(t, ca, sasl.Options{Dovecot: dir + "/run/auth-relay", MaxFailures: 100})
	conf := ca.client("relay.example.org")
	k := dial(t, r.addr)
	if words := k.do("EHLO c", "250"); strings.Contains(words, "AUTH") {
		t.Errorf("EHLO = %q, want no AUTH without TLS", words)
	}
	words := startTLS(k, conf)
	for _, m := range []string{" PLAIN", " LOGIN", " CRAM-MD5", " SCRAM-SHA-256"} {
		if !strings.Contains(words, m) {
			t.Errorf("EHLO = %q, want%s", words, m)
		}
	}
	k.do(plain("alice@example.org", "wrong"), "535 5.7.8 Authentication failed\n")
	k.do("AUTH SCRAM-SHA-256 "+base64.StdEncoding.EncodeToString([]byte("nonsense")), "535 5.7.8 Authentication failed\n")
	k.do("AUTH LOGIN", "334 ")
	k.do("*", "501")
	k.do(plain("alice@example.org", "secret"), "235")
	k.envelope("b@example.net")
	k.content(simple)
	if got := r.hop.got(); len(got) != 1 || !strings.Contains(got[0].data, "X-Form: user=alice@example.org tls=\r\n") {
		t.Errorf("the next hop accepted %q", got)
	}
	// Without an initial response, in two steps.
	k = dial(t, r.addr)
	startTLS(k, conf)
	k.do("AUTH LOGIN", "334 ")
	k.do(base64.StdEncoding.EncodeToString([]byte("bob@example.org")), "334 ")
	k.do(base64.StdEncoding.EncodeToString([]byte("secret")), "235")
	k = dial(t, r.addr)
	startTLS(k, conf)
	k.do("AUTH PLAIN", "334 ")
	k.do(strings.TrimPrefix(plain("bob@example.org", "secret"), "AUTH PLAIN "), "235")
}

// TestDovecotAway checks that logins are deferred while Dovecot is not there.
func TestDovecotAway(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := submission(t, ca, sasl.Options{Dovecot: t.TempDir() + "/none"})
	k := dial(t, r.addr)
	if words := startTLS(k, ca.client("relay.example.org")); strings.Contains(words, "AUTH") {
		t.Errorf("EHLO = %q", words)
	}
	k.do(plain("alice", "secret"), "454")
	if !strings.Contains(r.log.String(), "dovecot: dial unix") {
		t.Error("the log has no cause")
	}
}
