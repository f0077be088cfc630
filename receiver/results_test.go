package receiver

import (
	"fmt"
	"strings"
	"testing"

	"dnseal/lookup"
	"dnseal/smime/message"
)

func read(tb testing.TB, text string) *message.Message {
	tb.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	return m
}

func TestClaimsOur(t *testing.T) {
	const id = "mx.example.net"
	for value, want := range map[string]bool{
		" mx.example.net; smime=pass":                    true,
		"mx.example.net":                                 true,
		"\tMX.Example.NET; dkim=pass":                    true,
		" mx.example.net. ; dkim=pass":                   true,
		"\r\n\tmx.example.net 1;\r\n smime=pass":         true,
		` "mx.example.net"; smime=pass`:                  true,
		` "mx.\example.net"; smime=pass`:                 true,
		" \"mx.example.net\r\n \"; smime=pass":           true,
		` (a (nested) comment \) ) mx.example.net; none`: true,
		` mx.example.net (c) 1 (d); none`:                true,
		" mx.example.net smime=pass":                     true, // unparsable, and looks like ours
		` "mx.example.net; smime=pass`:                   true,
		" (mx.example.net; smime=pass":                   true,
		" =?utf-8?q?x?= mx.example.net; smime=pass":      true,
		"; mx.example.net; smime=pass":                   true,
		" mx.exam\r\n ple.net smime=pass":                true,
		" mx.example.net\x01; smime=pass":                true,
		// OpenDMARC leaves the comment out
		" mx.(c)example.net; smime=pass":        true,
		" mx(a).example(b (c)).net; smime=pass": true,
		` mx."example".net; smime=pass`:         true,
		// some readers split at any semicolon
		` "mx.example.net; smime=pass"; none`:              true,
		` "mx.example.net (c)"; smime=pass`:                true,
		" mx.(c)example.com; smime=pass":                   false,
		" mx.other.example; smime=pass":                    false,
		" mx.other.example; dkim=pass (by mx.example.net)": false, // another's, and readable
		" submx.example.net; smime=pass":                   false,
		" mx.example.net.evil.example; smime=pass":         false,
		// without any id: not to be taken for ours
		" spf=pass smtp.mailfrom=x@example.org": false,
		"":                                      false,
	} {
		if got := len(message.ForgedResults(read(t, "Authentication-Results:"+value+"\r\n\r\n"), id)) == 1; got != want {
			t.Errorf("claimsOur(%q) = %v", value, got)
		}
	}
}

