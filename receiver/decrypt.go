package receiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"dnseal/smime"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// Decryption says what an entry point delivers decrypted. The zero value is nothing.
type Decryption struct {
	// For names the identities whose keys open mail for an address: who gets the message decrypted
	// must be able to open it. What he gets is the message that was encrypted, with the signature
	// in it. None: he gets it as it came. Nil: so does everybody.
	For func(message.Address) []string
	// Keys are those of an identity that For named, when a message comes.
	Keys func(name string) []enveloped.Key
	// Keep is called with a message as it came before it is delivered decrypted; nil: nothing is
	// kept of it. Its error is trouble of this machine.
	Keep func(ctx context.Context, m *message.Message) error
}

// openers are the keys that may open a message, and for whom.
type openers struct {
	keys   []enveloped.Key
	owners []string            // the identity of each key
	names  map[string][]string // the identities whose keys open mail for a recipient
}

// openers are those of the recipients of an encrypted message; without keys all get it as it came.
func (r *Receiver) openers(m *message.Message, env *message.Envelope) openers {
	o := openers{names: map[string][]string{}}
	if env == nil || r.opts.Observe || r.opts.Deliver.For == nil || smime.Secured(m) != smime.SMIMEEncrypted {
		return o
	}
	for _, rcpt := range env.Rcpt {
		address, err := message.ParseAddress(rcpt)
		if err != nil {
			continue
		}
		o.names[rcpt] = r.opts.Deliver.For(address)
		for _, name := range o.names[rcpt] {
			if !slices.Contains(o.owners, name) {
				o.add(name, r.opts.Deliver.Keys(name))
			}
		}
	}
	return o
}

func (o *openers) add(owner string, keys []enveloped.Key) {
	for _, k := range keys {
		o.keys, o.owners = append(o.keys, k), append(o.owners, owner)
	}
}

// open reports whether a key of the recipient's own opens each layer: who has only the ciphertext
// of others' mail cannot have it opened for himself.
func (o *openers) open(rcpt string, layers []*smime.Encryption) bool {
	return !slices.ContainsFunc(layers, func(e *smime.Encryption) bool {
		return !slices.ContainsFunc(e.Content.Keys, func(i int) bool { return slices.Contains(o.names[rcpt], o.owners[i]) })
	})
}

// readers splits recipients into those who can open all layers, and the others.
func (o *openers) readers(rcpt []string, layers []*smime.Encryption) (readers, others []string) {
	for _, to := range rcpt {
		if o.open(to, layers) {
			readers = append(readers, to)
		} else {
			others = append(others, to)
		}
	}
	return readers, others
}

// with is r with other keys, of which it finds all that open a message.
func (r *Receiver) with(keys []enveloped.Key) *Receiver {
	other := *r
	other.opts.Decrypt.Keys, other.opts.Decrypt.EveryKey = keys, true
	return &other
}

// handleDecrypted is Handle for a message that some recipients may get decrypted. It is opened once
// for all of them.
func (r *Receiver) handleDecrypted(ctx context.Context, m *message.Message, env *message.Envelope, o openers) *message.Outcome {
	reader := r.with(o.keys)
	out := reader.handle(ctx, m, env)
	if !delivers(out) {
		return out
	}
	clear, err := smime.Decrypt(ctx, m, reader.opts.Decrypt)
	if err != nil {
		return r.unopened(ctx, m, env, errors.Join(err, out.Close()))
	}
	readers, others := o.readers(env.Rcpt, clear.Encryptions)
	replaceBody(out, clear)
	if len(others) > 0 {
		sealed := r.with(nil).handle(ctx, m, env)
		if !delivers(sealed) || len(readers) == 0 || env.OneForm {
			_ = out.Close() // files that are unlinked already
			sealed.Attrs = append(sealed.Attrs, slog.String("not_decrypted", "not all recipients can open it"))
			return sealed
		}
		out = besideSealed(sealed, out, readers)
	}
	if r.opts.Deliver.Keep != nil {
		if err = r.opts.Deliver.Keep(ctx, m); err != nil {
			return r.undone(m, errors.Join(err, out.Close()))
		}
	}
	return out
}

// unopened is the outcome where err kept a message from being opened: it is delivered as it came,
// unless there was no time.
func (r *Receiver) unopened(ctx context.Context, m *message.Message, env *message.Envelope, err error) *message.Outcome {
	if ctx.Err() != nil {
		return r.undone(m, err)
	}
	out := r.with(nil).handle(ctx, m, env)
	out.Attrs = append(out.Attrs, slog.String("not_decrypted", reasonOf(err)))
	return out
}

// replaceBody adds the decryption to an outcome.
func replaceBody(out *message.Outcome, clear *smime.Decrypted) {
	out.Edit.Changes = append(clear.Edit.Changes, out.Edit.Changes...)
	out.Edit.Body = clear.Edit.Body
	var ciphers []string
	for _, e := range clear.Encryptions {
		ciphers = append(ciphers, string(e.Content.Cipher))
	}
	out.Attrs = append(out.Attrs, slog.String("decrypted", strings.Join(ciphers, ",")))
}

// besideSealed is the outcome where readers get the message decrypted and all others as it came.
// The stricter action counts for all.
func besideSealed(sealed, clear *message.Outcome, readers []string) *message.Outcome {
	sealed.Action = stricter(sealed.Action, clear.Action)
	sealed.Forms = append(sealed.Forms, message.Form{Rcpt: readers, Edit: clear.Edit})
	sealed.Attrs = append(sealed.Attrs, slog.String("decrypted_verdict", clear.Result), slog.Int("decrypted_recipients", len(readers)))
	return sealed
}

func delivers(out *message.Outcome) bool {
	return out.Action == message.Accept || out.Action == message.Quarantine
}

// undone is the outcome where this machine is in trouble.
func (r *Receiver) undone(m *message.Message, err error) *message.Outcome {
	report := reportOn(m)
	report.conclude(finding{TempError, CodeInternalError, fmt.Sprintf("the message was not decrypted: %v", err)})
	return r.outcome(m, report)
}
