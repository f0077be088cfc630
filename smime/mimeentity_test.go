package smime

import (
	"net/mail"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// Whatever file is signed: what another parser of messages takes for a header without Content-Type,
// or with a field that the message does not have, is no entity.
func TestEntityDefect(t *testing.T) {
	t.Parallel()
	outer, _ := message.ParseHeader([]byte("From: alice@example.org\r\nSubject: Hi\r\nDate: today\r\n\r\n"))
	same := map[string]string{"From": "alice@example.org", "Subject": "Hi", "Date": "today"}
	lines := []string{
		"", "", "Content-Type: text/plain", "content-type: text/html; charset=utf-8", "Content-Type: text", "Content-Language: en", "MIME-Version: 1.0", "X-Note: x",
		"Subject: Hi", "Subject: Hello", "From: alice@example.org", "From: bob@example.net", "Date: today", "Reply-To: x@example.net", "Received: x", "Hello", " folded", "To: x", ": x", "a b: c",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(lines), 1, 8).Draw(t, "lines"), "\r\n") + "\r\n\r\nHello\r\n"
		entity, err := entity.WalkEntity(t.Context(), strings.NewReader(text), int64(len(text)), "")
		if err != nil {
			t.Fatal(err)
		}
		if entityDefect(entity, outer) != "" {
			return
		}
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%q is an entity here, and for net/mail: %v", text, err)
		}
		if !strings.HasPrefix(m.Header.Get("Content-Type"), "text/") {
			t.Errorf("%q has no Content-Type for net/mail", text)
		}
		for name, values := range m.Header {
			for _, v := range values {
				if was, ok := same[name]; !strings.HasPrefix(name, "X-") && !strings.HasPrefix(name, "Content-") && name != "Mime-Version" && (!ok || v != was) {
					t.Errorf("%q has %s: %s for net/mail", text, name, v)
				}
			}
		}
	})
}
