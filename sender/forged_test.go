package sender

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"dnseal/smime/message"
)

// TestForgedResults removes what claims to be by a verifier of ours from all that is handed in,
// whatever becomes of it, and keeps the results of others in their order.
func TestForgedResults(t *testing.T) {
	t.Parallel()
	const (
		forged = "Authentication-Results: mx.example.net; smime=pass body.smime-identifier=ceo@example.org\r\n"
		other  = "Authentication-Results: other.example; dkim=pass\r\n"
		last   = "Authentication-Results : third.example; spf=pass\r\n"
		fields = forged + other + "X-Dnseal-Note: a\r\nAUTHENTICATION-RESULTS: MX.example.net.; none\r\n" + last
	)
	for _, tt := range []struct {
		name, text, result string
		rcpt               []string
	}{
		{"signed", fields + "From: alice@example.org\r\n" + plainText, ResultSigned, []string{"b@example.net"}},
		{"no rule", fields + "From: guest@other.example\r\n" + plainText, ResultUnsigned, []string{"b@example.net"}},
		{"left alone", fields + "From: alice@example.org\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b--\r\n", ResultLeftAlone, []string{"b@example.net"}},
		{"plain", fields + "From: alice@example.org\r\n" + plainText, ResultUnsigned, []string{"c@plain.example"}},
		{"several forms", fields + "From: alice@example.org\r\n" + plainText, ResultSigned, []string{"b@example.net", "c@plain.example", "d@opaque.example"}},
	} {
		s := newSender(t, func(o *Options) {
			o.AuthservID, o.PlainFor, o.OpaqueFor = "mx.example.net", []string{"*@plain.example"}, []string{"*@opaque.example"}
		})
		who := submitter(t, "user:alice")
		if tt.name == "no rule" {
			who = submitter(t, "user:guest")
		}
		m := read(t, tt.text)
		out := s.Handle(t.Context(), m, &message.Envelope{Submitter: who, Rcpt: tt.rcpt})
		if out.Action != message.Accept || out.Result != tt.result || attr(out, "forged_results") != "2" {
			t.Errorf("%s: %s %q %v", tt.name, out.Action, out.Result, out.Attrs)
		}
		edits := []*message.Edit{out.Edit}
		for _, f := range out.Forms {
			edits = append(edits, f.Edit)
		}
		for i, e := range edits {
			checkResults(t, fmt.Sprintf("%s, form %d of %d", tt.name, i+1, len(tt.rcpt)), m, e, other+last)
		}
		out.Close()
	}
}

// checkResults wants the Authentication-Results fields of an edited message to be these.
func checkResults(t *testing.T, name string, m *message.Message, e *message.Edit, want string) {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteEdited(&b, e); err != nil {
		t.Fatal(err)
	}
	var left strings.Builder
	after := read(t, b.String())
	for _, f := range after.Fields(message.ResultsField) {
		left.Write(f.Raw)
	}
	if left.String() != want || after.Has("X-Dnseal-Note") {
		t.Errorf("%s: left\n%s\nwant\n%s", name, left.String(), want)
	}
}

// TestForgedResultsUnfit does so with a message that could not be taken in as a whole.
func TestForgedResultsUnfit(t *testing.T) {
	t.Parallel()
	on := map[Class]message.Action{ClassTooBig: message.Accept}
	s := newSender(t, func(o *Options) { o.AuthservID, o.On = "mx.example.net", on })
	head := read(t, "Authentication-Results: mx.example.net; smime=pass\r\nFrom: guest@other.example\r\n\r\n")
	out := s.Unfit(head, &message.Envelope{Submitter: submitter(t, "user:guest")}, message.ErrTooBig)
	defer out.Close()
	if out.Action != message.Accept || len(out.Edit.Changes) != 1 {
		t.Errorf("%s %+v", out.Action, out.Edit)
	}
	// Without an authserv-id nothing is anybody's of ours.
	out = newSender(t, func(o *Options) { o.On = on }).Handle(t.Context(), head, &message.Envelope{Submitter: submitter(t, "user:guest")})
	if len(out.Edit.Changes) != 0 {
		t.Errorf("%+v", out.Edit)
	}
	if _, err := New(Options{Identities: s.opts.Identities, AuthservID: "mx; x"}); err == nil {
		t.Error("an authserv-id with a semicolon is taken")
	}
}
