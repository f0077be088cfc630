package sender

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"dnseal/lookup"
	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/sender/recipient"
	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// keyring has the private keys of recipients, and answers with their public ones. "soon" publishes
// what the cache does not have yet, "down" cannot be looked up, and "denied" may not.
type keyring struct {
	private map[string]crypto.PrivateKey
	records map[string][]dane.Record
	mu      sync.Mutex
	budgets []*dnssec.Budget
}

func newKeyring(tb testing.TB) *keyring {
	tb.Helper()
	k := &keyring{private: map[string]crypto.PrivateKey{}, records: map[string][]dane.Record{}}
	for _, name := range []string{"bob@keys.example", "carol@keys.example", "dave@keys.example", "soon@keys.example"} {
		key, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		k.publish(tb, name, key, key.PublicKey())
	}
	key, err := mlkem.GenerateKey768()
	if err != nil {
		tb.Fatal(err)
	}
	k.publish(tb, "kem@keys.example", key, key.EncapsulationKey())
	return k
}

func owner(tb testing.TB, address string) string {
	tb.Helper()
	a, err := message.ParseAddress(address)
	if err != nil {
		tb.Fatal(err)
	}
	name, err := dane.SMIMEAName(a.Local, a.Domain)
	if err != nil {
		tb.Fatal(err)
	}
	return name
}

func (k *keyring) publish(tb testing.TB, address string, private crypto.PrivateKey, public crypto.PublicKey) {
	tb.Helper()
	spki, err := cms.MarshalPublicKey(public)
	if err != nil {
		tb.Fatal(err)
	}
	k.private[address] = private
	k.records[owner(tb, address)] = []dane.Record{{Usage: dane.DANEEE, Selector: dane.PublicKey, MatchingType: dane.Exact, Data: spki}}
}

func (k *keyring) Lookup(ctx context.Context, name string, t dane.Type) *lookup.Result {
	res := k.LookupFresh(ctx, name, t)
	if soon, err := dane.SMIMEAName("soon", "keys.example"); err == nil && name == soon {
		return &lookup.Result{Name: name, Status: dnssec.Secure, Presence: dane.Absent}
	}
	return res
}

func (k *keyring) LookupFresh(ctx context.Context, name string, _ dane.Type) *lookup.Result {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.budgets = append(k.budgets, dnssec.BudgetFrom(ctx))
	switch {
	case strings.HasSuffix(name, ".down.example."):
		return &lookup.Result{Name: name, Status: dnssec.Indeterminate, Code: dnssec.CodeTimeout, Reason: "no answer"}
	case strings.HasSuffix(name, ".denied.example."):
		return &lookup.Result{Name: name, Status: dnssec.Indeterminate, Code: chain.CodeDenied, Reason: "denied"}
	case strings.HasSuffix(name, ".unsigned.example."):
		return &lookup.Result{Name: name, Status: dnssec.Insecure}
	case k.records[name] != nil:
		return &lookup.Result{Name: name, Status: dnssec.Secure, Presence: dane.Present, Records: k.records[name]}
	}
	return &lookup.Result{Name: name, Status: dnssec.Secure, Presence: dane.Absent}
}

// got is what a recipient gets: "clear", "opaque" or "plain" and the signer, in "(…)" where it is
// encrypted, with the number of keys that open it.
func (k *keyring) got(tb testing.TB, m *message.Message, out *message.Outcome, rcpt string) string {
	tb.Helper()
	edit := out.Edit
	for _, f := range out.Forms {
		if slices.Contains(f.Rcpt, rcpt) {
			edit = f.Edit
		}
	}
	sent := edited(tb, m, edit)
	if kind := smime.Secured(sent); kind != smime.SMIMEEncrypted {
		return kindOf(tb, sent)
	}
	opened := map[string]*smime.Decrypted{}
	for name, key := range k.private {
		d, err := smime.Decrypt(tb.Context(), sent, smime.DecryptOptions{Keys: []enveloped.Key{{Private: key}}})
		switch {
		case err == nil:
			opened[name] = d
		case !errors.Is(err, enveloped.ErrNoKey) && !errors.Is(err, smime.ErrNotEncrypted):
			tb.Errorf("%s: %v", name, err)
		}
	}
	address, err := message.ParseAddress(rcpt)
	if err != nil {
		tb.Fatal(err)
	}
	mine := opened[address.String()]
	if mine == nil {
		return "not for him"
	}
	if n := mine.Encryptions[0].Content.Recipients; n != len(opened) {
		tb.Errorf("%s: %d recipients, and %d keys open it", rcpt, n, len(opened))
	}
	return fmt.Sprintf("(%s)%d", kindOf(tb, edited(tb, sent, mine.Edit)), len(opened))
}

