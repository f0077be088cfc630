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
	// For names the identities whose keys open mail for an address: who gets the message decrypted
	// must be able to open it. What he gets is the message that was encrypted, with the signature
	// in it. None: he gets it as it came. Nil: so does everybody.
	For func(message.Address) []string
	// Keys are those of identities that For named, when a message comes.
	Keys func(names []string) []enveloped.Key
	// Keep is called with a message as it came before it is delivered decrypted; nil: nothing is
	// kept of it. Its error is trouble of this machine.
	Keep func(ctx context.Context, m *message.Message) error
}

// readers are recipients whose mail the keys of the same identities open.
type readers struct {
	names []string // none: they get it as it came
	rcpt  []string
}

// readers groups the recipients of an encrypted message; nil where all get it as it came. Where
// there can be only one form, all must get it decrypted.
func (r *Receiver) readers(m *message.Message, env *message.Envelope) (found []readers) {
	if env == nil || r.opts.Observe || r.opts.Deliver.For == nil || smime.Secured(m) != smime.SMIMEEncrypted {
		return nil
	}
	opens := false
	for _, rcpt := range env.Rcpt {
		var names []string
		if address, err := message.ParseAddress(rcpt); err == nil {
			names = r.opts.Deliver.For(address)
		}
		opens = opens || len(names) > 0
		if len(names) == 0 && env.OneForm {
			return nil
		}
		at := slices.IndexFunc(found, func(g readers) bool { return slices.Equal(g.names, names) })
		if at < 0 {
			at, found = len(found), append(found, readers{names: names})
		}
		found[at].rcpt = append(found[at].rcpt, rcpt)
	}
	if !opens {
		return nil
	}
	return found
}

// with is r with other keys.
func (r *Receiver) with(keys []enveloped.Key) *Receiver {
	other := *r
	other.opts.Decrypt.Keys = keys
	return &other
}

// form is what some recipients get.
type form struct {
	readers
	out    *message.Outcome
	opened bool
}

// handleDecrypted is Handle for a message that some recipients may get decrypted, each by keys of
// his own: who has only the ciphertext of others' mail cannot have it opened for himself.
func (r *Receiver) handleDecrypted(ctx context.Context, m *message.Message, env *message.Envelope, all []readers) *message.Outcome {
	var forms []form
	for _, g := range all {
		f := form{readers: g}
		var keys []enveloped.Key
		if len(g.names) > 0 {
			keys = r.opts.Deliver.Keys(g.names)
		}
		reader := r.with(keys)
		if f.out = reader.handle(ctx, m, env); len(keys) > 0 && delivers(f.out) {
			f.out, f.opened = reader.open(ctx, m, f.out)
		}
		forms = append(forms, f)
		if !delivers(f.out) {
			break // it decides for all
		}
	}
	last := forms[len(forms)-1]
	switch {
	case !delivers(last.out):
	case env.OneForm && len(forms) > 1 && slices.ContainsFunc(forms, func(f form) bool { return !f.opened }):
		closeAll(forms)
		return r.with(nil).handle(ctx, m, env) // not all can read the one form that there is
	case r.opts.Deliver.Keep != nil && slices.ContainsFunc(forms, func(f form) bool { return f.opened }):
		if err := r.opts.Deliver.Keep(ctx, m); err != nil {
			closeAll(forms)
			return r.undone(m, err)
		}
	}
	return combined(forms, env.OneForm)
}

func closeAll(forms []form) {
	for _, f := range forms {
		_ = f.out.Close() // files that are unlinked already
	}
}

// combined is the one outcome of all forms. The strictest action counts for all. What recipients
// get who are in no form is never decrypted where there is one that is not.
func combined(forms []form, oneForm bool) *message.Outcome {
	main := 0
	for i, f := range forms {
		chosen := forms[main]
		switch {
		case !delivers(chosen.out):
		case !delivers(f.out), chosen.opened && !f.opened && !oneForm:
			main = i
		}
	}
	out := forms[main].out
	for i, f := range forms {
		switch {
		case i == main:
		case !delivers(out) || oneForm:
			out.Action = stricter(out.Action, f.out.Action)
			_ = f.out.Close()
		default:
			out.Action = stricter(out.Action, f.out.Action)
			out.Forms = append(out.Forms, message.Form{Rcpt: f.rcpt, Edit: f.out.Edit})
			out.Attrs = append(out.Attrs, f.attr())
		}
	}
	return out
}

// attr is a form for the log.
func (f form) attr() slog.Attr {
	name := "sealed"
	if f.opened {
		name = "decrypted"
	}
	return slog.Group(name, slog.String("verdict", f.out.Result), slog.Int("recipients", len(f.rcpt)))
}

func delivers(out *message.Outcome) bool {
	return out.Action == message.Accept || out.Action == message.Quarantine
}

// open adds the decryption to an outcome, and reports whether it did. A message that cannot be
// opened is delivered as it is.
func (r *Receiver) open(ctx context.Context, m *message.Message, out *message.Outcome) (*message.Outcome, bool) {
	clear, err := smime.Decrypt(ctx, m, r.opts.Decrypt)
	switch {
	case err != nil && ctx.Err() == nil:
		out.Attrs = append(out.Attrs, slog.String("not_decrypted", reasonOf(err)))
		return out, false
	case err != nil:
		return r.undone(m, errors.Join(err, out.Close())), false
	}
	out.Edit.Changes = append(clear.Edit.Changes, out.Edit.Changes...)
	out.Edit.Body = clear.Edit.Body
	for _, e := range clear.Encryptions {
		out.Attrs = append(out.Attrs, slog.String("decrypted", string(e.Content.Cipher)))
	}
	return out, true
}

// undone is the outcome where this machine is in trouble.
func (r *Receiver) undone(m *message.Message, err error) *message.Outcome {
	report := reportOn(m)
	report.conclude(finding{TempError, CodeInternalError, fmt.Sprintf("the message was not decrypted: %v", err)})
	return r.outcome(m, report)
}
