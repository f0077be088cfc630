//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"strings"
	"testing"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// TestForgedResults has Postfix remove every result that claims to be ours, at
// whatever index it stands, and keep all others byte by byte.
func TestForgedResults(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	checkForged(t, o.verifier(receiver.Options{}), "alice@example.org", "Authentication-Results: mx.example.net; smime=none\r\n")
}

// TestForgedResultsSubmitted has it done to what is handed in and goes on unsigned, too.
func TestForgedResultsSubmitted(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	checkForged(t, o.signer(sender.Options{AuthservID: ourID}), "guest@other.example", "")
}

// checkForged sends a message with forged results through a Postfix with the handler's milter. ours
// is what comes on top.
func checkForged(t *testing.T, h message.Handler, from, ours string) {
	t.Helper()
	out := newSink(t, "8BITMIME")
	p := startPostfix(t, out.addr, []string{serveHandler(t, h)})
	fields := []struct {
		raw  string
		kept bool
	}{
		{"Authentication-Results: mx.example.net; smime=pass body.smime-identifier=alice@example.org", false},
		{"Authentication-Results: other.example; dkim=pass header.d=example.org", true},
		{"From: " + from, true},
		{`Authentication-Results: (a\)) mx.example.net; smime=pass`, false},
		{"Authentication-Results: =?utf-8?q?mx.example.net?=; smime=pass", false},
		{"Authentication-Results: mx.exam\x01ple.net; smime=pass", false},
		{"AUTHENTICATION-RESULTS: MX.Example.NET; smime=pass", false},
		{"Authentication-Results:\r\n mx.example.net;\r\n\tsmime=pass", false},
		{"authentication-results:mx.example.net;smime=pass", false},
		{"Authentication-Results : mx.example.net; smime=pass", false},
		{"Authentication-Results: (a comment) mx.example.net 1; smime=pass", false},
		{"Authentication-Results: \"mx.example.net\"; smime=pass", false},
		{"Authentication-Results: mx.example.net.; smime=pass", false},
		{"Authentication-Results: mx.example.net.evil.example; spf=pass", true},
		{"To: bob@example.net", true},
		{"Authentication-Results: mx.example.net smime=pass", false},        // no semicolon
		{"Authentication-Results: ;;; mx.example.net; smime=pass", false},   // unreadable
		{"Authentication-Results: (open mx.example.net; smime=pass", false}, // unreadable
		// quoted in its own way
		{"Authentication-Results: \"mx.exam\\ple.net\"\r\n ; smime=pass", false},
		{"Authentication-Results: other.example;\r\n\tspf=pass (mx.example.net)", true},
		{"Authentication-Results: mx.example.net; none", false},
		{"Subject:  two  spaces \r\n\tand a fold", true},
		{"Message-ID: <1@example.org>", true},
		{"Date: Wed, 25 Nov 2026 00:00:00 +0000", true},
		{"Authentication-Results: other.example;   dkim=none  ", true},
		{"X-Authentication-Results: mx.example.net; smime=pass", true},
		{"Authentication-Results: mx.example.net; smime=pass", false},
	}
	var raw, want strings.Builder
	for _, f := range fields {
		raw.WriteString(f.raw + "\r\n")
		if f.kept {
			want.WriteString(f.raw + "\r\n")
		}
	}
	body := "\r\nHello.\r\n"
	reply, err := submit(p.addr, author, []string{recipient}, raw.String()+body)
	if err != nil || !strings.HasPrefix(reply, "250 ") {
		t.Fatalf("Postfix answers %q, %v", reply, err)
	}
	if got := withoutReceived(out.next(t).raw); got != ours+want.String()+body {
		t.Errorf("delivered\n%s\nwant\n%s", got, ours+want.String()+body)
	}
}

// TestForgedInFlood hides a forged result in a header that is too large to be read. The policy
// would accept what is too big; this cannot be, because the result would stay.
func TestForgedInFlood(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	out := newSink(t, "8BITMIME")
	v := o.verifier(receiver.Options{On: map[receiver.Class]message.Action{receiver.ClassTooBig: message.Accept}})
	srv := serve(t, Options{
		Handler: withUnfit(v, func(head *message.Message, why error, _ *message.Envelope) *message.Outcome {
			return v.Unfit(head, why)
		}),
	})
	openToAll(t, srv.path)
	p := startPostfix(t, out.addr, []string{"unix:" + srv.path})
	forged := "Authentication-Results: " + ourID + "; smime=pass\r\n"
	field := "X: " + strings.Repeat(strings.Repeat("y", 900)+"\r\n ", 60) + "\r\n"
	reply, err := submit(p.addr, author, []string{recipient}, forged+"From: "+author+"\r\n"+strings.Repeat(field, 25)+"\r\nx\r\n")
	if err != nil || !strings.HasPrefix(reply, "550 5.7.1 ") {
		t.Errorf("Postfix answers %q, %v", reply, err)
	}
}
