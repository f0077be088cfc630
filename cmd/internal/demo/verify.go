package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
	"dnseal/smime"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// verify is the receiving agent: a new one each time, without a cache; with keys it opens mail.
func (d *demo) verify(ctx context.Context, text []byte, keys ...enveloped.Key) (*receiver.Report, error) {
	client, err := d.client(silence)
	if err != nil {
		return nil, err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	r, err := receiver.New(receiver.Options{Lookup: client, Decrypt: smime.DecryptOptions{Keys: keys}, Domains: []receiver.Domain{{
		Names:   []string{"example.net"},
		Devices: map[string][]string{"*._device.example.net": {"alerts@example.net"}},
	}}})
	if err != nil {
		return nil, err
	}
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	return r.Verify(ctx, m)
}

// arrive verifies what came to the mailbox, and draws the chain.
func (d *demo) arrive(ctx context.Context) error {
	d.title("At the far end: verified from the root of the DNS to the signature")
	report, err := d.verify(ctx, d.boxed)
	if err != nil {
		return err
	}
	out := indented{d.out}
	if err := (receiver.TextStyle{Width: 80 - 3}).Write(out, report); err != nil {
		return err
	}
	if res := lookupOf(report); res != nil {
		cli.Print(d.out, "")
		if err := res.WriteTree(out, time.Now(), 80); err != nil {
			return err
		}
		cli.Print(d.out, "")
	}
	d.must(report.Verdict == receiver.Pass, "%s: the record matches the key that signed, and the name in From", report.Verdict)
	return nil
}

func lookupOf(r *receiver.Report) *lookup.Result {
	for _, s := range r.Signatures {
		if s.Lookup != nil {
			return s.Lookup
		}
	}
	return nil
}

// device sends the device's report the same way: its identity is no mail address, and a rule binds
// it to one.
func (d *demo) device(ctx context.Context) error {
	d.title("A device reports by mail, signed with its own key")
	mail, err := d.reportBy(ctx)
	if err != nil {
		return err
	}
	if err = d.file("3-device.eml", mail); err != nil {
		return err
	}
	d.reported = mail
	report, err := d.verify(ctx, mail)
	if err != nil {
		return err
	}
	d.note("signed by %s, From %s", demoDevice, report.From)
	d.must(report.Verdict == receiver.Pass && report.Signatures[0].Binding == receiver.BindingRule, "pass: the receiver's rule permits this device this From")
	return nil
}

// reportBy hands in the device's report, and returns it as it arrived.
func (d *demo) reportBy(ctx context.Context) ([]byte, error) {
	m, err := message.Read(bytes.NewReader(demoDeviceMessage), message.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	var text bytes.Buffer
	if _, err = m.WriteEdited(&text, nil); err != nil {
		return nil, err
	}
	if _, err = d.post.submit(ctx, "alerts@example.net", text.Bytes()); err != nil {
		return nil, err
	}
	return d.post.mailbox.Wait(10 * time.Second)
}

// trial is one thing that must not pass.
type trial struct {
	what    string
	file    string
	verdict receiver.Verdict
	code    receiver.Code
	// prepare changes the world and returns the message; mend undoes that.
	prepare func(context.Context) ([]byte, error)
	mend    func() error
}

func (d *demo) mustNotPass(ctx context.Context) error {
	d.title("Five things that must not pass")
	nothing := func() error { return nil }
	arrived := func(change func() error) func(context.Context) ([]byte, error) {
		return func(context.Context) ([]byte, error) { return d.boxed, change() }
	}
	withdraw := func() error { return d.provision(ctx, provision.ToRevoke("", time.Now()), d.from) }
	restore := func() error { return d.provision(ctx, provision.ToPublish(provision.PublishOptions{}), d.from) }
	mended := func() error { return d.dns.SetBreak(d.domain(), "") }
	for _, t := range []trial{
		{"one byte changed on the way", "4-changed.eml", receiver.Fail, "bad-digest", d.changedOnTheWay, nothing},
		{"the record withdrawn (revoked)", "", receiver.Fail, "revoked-or-unpublished", arrived(withdraw), restore},
		{"the zone made bogus", "", receiver.TempError, "bogus", arrived(func() error { return d.dns.SetBreak(d.domain(), lookuptest.WrongSignature) }), mended},
		{"another's signature under this From", "5-other-person.eml", receiver.Policy, "from-mismatch", d.otherPerson, nothing},
		{"the name server silent", "", receiver.TempError, "timeout", arrived(func() error { return d.dns.SetBreak(d.domain(), lookuptest.Slow) }), mended},
	} {
		if err := d.try(ctx, t); err != nil {
			return fmt.Errorf("%s: %w", t.what, err)
		}
	}
	return nil
}

func (d *demo) try(ctx context.Context, t trial) error {
	text, err := t.prepare(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	report, err := d.verify(ctx, text)
	if err != nil {
		return err
	}
	took := time.Since(start)
	if t.file != "" {
		if err := d.file(t.file, text); err != nil {
			return err
		}
	}
	ok := report.Verdict == t.verdict && report.Code == t.code && took < 3*silence
	d.must(ok, "%-35s %s, %s (%d ms)", t.what, report.Verdict, report.Code, took.Milliseconds())
	return t.mend()
}

// changedOnTheWay sends the message again through a hop that changes one letter of it.
func (d *demo) changedOnTheWay(ctx context.Context) ([]byte, error) {
	h := d.post.hops[0]
	h.onWay = changeOneLetter
	defer func() { h.onWay = nil }()
	if _, err := d.post.submit(ctx, d.from, d.text); err != nil {
		return nil, err
	}
	return d.post.mailbox.Wait(10 * time.Second)
}

// changeOneLetter changes the case of the first letter of the text of the first part.
func changeOneLetter(body []byte) []byte {
	body = bytes.Clone(body)
	at, header, text := 0, false, false
	for line := range bytes.Lines(body) {
		switch {
		case bytes.HasPrefix(line, []byte("--")):
			header = true
		case header && len(bytes.TrimSpace(line)) == 0:
			header, text = false, true
		case text && !header:
			if i := bytes.IndexFunc(line, isLetter); i >= 0 {
				body[at+i] ^= 0x20
				return body
			}
		}
		at += len(line)
	}
	return body
}

func isLetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }

// otherPerson signs the message, From unchanged, with a key that is published and valid, but for
// another address.
func (d *demo) otherPerson(ctx context.Context) ([]byte, error) {
	m, err := message.Read(bytes.NewReader(d.text), message.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	eve, err := identity.Load(filepath.Join(d.dir, "identities"), d.stranger())
	if err != nil {
		return nil, err
	}
	edit, err := sender.SignMessage(ctx, m, []*identity.Identity{eve}, smime.SignOptions{Time: time.Now()})
	if err != nil {
		return nil, err
	}
	return edited(m, edit)
}

// longHex is a digest; the demo shows only how it begins.
var longHex = regexp.MustCompile(`([0-9a-f]{8})[0-9a-f]{32,}`)

// indented writes every line three columns further right, as the demo's steps are, with digests cut
// short.
type indented struct{ w io.Writer }

func (i indented) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		indent := "   "
		if len(bytes.TrimSpace(line)) == 0 {
			indent = ""
		}
		if _, err := io.WriteString(i.w, indent+longHex.ReplaceAllString(string(line), "$1…")); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
