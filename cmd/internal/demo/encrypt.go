package demo

import (
	"bytes"
	"context"
	"path/filepath"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/sender/identity/decryption"
	"dnseal/sender/recipient"
	"dnseal/smime"
	"dnseal/smime/message"
)

// encrypt signs the message and encrypts it to the reader's key, which his record holds; then it is
// opened by the reader, and by nobody else.
func (d *demo) encrypt(ctx context.Context) error {
	d.title("In confidence: encrypted to the key that the DNS has for %s", d.reader())
	group, err := d.seek(ctx)
	if err != nil {
		return err
	}
	text, err := d.enclose(ctx, group)
	if err != nil {
		return err
	}
	if text, err = d.carry(ctx, text); err != nil {
		return err
	}
	if err = d.file("7-encrypted.eml", text); err != nil {
		return err
	}
	d.note("outside  Subject: %s, %d bytes of %s", headerOf(text, "Subject"), len(text), group.Cipher)
	keys, err := decryption.Load(identity.Loader{}, filepath.Join(d.dir, "identities"), d.reader())
	if err != nil {
		return err
	}
	closed, err := d.verify(ctx, text)
	if err != nil {
		return err
	}
	d.must(closed.Verdict == receiver.None && closed.Code == "encrypted", "%-35s %s, %s", "by a relay, which has no key", closed.Verdict, closed.Code)
	opened, err := d.verify(ctx, text, decryption.Enveloped(keys)...)
	if err != nil {
		return err
	}
	d.must(opened.Verdict == receiver.Pass, "%-35s %s: %s", "by the reader, with his key", opened.Verdict, cli.Printable(opened.ProtectedSubject))
	at := len(text) - len(text)/4
	changed := bytes.Clone(text)
	for changed[at] < 'a' || changed[at] > 'z' {
		at++
	}
	changed[at] ^= 0x20
	refused, err := d.verify(ctx, changed, decryption.Enveloped(keys)...)
	if err != nil {
		return err
	}
	d.must(refused.Verdict == receiver.None && refused.Code == "encrypted", "%-35s %s, nothing of it is opened", "one byte changed on the way", refused.Verdict)
	return nil
}

// seek finds the reader's key in the DNS, and none for a name without a record.
func (d *demo) seek(ctx context.Context) (recipient.Group, error) {
	client, err := d.client(10 * time.Second)
	if err != nil {
		return recipient.Group{}, err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	opts := recipient.Options{Lookup: client, Profile: recipient.Modern}
	found := recipient.Find(ctx, []string{d.reader(), "nobody@example.net"}, opts)
	groups, err := recipient.Plan(found[:1], nil, recipient.PlanOptions{Profile: recipient.Modern})
	if err != nil {
		return recipient.Group{}, err
	}
	missing := found[1].Err
	d.must(missing != nil && !missing.Temporary, "%-35s refused: no record, proven", "to nobody@example.net")
	return groups[0], nil
}

// enclose signs the message and encrypts it for the group.
func (d *demo) enclose(ctx context.Context, group recipient.Group) ([]byte, error) {
	m, err := message.Read(bytes.NewReader(d.text), message.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	edit, err := sender.SignMessage(ctx, m, []*identity.Identity{d.alice}, smime.SignOptions{
		Time: time.Now(), Encrypt: &smime.EncryptOptions{Recipients: group.Recipients, Cipher: group.Cipher},
	})
	if err != nil {
		return nil, err
	}
	return edited(m, edit)
}
