package sender

import (
	"context"
	"errors"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/internal/edits"
	"dnseal/sender/signing"
	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// forms makes the forms of one message.
type forms struct {
	opts        *Options
	m, prepared *message.Message // as it came, and with all its fields
	pre         *message.Edit    // what makes the one of the other
	now         time.Time

	// For those that are signed.
	id       *identity.Identity
	rule     *rule
	unsigned [][]cms.Attribute
	results  []smime.SignResult
}

// close releases the message that was prepared.
func (fs *forms) close() {
	if fs.prepared != fs.m {
		edits.Release(fs.prepared)
	}
}

// all is the outcome with the form of every group.
func (fs *forms) all(ctx context.Context, gs []Recipients) (*message.Outcome, error) {
	out := &message.Outcome{Action: message.Accept}
	for i, g := range gs {
		edit, err := fs.edit(ctx, g)
		if err != nil {
			return nil, errors.Join(err, out.Close())
		}
		if i == 0 {
			out.Edit = edit
		} else {
			out.Forms = append(out.Forms, message.Form{Rcpt: g.Rcpt, Edit: edit})
		}
	}
	return out, nil
}

// edit returns the edit of m that gives one group its form.
func (fs *forms) edit(ctx context.Context, g Recipients) (*message.Edit, error) {
	var encrypt *smime.EncryptOptions
	if e := g.Encryption; e != nil {
		encrypt = &smime.EncryptOptions{Recipients: e.Recipients, Cipher: e.Cipher, NoHeaderProtection: fs.opts.NoHeaderProtection, Memory: fs.opts.Memory}
	}
	if g.Form == FormPlain && encrypt == nil {
		return fs.pre, nil
	}
	edit, err := fs.secure(ctx, g.Form, encrypt)
	if err != nil {
		return nil, err
	}
	return edits.Compose(fs.m, fs.pre, edit), nil
}

// secure signs, encrypts, or does both.
func (fs *forms) secure(ctx context.Context, f Form, encrypt *smime.EncryptOptions) (*message.Edit, error) {
	if f == FormPlain {
		return smime.Encrypt(ctx, fs.prepared, *encrypt)
	}
	return fs.sign(ctx, f, encrypt)
}

// sign signs one form, and encrypts what it signed where encrypt is not nil.
func (fs *forms) sign(ctx context.Context, f Form, encrypt *smime.EncryptOptions) (*message.Edit, error) {
	var result smime.SignResult
	edit, err := signing.Prepared(ctx, fs.prepared, []*identity.Identity{fs.id}, smime.SignOptions{
		Time: fs.now, Opaque: f == FormOpaque, NoHeaderProtection: fs.opts.NoHeaderProtection, FullSelfCheck: fs.opts.FullSelfCheck,
		RefuseOpaque: fs.rule.refuseOpaque && f != FormOpaque, Again: fs.rule.again, Unsigned: fs.unsigned, Result: &result, Encrypt: encrypt,
	})
	if err == nil {
		fs.results = append(fs.results, result)
	}
	return edit, err
}
