package smime

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dnseal/smime/cms"
	"dnseal/smime/message"
)

func TestExplainNothing(t *testing.T) {
	t.Parallel()
	for _, msg := range []string{head + "\r\nx", head + clearPart(content, p7s+detached(t, content, alice()))} {
		if got, err := Explain(t.Context(), mustRead(t, msg)); err != nil || len(got) != 0 {
			t.Errorf("Explain = %v, %v, want nothing", got, err)
		}
	}
	for _, msg := range []string{
		head + clearPart(content, p7s+certsOnly(t)),
		head + p7m + "\r\n" + attached(t, content, alice())[:300],
	} {
		got, err := Explain(t.Context(), mustRead(t, msg))
		if err != nil || len(got) != 1 || got[0].Change != "" || got[0].Sentence == "" {
			t.Errorf("Explain = %v, %v, want a sentence", got, err)
		}
	}
}

func TestExplainRoute(t *testing.T) {
	t.Parallel()
	entity := "Content-Type: text/plain\r\n\r\nHello \r\nFrom x\r\n"
	whole := clearPart(entity, p7s+detached(t, entity, alice()))
	received := func(by, with string) string {
		return "Received: from x (x [192.0.2.1])\r\n\tby " + by + " with " + with + " id 1; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
	}
	_, body, _ := strings.Cut(whole, "\r\n\r\n")
	dkim := func(body string) string {
		sum := sha256.Sum256(canonicalBody([]byte(body), false))
		return "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.org;\r\n\tbh=" + base64.StdEncoding.EncodeToString(sum[:]) + "; b=x\r\n"
	}
	strip := strings.NewReplacer("Hello \r\n", "Hello\r\n")
	from := strings.NewReplacer("\nFrom x", "\n>From x")
	mx, list, out := received("mx.example.net", "ESMTPS"), received("list.example.org", "ESMTP"), received("out.example.org", "ESMTPSA")
	for _, c := range []struct {
		name, trace   string
		do            func(string) string
		after, before string
	}{
		{"no trace", "", strip.Replace, "", ""},
		{"Received only", mx + list + out, strip.Replace, "", ""},
		{"one hop", out, strip.Replace, "", ""},
		{"stored", mx + list + out, from.Replace, "mx.example.net", ""},
		{"sealed intact", mx + list + dkim(body) + out, strip.Replace, "out.example.org", ""},
		{"sealed intact, and changed by the list", mx + dkim(strip.Replace(body)) + list + dkim(body) + out, strip.Replace, "out.example.org", "list.example.org"},
		{"changed by the list", mx + dkim(strip.Replace(body)) + list + out, strip.Replace, "", "list.example.org"},
	} {
		got, err := Explain(t.Context(), mustRead(t, c.trace+head+c.do(whole)))
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", c.name, got, err)
			continue
		}
		if got[0].Part != "2" {
			t.Errorf("%s: part %q, want that of the signature", c.name, got[0].Part)
		}
		if diff := cmp.Diff([]string{c.after, c.before}, []string{got[0].After, got[0].Before}); diff != "" {
			t.Errorf("%s: after, before (-want +got):\n%s%s", c.name, diff, got[0].Sentence)
		}
	}
}

func TestExplainRouteReencoded(t *testing.T) {
	t.Parallel()
	r := &route{hops: []routeHop{{}, {Received: message.Received{By: "a"}}, {Received: message.Received{By: "b", With: "ESMTP"}}, {Received: message.Received{By: "c", With: "SMTP"}}, {Received: message.Received{By: "d"}}}}
	e := Explanation{Change: ChangeReencoded}
	r.place(&e, &Signature{}, nil)
	if e.After != "b" || e.Before != "c" {
		t.Errorf("between %q and %q, want b and c", e.After, e.Before)
	}
}

// Content that cannot be explained ends in time and without holding more than a few copies of it.
func TestExplainHostile(t *testing.T) {
	t.Parallel()
	parts := strings.Repeat("--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ0KLS0NCmI=\r\n", 300)
	entity := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + strings.Repeat("----\r\n", 200) + "--b--\r\n"
	got, err := Explain(t.Context(), mustRead(t, head+clearPart(entity, p7s+detached(t, content, alice()))))
	if err != nil || len(got) != 1 || got[0].Change != "" {
		t.Errorf("Explain = %v, %v, want one without change", got, err)
	}
}

