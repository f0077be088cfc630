package relay

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime/message"
)

// resolver answers from a table, and counts.
type resolver struct {
	mu     sync.Mutex
	table  map[string]lookup.Result // by absolute name
	fresh  map[string]lookup.Result // what LookupFresh returns instead
	asked  []string
	before func(ctx context.Context) // called at the start of each lookup
}

func (r *resolver) Lookup(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return r.answer(ctx, r.table, name, t)
}

func (r *resolver) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	table := r.table
	if _, ok := r.fresh[name]; ok {
		table = r.fresh
	}
	return r.answer(ctx, table, name, t)
}

func (r *resolver) answer(ctx context.Context, table map[string]lookup.Result, name string, t dane.Type) *lookup.Result {
	if r.before != nil {
		r.before(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, name)
	res, ok := table[name]
	if !ok {
		res = lookup.Result{Status: dnssec.Secure, Presence: dane.Absent}
	}
	if ctx.Err() != nil {
		res = lookup.Result{Code: "timeout", Reason: "timeout"}
	}
	res.Name, res.Type = name, t
	return &res
}

func (r *resolver) queries() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.asked...)
}

func present(records ...dane.Record) lookup.Result {
	return lookup.Result{Status: dnssec.Secure, Presence: dane.Present, Records: records}
}

// submission is a relay with STARTTLS and its authority.
func submission(tb testing.TB, ca *authority, auth sasl.Options) *testRelay {
	tb.Helper()
	auth.Pause = cmp.Or(auth.Pause, time.Millisecond)
	return startRelay(tb, Options{TLS: ca.server(tb, "relay.example.org"), Auth: auth, Handler: whoHandler})
}

// whoHandler writes who submitted into the message.
var whoHandler = handlerFunc(func(_ context.Context, _ *message.Message, env *message.Envelope) *message.Outcome {
	return &message.Outcome{Action: message.Accept, Edit: mark(fmt.Sprintf("user=%s tls=%s", env.Submitter.User, env.Submitter.TLSName))}
})

func external(name string) string {
	if name == "" {
		return "AUTH EXTERNAL ="
	}
	return "AUTH EXTERNAL " + base64.StdEncoding.EncodeToString([]byte(name))
}

func plain(name, password string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00"+password))
}

// startTLS goes on after STARTTLS and returns the EHLO words.
func startTLS(k *talk, conf *tls.Config) string {
	k.t.Helper()
	k.do("EHLO c", "250")
	k.do("STARTTLS", "220")
	k.secure(conf)
	return k.do("EHLO c", "250")
}

func TestTLSALogin(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	const device = "sensor7._device.example.net"
	cert := ca.issue(t, device)
	own := map[string]lookup.Result{device + ".": present(record(dane.DANEEE, cert.Leaf))}
	unnamed := ca.issue(t)
	for _, tt := range []struct {
		name    string
		cert    tls.Certificate
		authzid string
		table   map[string]lookup.Result
		fresh   map[string]lookup.Result
		reply   string
		asked   int
	}{
		{"matches", cert, device, own, nil, "235", 1},
		{"in other letters, with a dot", cert, "Sensor7._DEVICE.Example.NET.", own, nil, "235", 1},
		{"the certificate's only name", cert, "", own, nil, "235", 1},
		{"no name in the certificate", unnamed, "", own, nil, "535", 0},
		{"DANE-EE without the name", unnamed, device, map[string]lookup.Result{device + ".": present(record(dane.DANEEE, unnamed.Leaf))}, nil, "235", 1},
		{"two names", ca.issue(t, device, "b.example.net"), "", own, nil, "535", 0},
		{"another's name", ca.issue(t, "sensor8._device.example.net"), device, own, nil, "535", 2},
		{"not listed", ca.issue(t, "sensor7._device.example.com"), "sensor7._device.example.com", own, nil, "535", 0},
		{"no such name", cert, "nonsense name", own, nil, "535", 0},
		{"absent", cert, device, nil, nil, "535", 2},
		{"absent in the cache only", cert, device, nil, own, "235", 2},
		{"insecure", cert, device, map[string]lookup.Result{device + ".": {Status: dnssec.Insecure, Presence: dane.Present, Records: own[device+"."].Records}}, nil, "535", 2},
		{"bogus", cert, device, map[string]lookup.Result{device + ".": {Status: dnssec.Bogus, Records: own[device+"."].Records}}, nil, "454", 1},
		{"indeterminate", cert, device, map[string]lookup.Result{device + ".": {Records: own[device+"."].Records}}, nil, "454", 1},
		{"DANE-TA", cert, device, map[string]lookup.Result{device + ".": present(record(dane.DANETA, ca.cert))}, nil, "235", 1},
		{"DANE-TA without the name", unnamed, device, map[string]lookup.Result{device + ".": present(record(dane.DANETA, ca.cert))}, nil, "535", 2},
		{"DANE-TA of another", cert, device, map[string]lookup.Result{device + ".": present(record(dane.DANETA, other.cert))}, nil, "535", 2},
		{"PKIX-EE", cert, device, map[string]lookup.Result{device + ".": present(record(dane.PKIXEE, cert.Leaf))}, nil, "235", 1},
		{"PKIX-TA", cert, device, map[string]lookup.Result{device + ".": present(record(dane.PKIXTA, ca.cert))}, nil, "235", 1},
		{"PKIX-EE from no root", other.issue(t, device), device, map[string]lookup.Result{device + ".": present(record(dane.PKIXEE, cert.Leaf))}, nil, "535", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := &resolver{table: tt.table, fresh: tt.fresh}
			r := submission(t, ca, sasl.Options{Clients: []string{"*._device.example.net"}, Lookup: res, Roots: []*x509.Certificate{ca.cert}})
			k := dial(t, r.addr)
			if words := startTLS(k, ca.client("relay.example.org", tt.cert)); !strings.Contains(words, "AUTH EXTERNAL\n") {
				t.Errorf("EHLO = %q, want AUTH EXTERNAL", words)
			}
			k.do(external(tt.authzid), tt.reply)
			if n := len(res.queries()); n != tt.asked {
				t.Errorf("%d lookups, want %d", n, tt.asked)
			}
			if tt.reply != "235" {
				k.do("MAIL FROM:<a@example.org>", "530")
				return
			}
			k.envelope("b@example.net")
			k.content(simple)
			if got := r.hop.got(); len(got) != 1 || !strings.Contains(got[0].data, "X-Form: user= tls="+device+"\r\n") || !strings.Contains(got[0].data, "with ESMTPSA") {
				t.Errorf("the next hop accepted %q", got)
			}
		})
	}
}