func TestForgedResults(t *testing.T) {
	m := read(t, "Received: x\r\n"+
		"Authentication-Results: other.example; dkim=pass\r\n"+
		"authentication-results: MX.example.net;\r\n smime=pass\r\n"+
		"From: a@example.org\r\n"+
		"AUTHENTICATION-RESULTS : mx.example.net; smime=pass\r\n"+
		"Authentication-Results: third.example; spf=pass\r\n"+
		"X-Authentication-Results: mx.example.net; smime=pass\r\n"+
		"Authentication-Results: mx.example.net (unclosed; smime=pass\r\n"+
		"X-Note: a\rAuthentication-Results:\r\n mx.example.net; smime=pass\r\n\r\nbody\r\n")
	changes := message.ForgedResults(m, "mx.example.net")
	var indexes []int
	for _, c := range changes {
		indexes = append(indexes, c.Index)
	}
	if got, want := fmt.Sprint(indexes), "[1 5 3 2]"; got != want {
		t.Errorf("indexes deleted = %s, want %s", got, want)
	}
	var out strings.Builder
	if _, err := m.WriteEdited(&out, &message.Edit{Changes: changes}); err != nil {
		t.Fatal(err)
	}
	want := "Received: x\r\nAuthentication-Results: other.example; dkim=pass\r\nFrom: a@example.org\r\n" +
		"Authentication-Results: third.example; spf=pass\r\nX-Authentication-Results: mx.example.net; smime=pass\r\n\r\nbody\r\n"
	if out.String() != want {
		t.Errorf("left:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestResultField(t *testing.T) {
	pass := &SignatureReport{
		Part: "2", Covers: "message", Verdict: Pass, Identity: "alice@example.org", NameBound: true, Binding: "from",
		Certificate: &CertificateReport{Serial: "1f", Issuer: `CN=alice "A", O=x; y`},
		DNS:         &DNSReport{Status: "secure", Records: []RecordReport{{3, 1, 2, "no-match"}, {3, 1, 1, "match"}}},
	}
	rule := &SignatureReport{Part: "1", Verdict: Pass, Identity: "s7._device.example.net", Binding: "rule", DNS: pass.DNS}
	believed := &SignatureReport{Part: "2", Verdict: Pass, Binding: "from", NameBound: true, DNS: pass.DNS, Lookup: &lookup.Result{Believed: true}}
	quoted := &SignatureReport{Part: "2", Verdict: Fail, Code: CodeBadDigest, Identity: `"a b"@example.org`}
	stranger := &SignatureReport{Part: "3", Verdict: Policy, Code: CodeFromMismatch, Identity: "eve@example.com", NameBound: true, Binding: BindingNone}
	for _, c := range []struct {
		name   string
		report Report
		want   string
	}{
		{
			"pass",
			Report{Verdict: Pass, Signatures: []*SignatureReport{pass}},
			"mx.example.net; smime=pass (DANE-EE 3 1 1, DNSSEC secure, header unprotected) body.smime-identifier=alice@example.org" +
				` body.smime-part=2 body.smime-serial=1f body.smime-issuer="CN:alice 'A', O:x, y"`,
		},
		{
			"two",
			Report{Verdict: Fail, Code: CodeBadDigest, Signatures: []*SignatureReport{rule, quoted}, deciding: []*SignatureReport{rule, quoted}},
			"mx.example.net; smime=fail (bad-digest, header unprotected) body.smime-identifier=\"a b\"@example.org body.smime-part=2;" +
				" smime=policy (with another signature) body.smime-identifier=s7._device.example.net body.smime-part=1",
		},
		{
			"two that pass, after a stranger's",
			Report{Verdict: Pass, Signatures: []*SignatureReport{stranger, rule}, deciding: []*SignatureReport{rule}},
			"mx.example.net; smime=pass (DANE-EE 3 1 1, DNSSEC secure, by rule, name not bound, header unprotected) body.smime-identifier=s7._device.example.net body.smime-part=1;" +
				" smime=policy (from-mismatch, header unprotected) body.smime-identifier=eve@example.com body.smime-part=3",
		},
		{
			"by a resolver's word",
			Report{Verdict: Pass, Signatures: []*SignatureReport{believed}},
			"mx.example.net; smime=pass (DANE-EE 3 1 1, DNSSEC secure, by the resolver, header unprotected) body.smime-part=2",
		},
		{"unsigned", Report{Verdict: None}, "mx.example.net; smime=none"},
		{"encrypted", Report{Verdict: None, Code: CodeEncrypted}, "mx.example.net; smime=none (encrypted)"},
		{
			"not judged as a whole",
			Report{Verdict: PermError, Code: CodeMalformed, unjudged: true, Signatures: []*SignatureReport{pass}},
			"mx.example.net; smime=permerror (malformed)",
		},
		{
			"with DKIM",
			Report{Verdict: Pass, Signatures: []*SignatureReport{believed}, DKIM: []DKIM{
				{Domain: "example.org", Selector: "s1", Result: Pass, DNS: "secure", Signature: "AuUoFEfD"},
				{Domain: "example.com", Selector: "s_2", Result: Fail, Code: "bad-signature", DNS: "insecure", Signature: "a/b+c", Testing: true},
				{Domain: "x;smime=pass", Selector: "a b", Result: Neutral, Code: "malformed)", Signature: "a=;b"},
			}},
			"mx.example.net; smime=pass (DANE-EE 3 1 1, DNSSEC secure, by the resolver, header unprotected) body.smime-part=2;" +
				" dkim=pass (DNSSEC secure) header.d=example.org header.s=s1 header.b=AuUoFEfD;" +
				` dkim=fail (bad-signature, DNSSEC insecure, test mode) header.d=example.com header.s=s_2 header.b="a/b+c";` +
				" dkim=neutral (malformed])",
		},
		{
			"unsigned, with DKIM",
			Report{Verdict: None, DKIM: []DKIM{{Domain: "example.org", Result: PermError, Code: "expired"}}},
			"mx.example.net; smime=none; dkim=permerror (expired) header.d=example.org",
		},
		{"trouble", Report{Verdict: TempError, Code: CodeInternalError}, "mx.example.net; smime=temperror (internal-error)"},
	} {
		got := resultField("mx.example.net", &c.report)
		if unfolded := strings.TrimSpace(strings.ReplaceAll(got.Value, "\r\n", "")); unfolded != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, unfolded, c.want)
		}
	}
}

func TestHops(t *testing.T) {
	m := read(t, "Received: from b.example (b.example [192.0.2.2])\r\n\tby mx.example.net (Postfix) with ESMTPS id 1;\r\n\tTue, 24 Nov 2026 10:00:05 +0100 (CET)\r\n"+
		"Received: by\r\n"+
		"Received: garbage; no date\r\n"+
		"Received: from a.example BY b.example; 24 Nov 2026 09:00:00 +0000\r\nFrom: a@example.org\r\n\r\n")
	var got []string
	for _, h := range hops(m) {
		at := ""
		if h.At != nil {
			at = stamp(*h.At)
		}
		got = append(got, h.By+"|"+at)
	}
	want := "[b.example|2026-11-24 09:00:00 UTC | | mx.example.net|2026-11-24 09:00:05 UTC]"
	if fmt.Sprint(got) != want {
		t.Errorf("hops = %v, want %s", got, want)
	}
}