func TestExplainAttached(t *testing.T) {
	t.Parallel()
	whole := head + p7m + "\r\n" + attached(t, "Content-Type: text/plain\r\n\r\nHello\r\nbye\r\n", alice())
	if got, err := Explain(t.Context(), mustRead(t, whole)); err != nil || len(got) != 0 {
		t.Errorf("Explain = %v, %v, want nothing", got, err)
	}
	der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(whole[strings.Index(whole, "\r\n\r\n"):], "\r\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	packed := strings.Replace(string(der), "Content-Type: text", "content-type: text", 1)
	got, err := Explain(t.Context(), mustRead(t, head+p7m+"\r\n"+base64.StdEncoding.EncodeToString([]byte(packed))))
	if err != nil || len(got) != 1 || got[0].Change != ChangeFieldCase || !strings.Contains(got[0].Sentence, "inside the signed data") {
		t.Errorf("Explain = %+v, %v, want %s inside", got, err, ChangeFieldCase)
	}
}

// A signature of which nothing is known, because its key is not in the message, has nothing to
// explain.
func TestExplainUnknown(t *testing.T) {
	t.Parallel()
	plain := sign(t, crlf(simple), SignOptions{NoCertificates: true})
	_, fields, _ := strings.Cut(plain, "MIME-Version")
	for name, signed := range map[string]string{
		"clear":    plain,
		"opaque":   sign(t, crlf(simple), SignOptions{NoCertificates: true, Opaque: true}),
		"embedded": head + "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\nMIME-Version" + fields + "\r\n--out--\r\n",
	} {
		report, err := Verify(t.Context(), mustRead(t, signed))
		if err != nil || len(report.Signatures) != 1 || report.Signatures[0].Integrity != IntegrityUnknown {
			t.Fatalf("%s: Verify = %+v, %v", name, report, err)
		}
		if got, err := Explain(t.Context(), mustRead(t, signed)); err != nil || len(got) != 0 {
			t.Errorf("%s: Explain = %+v, %v, want nothing", name, got, err)
		}
	}
}

func TestExplainWrapped(t *testing.T) {
	t.Parallel()
	list := "List-Id: <talk.lists.example.com>\r\n"
	received := func(by string) string {
		return "Received: from x by " + by + " with ESMTP; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
	}
	wrapped := list + received("mx.example.net") + received("mail.lists.example.com") + received("out.example.org") +
		strings.TrimSuffix(head, "\r\n") + "\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n" +
		clearPart(content, p7s+detached(t, content, alice())) + "\r\n--out\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--out--\r\n"
	got, err := Explain(t.Context(), mustRead(t, wrapped))
	if err != nil || len(got) != 1 {
		t.Fatalf("Explain = %v, %v", got, err)
	}
	if got[0].Change != ChangeWrapped || got[0].After != "mail.lists.example.com" || got[0].Before != "mx.example.net" {
		t.Errorf("Explain = %+v", got[0])
	}
}

// Signers of one content share what is found out about it, also by another digest.
func TestExplainSeveralSigners(t *testing.T) {
	t.Parallel()
	signed := sign(t, crlf(simple), SignOptions{Signers: []cms.Signer{alice(), bob(), carol(), dave()}})
	changed := strings.Replace(signed, "Content-Transfer-Encoding", "content-transfer-encoding", 1)
	m := mustRead(t, changed)
	v := &verifier{ctx: t.Context()}
	defer v.close()
	if err := v.run(m); err != nil {
		t.Fatal(err)
	}
	v.searches.expect(v.report.Signatures)
	if len(v.report.Signatures) != 4 || v.searches.budget.Searches != 1 {
		t.Errorf("%d searches expected for %d signatures, want 1 for 4", v.searches.budget.Searches, len(v.report.Signatures))
	}
	got, err := Explain(t.Context(), mustRead(t, changed))
	if err != nil || len(got) != 4 {
		t.Fatalf("Explain = %+v, %v, want one for each signer", got, err)
	}
	for _, e := range got {
		if e.Change != ChangeFieldCase {
			t.Errorf("%+v, want %s", e, ChangeFieldCase)
		}
	}
}
