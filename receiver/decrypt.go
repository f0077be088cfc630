package receiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"dnseal/smime"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// Decryption says what an entry point delivers decrypted. The zero value is nothing.
type Decryption struct {
	// For says who gets mail decrypted, where there is a key for it: what he gets is the
	// message that was encrypted, with the signature in it. Nil: nobody.
	For func(message.Address) bool
	// Keys are those at hand when a message comes, in addition to Options.Decrypt.Keys; nil: there
	// are no others. It is called from several goroutines.
	Keys func() []enveloped.Key
	// Keep is called with a message as it came before it is delivered decrypted; nil: nothing is
	// kept of it. Its error is trouble of this machine.
	Keep func(ctx context.Context, m *message.Message) error
}

// unlocked is r with the keys at hand now; nil where nothing is to be opened.
func (r *Receiver) unlocked(m *message.Message, env *message.Envelope) *Receiver {
	if env == nil || r.opts.Observe || r.opts.Deliver.For == nil || smime.Secured(m) != smime.SMIMEEncrypted {
		return nil
	}
	with := *r
	if r.opts.Deliver.Keys != nil {
		with.opts.Decrypt.Keys = slices.Concat(r.opts.Decrypt.Keys, r.opts.Deliver.Keys())
	}
	if len(with.opts.Decrypt.Keys) == 0 {
		return nil
	}
	return &with
}

// recipients splits those of a message into who gets it decrypted and who does not. Where there can
// be only one form, all must get it decrypted.
func (r *Receiver) recipients(env *message.Envelope) (decrypted, sealed []string) {
	for _, rcpt := range env.Rcpt {
		if r.decryptsFor(rcpt) {
			decrypted = append(decrypted, rcpt)
		} else {
			sealed = append(sealed, rcpt)
		}
	}
	if env.OneForm && len(sealed) > 0 {
		return nil, nil
	}
	return decrypted, sealed
}

func (r *Receiver) decryptsFor(rcpt string) bool {
	address, err := message.ParseAddress(rcpt)
	return err == nil && r.opts.Deliver.For(address)
}

// locked is r without keys.
func (r *Receiver) locked() *Receiver {
	if len(r.opts.Decrypt.Keys) == 0 {
		return r
	}
	without := *r
	without.opts.Decrypt = smime.DecryptOptions{}
	return &without
}

// handleDecrypted is Handle for a message that some recipients get decrypted: they get one form,
// all others the message as it came, with the verdict on what can be seen of that.
func (r *Receiver) handleDecrypted(ctx context.Context, m *message.Message, env *message.Envelope, decrypted, sealed []string) *message.Outcome {
	out := r.handle(ctx, m, env)
	if delivers(out) {
		out = r.open(ctx, m, out)
	}
	if len(sealed) == 0 {
		return out
	}
	rest := r.locked().handle(ctx, m, env)
	if action := stricter(out.Action, rest.Action); action != rest.Action || !delivers(out) {
		_ = rest.Close() // only the stricter decision counts
		return out
	}
	if !delivers(rest) {
		_ = out.Close()
		return rest
	}
	rest.Forms = []message.Form{{Rcpt: decrypted, Edit: out.Edit}}
	rest.Attrs = append(rest.Attrs, slog.Group("decrypted", slog.String("verdict", out.Result), slog.Int("recipients", len(decrypted))))
	return rest
}

func delivers(out *message.Outcome) bool {
	return out.Action == message.Accept || out.Action == message.Quarantine
}

// open adds the decryption to an outcome. A message that cannot be opened is delivered as it is.
func (r *Receiver) open(ctx context.Context, m *message.Message, out *message.Outcome) *message.Outcome {
	clear, err := smime.Decrypt(ctx, m, r.opts.Decrypt)
	switch {
	case err != nil && ctx.Err() == nil:
		out.Attrs = append(out.Attrs, slog.String("not_decrypted", reasonOf(err)))
		return out
	case err == nil && r.opts.Deliver.Keep != nil:
		err = r.opts.Deliver.Keep(ctx, m)
	}
	if err != nil {
		return r.undone(m, errors.Join(err, out.Close()))
	}
	out.Edit.Changes = append(clear.Edit.Changes, out.Edit.Changes...)
	out.Edit.Body = clear.Edit.Body
	for _, e := range clear.Encryptions {
		out.Attrs = append(out.Attrs, slog.String("decrypted", string(e.Content.Cipher)))
	}
	return out
}

// undone is the outcome where this machine is in trouble.
func (r *Receiver) undone(m *message.Message, err error) *message.Outcome {
	report := reportOn(m)
	report.conclude(finding{TempError, CodeInternalError, fmt.Sprintf("the message was not decrypted: %v", err)})
	return r.outcome(m, report)
}