var alice = message.Submitter{User: "alice"}

// TestEncrypt: who gets what, and who is refused.
func TestEncrypt(t *testing.T) {
	t.Parallel()
	const (
		from   = "From: alice@example.org\r\nTo: Bob <bob@keys.example>, kem@keys.example, soon@keys.example\r\nCc: carol@keys.example\r\n"
		signed = "From: alice@example.org\r\nTo: bob@keys.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--x--\r\n"
	)
	locked := encryptedFor(t, newKey(t))
	require := []Route{{To: []string{"*@never.example"}, Encrypt: EncryptNever}, {To: []string{"*@*"}, Encrypt: EncryptRequire}}
	modern := []Route{{To: []string{"*@*"}, Encrypt: EncryptRequire, Profile: recipient.Modern}}
	pq := []Route{{To: []string{"*@*"}, Encrypt: EncryptRequire, Profile: recipient.PQ}}
	possible := []Route{{To: []string{"*@*"}, Encrypt: EncryptIfPossible}}
	some := []Route{{To: []string{"carol@keys.example"}, Form: FormOpaque, Encrypt: EncryptRequire}, {To: []string{"bob@keys.example"}, Form: FormPlain, Encrypt: EncryptRequire}}
	for name, tt := range map[string]struct {
		text   string
		routes []Route
		rcpt   string // separated by spaces
		one    bool
		user   string
		on     map[Class]message.Action
		want   string // of each recipient, or "action class code"
		result string
	}{
		"no route":          {text: from + plainText, rcpt: "bob@keys.example", want: "clear alice@example.org", result: "signed"},
		"never":             {text: from + plainText, routes: require, rcpt: "bob@never.example", want: "clear alice@example.org", result: "signed"},
		"one":               {text: from + plainText, routes: require, rcpt: "bob@keys.example", want: "(clear alice@example.org)1", result: "signed"},
		"together":          {text: from + plainText, routes: require, rcpt: "bob@keys.example carol@keys.example", want: "(clear alice@example.org)2 | (clear alice@example.org)2", result: "signed"},
		"ml-kem apart":      {text: from + plainText, routes: require, rcpt: "bob@keys.example kem@keys.example", want: "(clear alice@example.org)1 | (clear alice@example.org)1", result: "signed"},
		"modern":            {text: from + plainText, routes: modern, rcpt: "bob@keys.example kem@keys.example", want: "(clear alice@example.org)1 | (clear alice@example.org)1", result: "signed"},
		"pq":                {text: from + plainText, routes: pq, rcpt: "kem@keys.example", want: "(clear alice@example.org)1", result: "signed"},
		"pq for others":     {text: from + plainText, routes: pq, rcpt: "kem@keys.example bob@keys.example", want: "reject not-encrypted no-ml-kem-key"},
		"hidden":            {text: from + plainText, routes: require, rcpt: "bob@keys.example dave@keys.example carol@keys.example", want: "(clear alice@example.org)2 | (clear alice@example.org)1 | (clear alice@example.org)2", result: "signed"},
		"all hidden":        {text: "From: alice@example.org\r\n" + plainText, routes: require, rcpt: "bob@keys.example carol@keys.example", want: "(clear alice@example.org)1 | (clear alice@example.org)1", result: "signed"},
		"mixed ways":        {text: from + plainText, routes: require, rcpt: "bob@never.example bob@keys.example", want: "clear alice@example.org | (clear alice@example.org)1", result: "signed"},
		"two writings":      {text: from + plainText, routes: require, rcpt: "bob@keys.example bob@KEYS.example \"bob\"@keys.example", want: "(clear alice@example.org)1 | (clear alice@example.org)1 | (clear alice@example.org)1", result: "signed"},
		"forms":             {text: from + plainText, routes: some, rcpt: "bob@keys.example carol@keys.example dave@keys.example", want: "(plain)1 | (opaque alice@example.org)1 | clear alice@example.org", result: "signed"},
		"plain":             {text: from + plainText, routes: some, rcpt: "bob@keys.example", want: "(plain)1", result: "encrypted"},
		"published now":     {text: from + plainText, routes: require, rcpt: "soon@keys.example", want: "(clear alice@example.org)1", result: "signed"},
		"one form":          {text: from + plainText, routes: require, one: true, rcpt: "bob@keys.example carol@keys.example", want: "(clear alice@example.org)2 | (clear alice@example.org)2", result: "signed"},
		"one form, hidden":  {text: from + plainText, routes: require, one: true, rcpt: "bob@keys.example dave@keys.example", want: "reject not-encrypted one-form"},
		"one form, ml-kem":  {text: from + plainText, routes: require, one: true, rcpt: "bob@keys.example kem@keys.example", want: "reject not-encrypted one-form"},
		"one form, never":   {text: from + plainText, routes: require, one: true, rcpt: "bob@keys.example x@never.example", want: "reject not-encrypted one-form"},
		"one form, if":      {text: from + plainText, routes: possible, one: true, rcpt: "bob@keys.example dave@keys.example", want: "clear alice@example.org | clear alice@example.org", result: "signed"},
		"if possible":       {text: from + plainText, routes: possible, rcpt: "bob@keys.example none@keys.example x@unsigned.example", want: "(clear alice@example.org)1 | clear alice@example.org | clear alice@example.org", result: "signed"},
		"if possible, down": {text: from + plainText, routes: possible, rcpt: "bob@keys.example x@down.example", want: "defer not-encrypted timeout"},
		"if, denied":        {text: from + plainText, routes: possible, rcpt: "bob@keys.example x@denied.example", want: "reject not-encrypted denied"},
		"none":              {text: from + plainText, routes: require, rcpt: "bob@keys.example none@keys.example", want: "reject not-encrypted no-record"},
		"unsigned zone":     {text: from + plainText, routes: require, rcpt: "x@unsigned.example", want: "reject not-encrypted insecure"},
		"down":              {text: from + plainText, routes: require, rcpt: "bob@keys.example x@down.example", want: "defer not-encrypted timeout"},
		"worst first":       {text: from + plainText, routes: require, rcpt: "x@down.example none@keys.example", want: "reject not-encrypted no-record"},
		"no address":        {text: from + plainText, routes: require, rcpt: "bob", want: "reject not-encrypted bad-address"},
		"source route":      {text: from + plainText, routes: some, rcpt: "@a.example:bob@keys.example", want: "reject not-encrypted bad-address"},
		"another case":      {text: from + plainText, routes: some, rcpt: "CAROL@keys.example", want: "reject not-encrypted no-record"},

		// What is not signed is not sent in clear for that.
		"left alone":     {text: signed, routes: require, rcpt: "bob@keys.example", want: "(plain)1", result: "left-alone"},
		"locked":         {text: locked, routes: require, rcpt: "none@keys.example", want: "not for him", result: "left-alone"},
		"no rule":        {text: "From: x@elsewhere.example\r\nTo: bob@keys.example\r\n" + plainText, routes: require, user: "nobody", rcpt: "bob@keys.example", want: "(plain)1", result: "encrypted"},
		"no rule, none":  {text: "From: x@elsewhere.example\r\n" + plainText, routes: require, user: "nobody", rcpt: "none@keys.example", want: "reject not-encrypted no-record"},
		"no rule, if":    {text: "From: x@elsewhere.example\r\n" + plainText, routes: possible, user: "nobody", rcpt: "none@keys.example", want: "plain", result: "unsigned"},
		"not allowed":    {text: "From: billing@example.org\r\n" + plainText, routes: require, rcpt: "bob@keys.example", want: "reject not-allowed from-not-allowed"},
		"asked for none": {text: "X-Dnseal-Sign: no\r\n" + from + plainText, routes: require, rcpt: "bob@keys.example", want: "(plain)1", result: "encrypted"},
		"sign failed":    {text: "From: a@shop.example.org\r\nTo: bob@keys.example\r\n" + plainText, routes: require, user: "billing", on: map[Class]message.Action{ClassSignFailed: message.Accept}, rcpt: "bob@keys.example", want: "(plain)1", result: "encrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyring(t)
			s := newSender(t, func(o *Options) { o.Routes, o.RecipientKeys, o.On = tt.routes, k, tt.on })
			m := read(t, tt.text)
			who := alice
			if tt.user != "" {
				who.User = tt.user
			}
			env := &message.Envelope{Submitter: who, Rcpt: strings.Fields(tt.rcpt), OneForm: tt.one}
			out, why := s.Explain(t.Context(), m, env)
			defer out.Close()
			if out.Action != message.Accept {
				if got := fmt.Sprintf("%s %s %s", out.Action, why.Class, why.Code); got != tt.want || out.Reply.Code == 0 || len(out.Forms) > 0 {
					t.Errorf("%s, want %s; %+v", got, tt.want, out)
				}
				return
			}
			var got []string
			for _, r := range env.Rcpt {
				got = append(got, k.got(t, m, out, r))
			}
			if text := strings.Join(got, " | "); text != tt.want || out.Result != tt.result {
				t.Errorf("%s %s, want %s %s; %v", out.Result, text, tt.result, tt.want, out.Attrs)
			}
		})
	}
}

