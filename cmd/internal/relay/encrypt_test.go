package relay

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// encrypting is a relay that has to encrypt to all of example.com and down.example, with the keys
// of those who publish one.
type encrypting struct {
	*testRelay
	keys map[string]*ecdh.PrivateKey
}

func newEncrypting(t *testing.T, people ...string) *encrypting {
	t.Helper()
	e := &encrypting{keys: map[string]*ecdh.PrivateKey{}}
	zone := ""
	for _, name := range people {
		key, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := x509.MarshalPKIXPublicKey(key.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		owner, err := dane.SMIMEAName(name, "example.com")
		if err != nil {
			t.Fatal(err)
		}
		e.keys[name+"@example.com"] = key
		zone += fmt.Sprintf("%s 60 IN SMIMEA 3 1 0 %x\n", owner, spki)
	}
	dns, err := lookuptest.New([]lookuptest.Zone{{Origin: "example.com.", Text: zone}, {Origin: "down.example.", Break: lookuptest.Unreachable}}, lookuptest.Options{})
	if err == nil {
		err = dns.Start("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dns.Close() })
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := sender.New(sender.Options{
		Identities:    func(string) (*identity.Identity, error) { return id, nil },
		Rules:         []sender.Rule{{Who: []string{"net:127.0.0.0/8"}, From: []string{"alice@example.org"}}},
		Routes:        []sender.Route{{To: []string{"*@example.com", "*@down.example"}, Encrypt: sender.EncryptRequire}},
		RecipientKeys: validating(t, dns.Addr(), dns.Anchor()),
	})
	if err != nil {
		t.Fatal(err)
	}
	e.testRelay = startRelay(t, Options{Trusted: loopback, Handler: signer})
	return e
}

// opens lists who can open a message.
func (e *encrypting) opens(t *testing.T, text string) string {
	t.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var out []string
	for _, name := range []string{"bob@example.com", "carol@example.com", "dave@example.com"} {
		d, err := smime.Decrypt(t.Context(), m, smime.DecryptOptions{Keys: []enveloped.Key{{Private: e.keys[name]}}})
		if err != nil {
			continue
		}
		var clear strings.Builder
		if _, err := m.WriteEdited(&clear, d.Edit); err != nil || !strings.Contains(clear.String(), "the secret") || !strings.Contains(clear.String(), "multipart/signed") {
			t.Errorf("%s reads %v\n%s", name, err, clear.String())
		}
		_ = d.Edit.Close()
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// TestEncryptToRecipients: who has no key is refused at RCPT, alone; of all others each gets what
// he and those he may know of can open, and the next hop sees nothing in clear.
func TestEncryptToRecipients(t *testing.T) {
	t.Parallel()
	e := newEncrypting(t, "bob", "carol", "dave")
	k := dial(t, e.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<alice@example.org>", "250")
	for rcpt, want := range map[string]string{
		"bob@example.com": "250", "carol@example.com": "250", "dave@example.com": "250",
		"none@example.com": "550 5.7.5 No key to encrypt to is published for none@example.com", "BOB@example.com": "550 5.7.5",
		"x@down.example": "451 4.7.5 Key to encrypt to cannot be looked up now for x@down.example", "x@elsewhere.example": "250",
	} {
		k.do("RCPT TO:<"+rcpt+">", want)
	}
	text := "From: alice@example.org\r\nTo: bob@example.com, x@elsewhere.example\r\nCc: Carol <carol@example.com>\r\nBcc: dave@example.com\r\nSubject: t\r\n\r\nthe secret\r\n"
	if reply := k.content(text); !strings.HasPrefix(reply, "250") {
		t.Fatalf("reply = %q", reply)
	}
	got := map[string]string{}
	for _, m := range e.hop.got() {
		got[strings.Join(slices.Sorted(slices.Values(m.rcpts)), " ")] = e.opens(t, m.data)
		if clear := strings.Contains(m.data, "the secret"); clear != strings.Contains(m.rcpts[0], "elsewhere") {
			t.Errorf("%v: in clear %v\n%s", m.rcpts, clear, m.data)
		}
		if strings.Contains(m.data, "dave") {
			t.Errorf("%v learn of dave\n%s", m.rcpts, m.data)
		}
	}
	want := map[string]string{
		"RCPT TO:<bob@example.com> RCPT TO:<carol@example.com>": "bob@example.com carol@example.com",
		"RCPT TO:<dave@example.com>":                            "dave@example.com",
		"RCPT TO:<x@elsewhere.example>":                         "",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// asker answers for recipients as a test says.
type asker func(rcpt []string) []*message.Outcome

func (asker) Handle(context.Context, *message.Message, *message.Envelope) *message.Outcome {
	return &message.Outcome{Action: message.Accept}
}

func (f asker) CheckRecipients(_ context.Context, rcpt []string, _ *message.Envelope) []*message.Outcome {
	return f(rcpt)
}

// TestAskHandler: each recipient gets the reply in its place, pipelined or not, and a handler that
// fails takes none.
func TestAskHandler(t *testing.T) {
	t.Parallel()
	reject := &message.Outcome{Action: message.Reject, Reply: message.Reply{Code: 550, Enhanced: "5.7.5", Text: "No"}, Attrs: []slog.Attr{slog.String("code", "no-record")}}
	say := map[string]*message.Outcome{
		"yes": {Action: message.Accept}, "no": reject, "later": {}, "generic": {Action: message.Reject}, "wrong": {Action: message.Defer, Reply: message.Reply{Code: 550}},
	}
	byName := func(rcpt []string) (out []*message.Outcome) {
		for _, r := range rcpt {
			out = append(out, say[strings.TrimSuffix(r, "@x.example")])
		}
		return out
	}
	for names, tt := range map[string]struct {
		say  asker
		want string
	}{
		"a yes b":            {byName, "250 250 250"},
		"a no b":             {byName, "250 550 250"},
		"no later no":        {byName, "550 451 550"},
		"generic wrong a":    {byName, "550 451 250"},
		"the handler panics": {func([]string) []*message.Outcome { panic("trouble") }, "451 451 451"},
		"says too little":    {func([]string) []*message.Outcome { return nil }, "451 451 451"},
	} {
		t.Run(names, func(t *testing.T) {
			t.Parallel()
			r := startRelay(t, Options{Trusted: loopback, Handler: tt.say})
			k := dial(t, r.addr)
			k.do("EHLO c", "250")
			k.do("MAIL FROM:<a@example.org>", "250")
			lines := ""
			for name := range strings.FieldsSeq(names) {
				lines += "RCPT TO:<" + name + "@x.example>\r\n"
			}
			k.write(lines)
			var got []string
			for range 3 {
				got = append(got, k.reply()[:3])
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("%s, want %s", text, tt.want)
			}
			if logged := strings.Contains(r.log.String(), "relay: recipient not taken"); logged != (tt.want != "250 250 250") {
				t.Errorf("logged: %v\n%s", logged, r.log.String())
			}
		})
	}
}
