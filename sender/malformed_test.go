package sender

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/smime/message"
)

// attr returns the value of an attribute of an outcome, or "".
func attr(out *message.Outcome, key string) string {
	for _, a := range out.Attrs {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// A fault of the message itself is no matter of time: the reply is permanent and says where.
func TestHandleMalformed(t *testing.T) {
	t.Parallel()
	head := "From: alice@example.org\r\nMIME-Version: 1.0\r\n"
	for _, tt := range []struct {
		name, text string
		on         message.Action
		code       int
		reply      string
		word       string // code in the log
	}{
		{"two types", head + "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n", message.Reject, 550, "Message cannot be signed: Content-Type can be read in two ways", "ambiguous"},
		{"two encodings", head + "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n\r\nx\r\n", message.Reject, 550, "Message cannot be signed: Content-Transfer-Encoding can be read in two ways", "ambiguous"},
		{"a CR in a field", head + "Subject: a\rb\r\n\r\nx\r\n", message.Reject, 550, "Message cannot be signed: Subject can be read in two ways", "ambiguous"},
		{"too many parts", head + "Content-Type: multipart/mixed; boundary=m\r\n\r\n" + strings.Repeat("--m\r\n\r\n\r\n", 2100) + "--m--\r\n", message.Reject, 550, "Message cannot be signed: more than 2000 parts", "limit:parts"},
		{"deferred", head + "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n", message.Defer, 451, "Message cannot be signed now, try again later", "ambiguous"},
		{"passed on", head + "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n", message.Accept, 0, "", "ambiguous"},
	} {
		s := newSender(t, func(o *Options) {
			if tt.on != message.Reject { // which is the default
				o.On = map[Class]message.Action{ClassMalformed: tt.on}
			}
		})
		out := s.Handle(t.Context(), read(t, tt.text), &message.Envelope{Submitter: submitter(t, "user:alice")})
		if out.Action != tt.on || out.Result != string(ClassMalformed) || out.Reply.Code != tt.code || out.Reply.Text != tt.reply || attr(out, "code") != tt.word {
			t.Errorf("%s: %s %q %v %v", tt.name, out.Action, out.Result, out.Reply, out.Attrs)
		}
		out.Close()
	}
}

// The log says in which form each message left, why not in the one asked for, and what is not
// protected.
func TestHandleForms(t *testing.T) {
	t.Parallel()
	head := "From: alice@example.org\r\nMIME-Version: 1.0\r\n"
	for _, tt := range []struct {
		name, text, form, cause, unprotected string
	}{
		{"clear", head + plainText, "clear", "", ""},
		{"opaque", head + "Content-Type: message/delivery-status\r\n\r\n\xc3\xbc\r\n", "opaque", "part 1: \"message/delivery-status\" with 8-bit octets", ""},
		{"asked for", "X-Dnseal-Sign: opaque\r\n" + head + plainText, "opaque", "", ""},
		{"an endless field", "X-Endless: " + strings.Repeat("x", 1200) + "\r\n" + head + plainText, "clear", "", "X-Endless"},
		{"an 8-bit name", "Message-ID: <\xfc@example.org>\r\n" + head + plainText, "clear", "", "Message-ID"},
		{"an 8-bit address", "To: \xfc@example.org\r\n" + head + plainText, "opaque", "To: 8-bit octets where none can be encoded", ""},
	} {
		out := newSender(t, nil).Handle(t.Context(), read(t, strings.Replace(tt.text, "MIME-Version: 1.0\r\nMIME-Version: 1.0\r\n", "MIME-Version: 1.0\r\n", 1)), &message.Envelope{Submitter: submitter(t, "user:alice")})
		if out.Result != ResultSigned || attr(out, "form") != tt.form || attr(out, "cause") != tt.cause || attr(out, "unprotected") != tt.unprotected {
			t.Errorf("%s: %q %v", tt.name, out.Result, out.Attrs)
		}
		out.Close()
	}
}

// The log says what some systems change on the way, and that the signing time was left out.
func TestHandleFragile(t *testing.T) {
	t.Parallel()
	head := "From: alice@example.org\r\nMIME-Version: 1.0\r\n"
	for _, tt := range []struct{ text, fragile, time string }{
		{head + "Content-Type: text/plain\r\n\r\nx\r\n", "", ""},
		{head + "Date: Tue, 24 Nov 2020 10:00:00 +0000\r\n\r\nx\r\n", "", "left out"},
		{head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed\r\n\r\nx\r\n--b--\r\n", "part 1: a multipart without boundary", ""},
	} {
		out := newSender(t, nil).Handle(t.Context(), read(t, tt.text), &message.Envelope{Submitter: submitter(t, "user:alice")})
		if out.Result != ResultSigned || attr(out, "fragile") != tt.fragile || attr(out, "signing_time") != tt.time {
			t.Errorf("%q: %q %v", tt.text, out.Result, out.Attrs)
		}
		out.Close()
	}
}

// What is only odd is signed in clear form; one file is in doubt and is refused by the name of its
// field.
func TestHandleCases(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"b-boundary-lost", "e-ambiguous-451", "j-opaque-silent"} {
		names, err := filepath.Glob(filepath.Join("../testdata/cases/mail", folder, "*.eml"))
		if err != nil || len(names) == 0 {
			t.Fatal(folder, err)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(raw), "x@other.example", "alice@example.org", 1)
			out := newSender(t, nil).Handle(t.Context(), read(t, text), &message.Envelope{Submitter: submitter(t, "user:alice")})
			base := strings.TrimSuffix(filepath.Base(name), ".eml")
			switch {
			case base == "root-name-twice":
				if out.Action != message.Reject || !strings.Contains(out.Reply.Text, "Content-Type") {
					t.Errorf("%s: %s %v", base, out.Action, out.Reply)
				}
			case out.Result != ResultSigned, attr(out, "form") != "clear" && !strings.HasPrefix(base, "7-"):
				t.Errorf("%s: %s %q %v", base, out.Action, out.Result, slog.GroupValue(out.Attrs...))
			}
			out.Close()
		}
	}
}