// TestEncryptAttrs: the log has what was encrypted, and who got a message in clear for lack of a
// key; and all keys are looked up with one budget.
func TestEncryptAttrs(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	s := newSender(t, func(o *Options) {
		o.RecipientKeys = k
		o.Routes = []Route{{To: []string{"kem@keys.example"}, Encrypt: EncryptRequire, Profile: recipient.PQ}, {To: []string{"*@*"}, Encrypt: EncryptIfPossible}}
	})
	m := read(t, "From: alice@example.org\r\nTo: bob@keys.example, kem@keys.example\r\n"+plainText)
	for _, tt := range []struct {
		env  message.Envelope
		want string
	}{
		{message.Envelope{Rcpt: []string{"bob@keys.example", "kem@keys.example", "x@keys.example"}}, "encrypted=aes-128-cbc,aes-256-gcm not_encrypted=x@keys.example (no-record) form=clear,clear,clear"},
		{message.Envelope{Rcpt: []string{"bob@keys.example", "dave@keys.example"}, OneForm: true}, "not_encrypted=bob@keys.example (one-form),dave@keys.example (one-form) form=clear"},
	} {
		tt.env.Submitter = alice
		out := s.Handle(t.Context(), m, &tt.env)
		if text := fmt.Sprint(out.Attrs); !strings.Contains(text, tt.want) {
			t.Errorf("%s, want %s", text, tt.want)
		}
		if len(slices.Compact(k.budgets)) != 1 || k.budgets[0] == nil {
			t.Errorf("%d budgets", len(slices.Compact(k.budgets)))
		}
		k.budgets = nil
		_ = out.Close()
	}
}

