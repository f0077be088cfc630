//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// by chooses a handler by the local part of the first recipient.
type by map[string]message.Handler

func (h by) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	name, _, _ := strings.Cut(env.Rcpt[0], "@")
	return h[name].Handle(ctx, m, env)
}

// classed notes the class each outcome is of.
func classed(h message.Handler, notes *record[string]) message.Handler {
	return handle(func(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
		out := h.Handle(ctx, m, env)
		note := ""
		for _, a := range out.Attrs {
			if a.Key == "class" && a.Value.Kind() == slog.KindString {
				note = a.Value.String()
			}
		}
		notes.add(note)
		return out
	})
}

// signed signs raw as dnseal sign does.
func signed(tb testing.TB, id *identity.Identity, raw string, at time.Time) string {
	tb.Helper()
	m, err := message.Read(strings.NewReader(raw), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	defer m.Close()
	edit, err := sender.SignMessage(tb.Context(), m, []*identity.Identity{id}, smime.SignOptions{Time: at})
	if err != nil {
		tb.Fatal(err)
	}
	defer edit.Close()
	var b bytes.Buffer
	if _, err := m.WriteEdited(&b, edit); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func from(address string) string {
	return "From: " + address + "\r\nTo: bob@example.net\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello.\r\n"
}

// suspects are messages of each class that a receiver knows.
func suspects(t *testing.T, o *office) map[receiver.Class]string {
	t.Helper()
	now := time.Now()
	alice, err := identity.Load(o.dir, author)
	o.check(err)
	stranger, err := identity.Create(filepath.Join(o.dir, "stranger"), author, identity.CreateOptions{})
	o.check(err)
	o.publish("carol@insecure.example", "")
	o.zones["insecure.example"].Unsigned = true
	o.publish("carol@bogus.example", lookuptest.WrongSignature)
	o.publish("carol@down.example", lookuptest.Unreachable)
	unpublished := o.create("nobody@example.org")
	of := func(name string) string {
		id, err := identity.Load(o.dir, name)
		o.check(err)
		return signed(t, id, from(name), now)
	}
	good := signed(t, alice, from(author), now)
	head, entity, _ := strings.Cut(good, "Content-Type: ")
	return map[receiver.Class]string{
		"":                             good,
		receiver.ClassBadSignature:     strings.Replace(good, "\r\nHello.", "\r\nHullo.", 1),
		receiver.ClassKeyMismatch:      signed(t, stranger, from(author), now),
		receiver.ClassNoSignature:      from(author),
		receiver.ClassNoKey:            signed(t, unpublished, from("nobody@example.org"), now),
		receiver.ClassIdentityMismatch: strings.Replace(good, author, "boss@example.org", 1),
		receiver.ClassHeaderChanged:    strings.Replace(good, "\r\nSubject: ", "\r\nSubject: not ", 1),
		receiver.ClassPartial: head + "Content-Type: multipart/mixed; boundary=list\r\n\r\n" +
			"--list\r\nContent-Type: " + entity + "\r\n--list\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--list--\r\n",
		receiver.ClassWeak:      signed(t, alice, from(author), now.Add(time.Hour)),
		receiver.ClassInsecure:  of("carol@insecure.example"),
		receiver.ClassDNSError:  of("carol@down.example"),
		receiver.ClassBogus:     of("carol@bogus.example"),
		receiver.ClassMalformed: damaged(good),
		receiver.ClassTooBig:    from(author) + strings.Repeat("too big\r\n", 30_000),
	}
}

// damaged makes the signature unreadable.
func damaged(good string) string {
	at := strings.LastIndex(good, "\r\n\r\n") + 4
	return good[:at] + "AAAA" + good[at+4:]
}

// refusals are how our words for the sender begin, by class.
var refusals = map[receiver.Class]string{
	receiver.ClassBadSignature:     "Signature does not match the message",
	receiver.ClassKeyMismatch:      "Signed by a key that its owner does not publish",
	receiver.ClassNoSignature:      "From requires a signature by its owner",
	receiver.ClassNoKey:            "Signer publishes no usable key in the DNS",
	receiver.ClassIdentityMismatch: "Signature is not by the author in From",
	receiver.ClassHeaderChanged:    "Header is not as it was signed",
	receiver.ClassPartial:          "Signature covers a part of the message only",
	receiver.ClassWeak:             "Signature is too weak, not supported or not for this use",
	receiver.ClassInsecure:         "Domain of the signer is not secured by DNSSEC",
	receiver.ClassDNSError:         "Key of the signer could not be looked up",
	receiver.ClassBogus:            "DNSSEC of the signer's domain does not validate",
	receiver.ClassMalformed:        "Message or its signature cannot be read",
	receiver.ClassTooBig:           "Message is too big to be checked",
}

// worded is the longest text that a reply can have, with all that a filter could take amiss.
var worded = strings.Repeat("100% %s %% yours: https://example.org/?a=%20b ", 20)[:message.MaxReplyText-1] + "."

// TestReceiverClasses shows Postfix's answer for each class of failure and each action.
func TestReceiverClasses(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	messages := suspects(t, o)
	o.serve()
	answers := map[string]string{
		"accept":     "250 ",
		"quarantine": "250 ",
		"defer":      "451 4.7.1 Message cannot be checked now, try again later",
		"reject":     "550 5.7.1 ",
		"worded":     "550 5.7.1 " + worded,
	}
	handlers := by{}
	for _, action := range []message.Action{message.Accept, message.Quarantine, message.Defer, message.Reject} {
		on := receiver.DefaultActions()
		for class := range on {
			on[class] = action
		}
		handlers[action.String()] = o.verifier(receiver.Options{On: on, MaxBytes: 200_000})
	}
	var classes record[string]
	out := newSink(t, "8BITMIME")
	p := startPostfix(t, out.addr, []string{serveHandler(t, classed(handlers, &classes))})
	on, texts := receiver.DefaultActions(), map[receiver.Class]string{}
	for class := range on {
		on[class], texts[class] = message.Reject, worded
	}
	handlers["worded"] = o.verifier(receiver.Options{On: on, MaxBytes: 200_000, ReplyTexts: texts})
	held := 0
	for class, raw := range messages {
		for action, want := range answers {
			switch {
			case class == "": // nothing is wrong with it
				want = "250 "
			case action == "reject":
				want += refusals[class]
			}
			what := fmt.Sprintf("%s: %s", class, action)
			reply, err := submit(p.addr, author, []string{action + "@example.net"}, raw)
			if err != nil || !strings.HasPrefix(reply, want) {
				t.Errorf("%s: Postfix answers %q, %v, want %q", what, reply, err, want)
			}
			if got := classes.last(); got != string(class) {
				t.Errorf("%s: it is of class %q", what, got)
			}
			switch {
			case action == "quarantine" && class != "":
				held++
			case want == "250 ":
				if got := results(t, out.next(t).raw, ourID); len(got) != 1 {
					t.Errorf("%s: results %q", what, got)
				}
			}
		}
	}
	peertest.WaitFor(t, "the hold queue", func() bool {
		files, _ := filepath.Glob(p.dir + "/spool/hold/*")
		return len(files) == held
	})
}

// TestObserve: a receiver that observes refuses nothing and changes nothing, whatever it would do,
// and says so.
func TestObserve(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	messages := suspects(t, o)
	o.serve()
	on := receiver.DefaultActions()
	for class := range on {
		on[class] = message.Reject
	}
	var would record[string]
	watcher := o.verifier(receiver.Options{On: on, MaxBytes: 200_000, Observe: true})
	noted := handle(func(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
		out := watcher.Handle(ctx, m, env)
		for _, a := range out.Attrs {
			if a.Key == "would" {
				would.add(a.Value.String())
			}
		}
		return out
	})
	out := newSink(t, "8BITMIME")
	p := startPostfix(t, out.addr, []string{serveHandler(t, noted)})
	for class, raw := range messages {
		forged := "Authentication-Results: " + ourID + "; smime=pass\r\n"
		reply, err := submit(p.addr, author, []string{recipient}, forged+raw)
		if err != nil || !strings.HasPrefix(reply, "250 ") {
			t.Errorf("%s: Postfix answers %q, %v", class, reply, err)
			continue
		}
		want := "reject"
		if class == "" {
			want = "accept"
		}
		if got := would.last(); got != want {
			t.Errorf("%s: it would %s, want %s", class, got, want)
		}
		got := out.next(t).raw
		_, body, _ := strings.Cut(raw, "\r\n\r\n")
		if fields := results(t, got, ourID); len(fields) != 1 || fields[0] != ourID+"; smime=pass" || !strings.HasSuffix(strings.TrimRight(got, "\r\n"), strings.TrimRight(body, "\r\n")) {
			t.Errorf("%s: it was changed: results %q", class, fields)
		}
	}
}

// TestSenderClasses does the same for what stands in the way of a signature.
func TestSenderClasses(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.create("unpublished@example.org")
	answers := map[string]string{"accept": "250 ", "defer": "451 4.7.1 ", "reject": "55"}
	handlers := by{}
	for _, action := range []message.Action{message.Accept, message.Defer, message.Reject} {
		on := sender.DefaultActions()
		for class := range on {
			on[class] = action
		}
		handlers[action.String()] = o.signer(sender.Options{
			On: on, MaxBytes: 200_000, Lookup: o.client,
			Rules: []sender.Rule{
				{Who: []string{"net:198.51.100.0/24"}, From: []string{"boss@example.org"}},
				{Who: []string{"net:127.0.0.0/8"}, From: []string{"*@sales.example.org", author, "unpublished@example.org"}},
			},
		})
	}
	var classes record[string]
	out := newSink(t, "8BITMIME")
	p := startPostfix(t, out.addr, []string{serveHandler(t, classed(handlers, &classes))})
	for class, raw := range map[sender.Class]string{
		"":                          from(author),
		sender.ClassNoRule:          from("somebody@example.com"),
		sender.ClassNotAllowed:      from("boss@example.org"),
		sender.ClassKeyNotPublished: from("unpublished@example.org"),
		sender.ClassSignFailed:      from("nobody@sales.example.org"),
		sender.ClassTooBig:          from(author) + strings.Repeat("too big\r\n", 30_000),
	} {
		for action, want := range answers {
			if class == "" {
				want = "250 "
			}
			what := fmt.Sprintf("%s: %s", class, action)
			reply, err := submit(p.addr, author, []string{action + "@example.net"}, raw)
			if err != nil || !strings.HasPrefix(reply, want) {
				t.Errorf("%s: Postfix answers %q, %v, want %q", what, reply, err, want)
			}
			if got := classes.last(); got != string(class) {
				t.Errorf("%s: it is of class %q", what, got)
			}
			if want != "250 " {
				continue
			}
			if got := strings.Contains(out.next(t).raw, "multipart/signed"); got != (class == "") {
				t.Errorf("%s: signed: %t", what, got)
			}
		}
	}
}

// TestMixedRecipients: recipients who should get different forms get one that all can read, and
// nobody's mail is deferred.
func TestMixedRecipients(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	out := newSink(t, "8BITMIME")
	p := startPostfix(t, out.addr, []string{serveHandler(t, o.signer(sender.Options{OpaqueFor: []string{"*@opaque.example"}, PlainFor: []string{"*@plain.example"}}))})
	for want, rcpt := range map[string][]string{
		"multipart/signed":       {"a@opaque.example", "b@plain.example", "c@example.net"},
		"application/pkcs7-mime": {"a@opaque.example"},
		"Content-Type: text":     {"b@plain.example"},
	} {
		reply, err := submit(p.addr, author, rcpt, from(author))
		if err != nil || !strings.HasPrefix(reply, "250 ") {
			t.Errorf("%v: Postfix answers %q, %v", rcpt, reply, err)
			continue
		}
		if got := out.next(t).raw; !strings.Contains(got, want) {
			t.Errorf("%v got\n%s\nwant %s", rcpt, got, want)
		}
	}
}
