package message

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestRecordAttrs: no key is there twice, and the later value counts.
func TestRecordAttrs(t *testing.T) {
	t.Parallel()
	out := &Outcome{Attrs: []slog.Attr{slog.String("code", "a"), slog.String("error", "first"), slog.String("code", "b")}}
	r := Record{Envelope: &Envelope{QueueID: "1"}, MessageID: "<x@y>", Outcome: out, Result: "signed", Err: errors.New("last")}
	var keys []string
	for _, a := range r.Attrs() {
		keys = append(keys, a.Key+"="+a.Value.String())
	}
	if got := strings.Join(keys, " "); got != "id=1 message_id=<x@y> mail_from= rcpts=0 bytes=0 took=0s action=defer result=signed code=b error=last" {
		t.Error(got)
	}
}

// TestLogID: a stranger's Message-ID becomes a short printable word.
func TestLogID(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		" <a@b.example>": "<a@b.example>", "": "", " \t": "",
		" <a b@\x1b[31m\u202e>": "<a?b@?[31m???>", "<a\r\n b>": "<a?b>", strings.Repeat("x", 500): strings.Repeat("x", maxLogID),
	} {
		m, err := Read(strings.NewReader("Message-ID:"+value+"\r\nmessage-id: second\r\n\r\n"), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.LogID(); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
		_ = m.Close()
	}
	if got := (*Message)(nil).LogID(); got != "" {
		t.Error(got)
	}
}