// TestCheckRecipients: who is refused before the message is there.
func TestCheckRecipients(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	routes := []Route{{To: []string{"*@maybe.example", "*@down.example"}, Encrypt: EncryptIfPossible}, {To: []string{"*@never.example"}}, {To: []string{"*@*"}, Encrypt: EncryptRequire}}
	s := newSender(t, func(o *Options) { o.Routes, o.RecipientKeys = routes, k })
	rcpt := []string{"bob@keys.example", "none@keys.example", "x@maybe.example", "x@down.example", "x@never.example", "bob", "grüße@none.example", "soon@keys.example"}
	want := []string{
		"", "reject 550 5.7.5 No key to encrypt to is published for none@keys.example", "", "defer 451 4.7.5 Key to encrypt to cannot be looked up now for x@down.example", "",
		"reject 550 5.7.5 No key to encrypt to is published for bob", "reject 550 5.7.5 No key to encrypt to is published for a recipient", "",
	}
	for i, out := range s.CheckRecipients(t.Context(), rcpt, &message.Envelope{}) {
		got := ""
		if out != nil {
			got = fmt.Sprintf("%s %d %s %s", out.Action, out.Reply.Code, out.Reply.Enhanced, out.Reply.Text)
		}
		if got != want[i] {
			t.Errorf("%s: %s, want %s", rcpt[i], got, want[i])
		}
	}
	for _, change := range []func(*Options){func(o *Options) { o.Observe = true }, func(o *Options) { o.Routes = nil }} {
		k.budgets = nil
		s = newSender(t, func(o *Options) { o.Routes, o.RecipientKeys = routes, k; change(o) })
		out := s.CheckRecipients(t.Context(), rcpt, &message.Envelope{})
		if len(out) != len(rcpt) || slices.ContainsFunc(out, func(o *message.Outcome) bool { return o != nil }) || k.budgets != nil {
			t.Errorf("%v, %d lookups", out, len(k.budgets))
		}
	}
}

// TestUnfitEncrypted: what could not be taken in is not passed on in clear either.
func TestUnfitEncrypted(t *testing.T) {
	t.Parallel()
	accept := map[Class]message.Action{ClassTooBig: message.Accept, ClassInternalError: message.Accept}
	s := newSender(t, func(o *Options) {
		o.On, o.RecipientKeys = accept, newKeyring(t)
		o.Routes = []Route{{To: []string{"*@keys.example"}, Encrypt: EncryptRequire}}
	})
	for rcpt, want := range map[string][2]message.Action{"x@clear.example": {message.Accept, message.Accept}, "bob@keys.example": {message.Reject, message.Defer}} {
		for user := range strings.FieldsSeq("alice nobody") {
			from := map[string]string{"alice": "alice@example.org", "nobody": "x@elsewhere.example"}[user]
			for i, why := range []error{message.ErrTooBig, errors.New("disk full")} {
				out := s.Unfit(read(t, "From: "+from+"\r\n\r\n"), &message.Envelope{Submitter: message.Submitter{User: user}, Rcpt: []string{rcpt}}, why)
				if out.Action != want[i] || out.Action != message.Accept && out.Reply.Code == 0 {
					t.Errorf("%s, %s, %v: %+v", rcpt, user, why, out)
				}
			}
		}
	}
}

