package sender

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"dnseal/sender/recipient"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// TestEncryptMemory: a message that would be encrypted with authentication is deferred while others
// use the memory for that, signed by us or not, whatever is said about what cannot be signed.
func TestEncryptMemory(t *testing.T) {
	t.Parallel()
	memory := message.NewMemory(1 << 20)
	s := newSender(t, func(o *Options) {
		o.RecipientKeys, o.Memory = newKeyring(t), memory
		o.On = map[Class]message.Action{ClassSignFailed: message.Accept, ClassInternalError: message.Accept}
		o.Routes = []Route{{To: []string{"kem@keys.example"}, Encrypt: EncryptRequire, Profile: recipient.PQ}}
	})
	release, err := memory.Take(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	for _, user := range []string{"alice", "nobody"} {
		from := map[string]string{"alice": "alice@example.org", "nobody": "x@elsewhere.example"}[user]
		m := read(t, "From: "+from+"\r\nTo: kem@keys.example\r\n"+plainText)
		env := &message.Envelope{Submitter: message.Submitter{User: user}, Rcpt: []string{"kem@keys.example"}}
		out := s.Handle(ended, m, env)
		if out.Action != message.Defer || out.Reply.Code != 451 {
			t.Errorf("%s: %s %+v %v", user, out.Action, out.Reply, out.Attrs)
		}
		_ = out.Close()
	}
	release()
	out := s.Handle(t.Context(), read(t, "From: alice@example.org\r\nTo: kem@keys.example\r\n"+plainText), &message.Envelope{Submitter: alice, Rcpt: []string{"kem@keys.example"}})
	if out.Action != message.Accept {
		t.Errorf("with memory: %s %v", out.Action, out.Attrs)
	}
	_ = out.Close()
	if release, err = memory.Take(t.Context(), 1<<20); err != nil { // it was given back
		t.Fatal(err)
	}
	release()
}

// TestEncryptTooLarge: trying again does not make content small enough for a cipher.
func TestEncryptTooLarge(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		&cms.LimitError{What: "content-size", Limit: 64 << 20}: "limit:content-size",
		errors.New("disk full"):                                "",
	} {
		if code, fault := faultOf(fmt.Errorf("x: %w", err)); code != want || (fault == "") != (want == "") {
			t.Errorf("%v: %q, %q", err, code, fault)
		}
	}
}
