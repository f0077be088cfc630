package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// shipMaxAge is how old the DNSSEC signatures over a record may be on board.
const shipMaxAge = 7 * 24 * time.Hour

// ship has a message verified where there is no DNS: it is carried in files, with the DNSSEC chain
// of its signer's record.
func (d *demo) ship(ctx context.Context) error {
	d.title("A ship without DNS: the message brings its DNSSEC chain, in a file")
	text, err := d.staple(ctx)
	if err != nil {
		return err
	}
	if text, err = d.carry(ctx, text); err != nil {
		return err
	}
	if err = os.WriteFile(d.shipped(), text, 0o600); err != nil {
		return err
	}
	d.note("carried in a file by two hops that change it; nothing is asked on board")
	if err = d.onBoard(ctx, "on board", 0, receiver.Pass, ""); err != nil {
		return err
	}
	if err = d.provision(ctx, provision.ToRevoke("", time.Now()), d.from); err != nil {
		return err
	}
	ashore, err := d.verify(ctx, text)
	if err != nil {
		return err
	}
	d.must(ashore.Verdict == receiver.Fail, "%-35s %s, %s", "the record withdrawn: ashore", ashore.Verdict, ashore.Code)
	if err := d.onBoard(ctx, "on board, which cannot know yet", 0, receiver.Pass, ""); err != nil {
		return err
	}
	if err := d.onBoard(ctx, "on board after --max-age 7d", shipMaxAge, receiver.TempError, "staple-too-old"); err != nil {
		return err
	}
	return d.provision(ctx, provision.ToPublish(provision.PublishOptions{}), d.from)
}

// shipped is the file that is carried.
func (d *demo) shipped() string { return filepath.Join(d.dir, "6-for-the-ship.eml") }

// staple signs the message with the chain of the signer's record.
func (d *demo) staple(ctx context.Context) ([]byte, error) {
	m, err := message.Read(bytes.NewReader(d.text), message.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	ashore, err := d.client(10 * time.Second)
	if err != nil {
		return nil, err
	}
	defer ashore.Close() //nolint:errcheck // nothing is lost
	attribute, err := sender.Staple(ctx, ashore, d.alice, dnssec.Limits{}, time.Now())
	if err != nil {
		return nil, err
	}
	edit, err := sender.SignMessage(ctx, m, []*identity.Identity{d.alice}, smime.SignOptions{Time: time.Now(), Unsigned: [][]cms.Attribute{{attribute}}})
	if err != nil {
		return nil, err
	}
	d.note("staple  %d bytes: the record and the keys of its zones, up to the root", len(attribute.Value))
	return edited(m, edit)
}

// carry takes a message through the store-and-forward systems, as a file.
func (d *demo) carry(ctx context.Context, text []byte) ([]byte, error) {
	for _, h := range d.post.hops {
		m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
		if err != nil {
			return nil, err
		}
		text, err = edited(m, h.Handle(ctx, m, &message.Envelope{}).Edit)
		if err = errors.Join(err, m.Close()); err != nil {
			return nil, err
		}
	}
	return text, nil
}

// edited is the text of m with the edit, which it closes.
func edited(m *message.Message, edit *message.Edit) ([]byte, error) {
	defer edit.Close() //nolint:errcheck // an unlinked file
	var out bytes.Buffer
	_, err := m.WriteEdited(&out, edit)
	return out.Bytes(), err
}

// onBoard verifies the file without a resolver, some time later.
func (d *demo) onBoard(ctx context.Context, what string, later time.Duration, verdict receiver.Verdict, code receiver.Code) error {
	anchors, err := config.ReadAnchors(filepath.Join(d.dir, "root.anchor"))
	if err != nil {
		return err
	}
	r, err := receiver.New(receiver.Options{
		Offline: &receiver.Offline{Validator: &dnssec.Validator{Anchors: anchors}, MaxAge: shipMaxAge},
		Now:     func() time.Time { return time.Now().Add(later) },
	})
	if err != nil {
		return err
	}
	file, err := os.Open(d.shipped())
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read from
	m, err := message.Read(file, message.ReadOptions{})
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	report, err := r.Verify(ctx, m)
	if err != nil {
		return err
	}
	word := string(report.Code)
	if report.Verdict == receiver.Pass {
		word = "by the chain it brought"
	}
	d.must(report.Verdict == verdict && report.Code == code, "%-35s %s, %s", what, report.Verdict, word)
	return nil
}