// TestManyHidden: each hidden recipient costs an encryption, and there is a limit.
func TestManyHidden(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	var rcpt []string
	for i := range maxEncryptions + 1 {
		rcpt = append(rcpt, fmt.Sprintf("r%d@keys.example", i))
		k.records[owner(t, rcpt[i])] = k.records[owner(t, "bob@keys.example")]
	}
	s := newSender(t, func(o *Options) {
		o.Routes, o.RecipientKeys = []Route{{To: []string{"*@*"}, Encrypt: EncryptRequire}}, k
	})
	out, why := s.Explain(t.Context(), read(t, "From: alice@example.org\r\n"+plainText), &message.Envelope{Submitter: alice, Rcpt: rcpt})
	if out.Action != message.Reject || why.Code != string(codeTooMany) || out.Reply.Enhanced != "5.5.3" {
		t.Errorf("%+v", out)
	}
}

// TestRoutes: what makes no sense is an error that names the route.
func TestRoutes(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Route{
		"route 1: it names no recipients":             {},
		"route 1: \"example.org\" is no mail address": {To: []string{"example.org"}},
		"route 1: encrypt \"always\"":                 {To: []string{"*@*"}, Encrypt: "always"},
		"profile \"new\": it is compatible":           {To: []string{"*@*"}, Profile: "new"},
		"route 1: form \"plain\"":                     {To: []string{"*@*"}, Form: "plain"},
		"route 1: profile pq wants encrypt require":   {To: []string{"*@*"}, Encrypt: EncryptIfPossible, Profile: recipient.PQ},
	} {
		_, err := New(Options{Identities: func(string) (*identity.Identity, error) { return nil, errors.New("none") }, Routes: []Route{r}, RecipientKeys: &keyring{}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := New(Options{Identities: func(string) (*identity.Identity, error) { return nil, errors.New("none") }, Routes: []Route{{To: []string{"*@*"}, Encrypt: EncryptRequire}}})
	if err == nil || !strings.Contains(err.Error(), "route 1: nothing to look up") {
		t.Error(err)
	}
}

// TestRouteForms: a route's form comes before the lists, the first route counts, and only a route
// that encrypts takes an address in another case for its own.
func TestRouteForms(t *testing.T) {
	t.Parallel()
	s := newSender(t, func(o *Options) {
		o.RecipientKeys = &keyring{}
		o.Routes = []Route{
			{To: []string{"bob@opaque.example"}, Form: FormClear},
			{To: []string{"*@opaque.example"}},
			{To: []string{"carol@x.example"}, Form: FormPlain},
			{To: []string{"dave@x.example"}, Encrypt: EncryptIfPossible},
			{To: []string{"*@x.example"}, Form: FormOpaque},
		}
	})
	for rcpt, want := range map[string]string{
		"bob@opaque.example": "clear never", "eve@opaque.example": "opaque never", "carol@x.example": "no never", "CAROL@x.example": "opaque never",
		"dave@x.example": "clear if-possible", "DAVE@x.example": "clear if-possible", "eve@x.example": "opaque never", "x@y.example": "clear never",
		"nonsense": "clear if-possible", "robot@plain.example": "no never",
	} {
		if w := s.wayTo(rcpt, FormClear); string(w.form)+" "+string(w.encrypt) != want {
			t.Errorf("%s: %v, want %s", rcpt, w, want)
		}
		if w := s.wayTo(rcpt, FormPlain); w.form != FormPlain {
			t.Errorf("%s: %v, though nothing is to be signed", rcpt, w)
		}
	}
}

// newKey is the key of nobody in the tests.
func newKey(tb testing.TB) crypto.PublicKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key.Public()
}

// encryptedFor is a message from alice that is encrypted already.
func encryptedFor(tb testing.TB, key crypto.PublicKey) string {
	tb.Helper()
	m := read(tb, "From: alice@example.org\r\n\r\nhi\r\n")
	edit, err := smime.Encrypt(tb.Context(), m, smime.EncryptOptions{Recipients: []enveloped.Recipient{{Key: key}}})
	if err != nil {
		tb.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err = m.WriteEdited(&out, edit); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}