// TestLoginRefusalsLookAlike checks that the reason of a refusal stays in the log.
func TestLoginRefusalsLookAlike(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := submission(t, ca, sasl.Options{Clients: []string{"*.example.net"}, Lookup: &resolver{}})
	replies := map[string]bool{}
	for _, name := range []string{"a.example.net", "a.example.com", "no name"} {
		k := dial(t, r.addr)
		startTLS(k, ca.client("relay.example.org", ca.issue(t, "a.example.net")))
		replies[k.do(external(name), "535")] = true
	}
	if len(replies) != 1 {
		t.Errorf("replies = %v, want one for all", replies)
	}
	for _, want := range []string{"a.example.com is not among the clients", "a.example.net. has no TLSA records"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

func TestExternalNeedsCertificateAndTLS13(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert := ca.issue(t, "a.example.net")
	old := ca.client("relay.example.org", cert)
	old.MaxVersion = tls.VersionTLS12
	for name, conf := range map[string]*tls.Config{"TLS 1.2": old, "no certificate": ca.client("relay.example.org")} {
		res := &resolver{table: map[string]lookup.Result{"a.example.net.": present(record(dane.DANEEE, cert.Leaf))}}
		r := submission(t, ca, sasl.Options{Clients: []string{"*.example.net"}, Lookup: res})
		k := dial(t, r.addr)
		if words := startTLS(k, conf); strings.Contains(words, "AUTH") {
			t.Errorf("%s: EHLO = %q, want no AUTH", name, words)
		}
		k.do(external("a.example.net"), "504")
		if n := len(res.queries()); n != 0 {
			t.Errorf("%s: %d lookups", name, n)
		}
	}
}

// TestLookupsAreBounded checks that logins beyond the limit wait for their turn, and ask nothing
// meanwhile.
func TestLookupsAreBounded(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert := ca.issue(t, "a.example.net")
	waiting, release := make(chan struct{}, 10), make(chan struct{})
	res := &resolver{table: map[string]lookup.Result{"a.example.net.": present(record(dane.DANEEE, cert.Leaf))}}
	res.before = func(context.Context) { waiting <- struct{}{}; <-release }
	r := submission(t, ca, sasl.Options{Clients: []string{"a.example.net"}, Lookup: res, MaxLookups: 2, LookupTimeout: hangGuard})
	conf := ca.client("relay.example.org", cert)
	var all []*talk
	for range 3 {
		k := dial(t, r.addr)
		startTLS(k, conf)
		k.write(external("") + "\r\n")
		all = append(all, k)
	}
	<-waiting
	if n := len(waiting) + 1; n != 1 {
		t.Errorf("%d lookups of one zone at a time, want 1", n)
	}
	close(release)
	for _, k := range all {
		k.want("235")
	}
	if n := len(res.queries()); n != 3 {
		t.Errorf("%d lookups", n)
	}
}

// TestZoneDown defers the devices of a zone that does not answer, and says so once in the log, with
// the zone and the number of logins.
func TestZoneDown(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	res := &resolver{table: map[string]lookup.Result{}}
	var certs []tls.Certificate
	for i := range 5 {
		name := fmt.Sprintf("s%d._device.down.example", i)
		certs = append(certs, ca.issue(t, name))
		res.table[name+"."] = lookup.Result{Status: dnssec.Indeterminate, Code: "timeout", Reason: "no answer"}
	}
	r := submission(t, ca, sasl.Options{Clients: []string{"*._device.down.example"}, Lookup: res})
	for _, cert := range certs {
		k := dial(t, r.addr)
		startTLS(k, ca.client("relay.example.org", cert))
		k.do(external(""), "454 4.7.0")
	}
	log := r.log.String()
	if strings.Count(log, "logins deferred") != 1 || !strings.Contains(log, "zone=down.example") || !strings.Contains(log, "name=s0._device.down.example") {
		t.Errorf("log:\n%s", log)
	}
	if skipped, ok := r.refusals.due("zonedown.example", deferredPause, time.Now().Add(deferredPause)); skipped != 4 || !ok {
		t.Errorf("%d not logged, %v", skipped, ok)
	}
}

// TestLookupTimeout checks that silent servers defer a login.
func TestLookupTimeout(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	res := &resolver{before: func(ctx context.Context) { <-ctx.Done() }}
	r := submission(t, ca, sasl.Options{Clients: []string{"a.example.net"}, Lookup: res, LookupTimeout: 1})
	k := dial(t, r.addr)
	startTLS(k, ca.client("relay.example.org", ca.issue(t, "a.example.net")))
	k.do(external(""), "454")
}

func TestChainOf100(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := submission(t, ca, sasl.Options{Clients: []string{"a.example.net"}, Lookup: &resolver{}})
	cert := ca.issue(t, "a.example.net")
	for len(cert.Certificate) < 100 {
		cert.Certificate = append(cert.Certificate, ca.cert.Raw)
	}
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("STARTTLS", "220")
	conn := tls.Client(k.conn, ca.client("relay.example.org", cert))
	// By TLS 1.3 the client learns only with its first read that the server has had enough.
	if err := conn.Handshake(); err == nil {
		if _, err = conn.Read(make([]byte, 1)); err == nil {
			t.Fatal("a chain of 100 certificates is accepted")
		}
	}
}

// users writes a users file.
func users(t *testing.T, passwords map[string]string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# name:hash\n\n")
	for name, password := range passwords {
		h, err := sasl.HashPassword(password)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(name + ":" + h + "\n")
	}
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(b.String()), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlain(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := submission(t, ca, sasl.Options{Users: users(t, map[string]string{"alice": "säsam öffne dich"}), MaxFailures: 100})
	k := dial(t, r.addr)
	if words := k.do("EHLO c", "250"); strings.Contains(words, "AUTH") {
		t.Errorf("EHLO = %q, want no AUTH without TLS", words)
	}
	k.do(plain("alice", "säsam öffne dich"), "530 5.7.0")
	if words := startTLS(k, ca.client("relay.example.org")); !strings.Contains(words, "AUTH PLAIN LOGIN\n") {
		t.Errorf("EHLO = %q, want AUTH PLAIN LOGIN", words)
	}
	k.do("MAIL FROM:<a@example.org>", "530")
	k.do("AUTH", "501")
	k.do("AUTH CRAM-MD5", "504")
	k.do("AUTH PLAIN !", "501")
	k.do("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("x")), "501")
	k.do("AUTH PLAIN", "334 \n")
	k.do("*", "501")
	k.do("AUTH PLAIN", "334 \n")
	k.do(strings.Repeat("x", maxCommand), "501 5.5.2")
	k.do(plain("alice", "säsam"), "535 5.7.8 Authentication failed\n")
	k.do("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("bob\x00alice\x00säsam öffne dich")), "535 5.7.8 Authentication failed\n")
	k.do("AUTH PLAIN", "334 \n")
	k.do(strings.TrimPrefix(plain("alice", "säsam öffne dich"), "AUTH PLAIN "), "235")
	k.do(plain("alice", "säsam öffne dich"), "503")
	k.envelope("b@example.net")
	k.do("AUTH PLAIN", "503")
	k.content(simple)
	if got := r.hop.got(); len(got) != 1 || !strings.Contains(got[0].data, "X-Form: user=alice tls=\r\n") {
		t.Errorf("the next hop accepted %q", got)
	}
}
