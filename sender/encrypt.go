package sender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"dnseal/lookup/dnssec"
	"dnseal/sender/recipient"
	"dnseal/smime"
	"dnseal/smime/message"
)

// addressee is a recipient, the way to him, and what is known of his keys.
type addressee struct {
	rcpt string
	way  way
	// found is nil where nothing is encrypted to him.
	found *recipient.Found
}

// addressees looks up the keys of all recipients to whom is encrypted, together.
func (s *Sender) addressees(ctx context.Context, rcpt []string, main Form) []addressee {
	out := make([]addressee, len(rcpt))
	together := map[way][]int{}
	for i, r := range rcpt {
		w := s.wayTo(r, main)
		out[i] = addressee{rcpt: r, way: w}
		if w.encrypt != EncryptNever {
			w.form = FormDefault // it does not matter for keys
			together[w] = append(together[w], i)
		}
	}
	ctx = dnssec.WithBudget(ctx, recipient.NewBudget(s.opts.Limits, len(rcpt)))
	for w, places := range together {
		var addresses []string
		for _, i := range places {
			addresses = append(addresses, rcpt[i])
		}
		found := recipient.Find(ctx, addresses, recipient.Options{
			// A recipient who published his key a minute ago is not refused for our cache.
			Lookup: s.opts.RecipientKeys, Profile: w.profile, Fresh: w.encrypt == EncryptRequire, Roots: s.opts.PKIXRoots, Now: s.opts.Now,
		})
		for n, i := range places {
			out[i].found = found[n]
		}
	}
	return out
}

// refusal is why a recipient cannot get the message, nil where he can.
func (a addressee) refusal() *recipient.Error {
	if a.found == nil || a.found.Err == nil || a.way.encrypt == EncryptIfPossible && a.found.Err.Absent {
		return nil
	}
	return a.found.Err
}

// encrypted reports whether he gets it encrypted.
func (a addressee) encrypted() bool { return a.found != nil && a.found.Err == nil }

// CheckRecipients implements [message.RecipientChecker]: a recipient is refused, or deferred, to
// whom the message would have to be encrypted and cannot be.
func (s *Sender) CheckRecipients(ctx context.Context, rcpt []string, _ *message.Envelope) []*message.Outcome {
	out := make([]*message.Outcome, len(rcpt))
	if s.opts.Observe || !s.encrypts(rcpt) {
		return out
	}
	for i, a := range s.addressees(ctx, rcpt, FormPlain) {
		if err := a.refusal(); err != nil {
			out[i] = notEncrypted(err)
			out[i].Attrs = notEncryptedAttrs(err)
		}
	}
	return out
}

// maxEncryptions bounds the encryptions of one message: each hidden recipient has one of his own.
const maxEncryptions = 100

// split groups the recipients by what they get: each group one form or encryption. The outcome says
// that one of them cannot get the message; nil where all can.
func (h *handling) split(ctx context.Context, main Form) ([]Recipients, *message.Outcome) {
	as := h.addressees(ctx, h.env.Rcpt, main)
	if err := worst(as); err != nil {
		return nil, h.refuse(err)
	}
	gs, err := h.groups(as, main)
	if err == nil && h.env.OneForm && len(gs) > 1 {
		gs, err = h.oneForm(as, gs)
	}
	if err != nil {
		return nil, h.refuse(err)
	}
	h.why.InClear = inClear(as, gs)
	h.routing = encryptionAttrs(h.why.InClear, gs)
	return gs, nil
}

// worst is why one of the recipients cannot get the message: what trying again does not cure
// first.
func worst(as []addressee) (out *recipient.Error) {
	for _, a := range as {
		if err := a.refusal(); err != nil && (out == nil || out.Temporary && !err.Temporary) {
			out = err
		}
	}
	return out
}

// groups are the encryptions, then the forms for recipients in clear. The first is what an entry
// point gives recipients that it finds in none. Without recipients there is one group, of the form
// main.
func (h *handling) groups(as []addressee, main Form) ([]Recipients, *recipient.Error) {
	out, err := h.encryptions(as)
	if err != nil {
		return nil, err
	}
	var clear []Recipients
	for _, a := range as {
		if !a.encrypted() {
			clear = addTo(clear, a.way.form, a.rcpt)
		}
	}
	if out = append(out, clear...); len(out) == 0 {
		out = []Recipients{{Form: main}}
	}
	return out, nil
}

// encryptions plans those for all to whom is encrypted.
func (h *handling) encryptions(as []addressee) (out []Recipients, refused *recipient.Error) {
	shown := shownRecipients(h.m)
	type list struct{ visible, bcc []*recipient.Found }
	lists, paths := map[way]*list{}, map[string][]string{}
	var ways []way // in the order of the recipients
	for _, a := range as {
		if !a.encrypted() {
			continue
		}
		w := a.way
		w.encrypt = "" // it is decided
		if lists[w] == nil {
			lists[w], ways = &list{}, append(ways, w)
		}
		if addr, err := message.ParseAddress(a.rcpt); err == nil && shown[addr] {
			lists[w].visible = append(lists[w].visible, a.found)
		} else {
			lists[w].bcc = append(lists[w].bcc, a.found)
		}
		// Two ways to write an address are one recipient.
		paths[a.found.Address] = append(paths[a.found.Address], a.rcpt)
	}
	for _, w := range ways {
		plan, err := recipient.Plan(lists[w].visible, lists[w].bcc, recipient.PlanOptions{Profile: w.profile})
		if err != nil {
			return nil, asError(err)
		}
		for _, g := range plan {
			r := Recipients{Form: w.form, Encryption: &g}
			for _, address := range g.Addresses {
				r.Rcpt = append(r.Rcpt, paths[address]...)
			}
			out = append(out, r)
		}
	}
	if len(out) > maxEncryptions {
		return nil, &recipient.Error{Address: out[maxEncryptions].Rcpt[0], Code: codeTooMany, Reason: fmt.Sprintf("the message would have to be encrypted %d times, at most %d times are accepted: each recipient who is not in To or Cc has an encryption of his own", len(out), maxEncryptions)}
	}
	return out, nil
}

func asError(err error) *recipient.Error {
	if e, ok := errors.AsType[*recipient.Error](err); ok {
		return e
	}
	return &recipient.Error{Code: recipient.CodeUndecided, Reason: err.Error(), Temporary: true}
}

// oneForm is the one group of all recipients where the entry point has one message for all: who
// must get it encrypted is refused, all others get it in clear.
func (h *handling) oneForm(as []addressee, gs []Recipients) ([]Recipients, *recipient.Error) {
	for _, a := range as {
		if a.way.encrypt == EncryptRequire {
			return nil, &recipient.Error{
				Address: a.rcpt, Code: codeOneForm,
				Reason: "the recipients need different encryptions, and there is one message for all: hand it in for each of them alone, or through the relay",
			}
		}
	}
	form := FormClear // RFC 8551, Section 3.5.1: the one that every reader shows
	if !slices.ContainsFunc(gs, func(g Recipients) bool { return g.Form != FormPlain }) {
		form = FormPlain
	}
	return []Recipients{{Form: form, Rcpt: h.env.Rcpt}}, nil
}

// inClear are those who get the message in clear although their route would encrypt, and why.
func inClear(as []addressee, gs []Recipients) (out []*recipient.Error) {
	encrypted := slices.ContainsFunc(gs, func(g Recipients) bool { return g.Encryption != nil })
	for _, a := range as {
		switch {
		case a.found == nil:
		case a.found.Err != nil:
			out = append(out, a.found.Err)
		case !encrypted:
			out = append(out, &recipient.Error{Address: a.rcpt, Code: codeOneForm, Reason: "there is one message for all recipients, and not all can decrypt the same"})
		}
	}
	return out
}

// encryptionAttrs are for the log: by which ciphers the message is encrypted, and who gets it in
// clear although the route would encrypt.
func encryptionAttrs(inClear []*recipient.Error, gs []Recipients) (attrs []slog.Attr) {
	var ciphers, clear []string
	for _, g := range gs {
		if g.Encryption != nil {
			ciphers = append(ciphers, string(g.Encryption.Cipher))
		}
	}
	for _, e := range inClear {
		clear = append(clear, e.Address+" ("+string(e.Code)+")")
	}
	if len(ciphers) > 0 {
		attrs = append(attrs, slog.String("encrypted", strings.Join(ciphers, ",")))
	}
	if len(clear) > 0 {
		attrs = append(attrs, slog.String("not_encrypted", strings.Join(clear, ",")))
	}
	return attrs
}

// encryptUnsigned encrypts a message that is passed on without a signature of ours, where a route
// wants that: whatever keeps it from being signed, it is not sent in clear for that.
func (h *handling) encryptUnsigned(ctx context.Context, out *message.Outcome) *message.Outcome {
	if !h.encrypts(h.env.Rcpt) {
		return out
	}
	called := isCalledEncrypted(h.m)
	if called {
		encrypted, err := smime.Encrypted(ctx, h.m)
		if err != nil {
			return h.encryptFailed(err)
		}
		if encrypted {
			return out
		}
	}
	gs, refused := h.split(ctx, FormPlain)
	switch {
	case refused != nil:
		return refused
	case !slices.ContainsFunc(gs, func(g Recipients) bool { return g.Encryption != nil }):
		out.Attrs = slices.Concat(out.Attrs, h.routing)
		return out
	case called:
		return h.encryptFailed(&smime.ContentError{Place: "Content-Type", Reason: "it says that the message is encrypted, and it is not", Err: smime.ErrAmbiguous})
	}
	fs, err := h.prepare(h.opts.Now())
	if err != nil {
		return h.encryptFailed(err)
	}
	defer fs.close()
	made, err := fs.all(ctx, gs)
	if err != nil {
		return h.encryptFailed(err)
	}
	h.routed, h.why.Forms = true, gs
	if made.Result, made.Attrs = out.Result, slices.Concat(out.Attrs, h.routing); out.Result != ResultLeftAlone {
		made.Result = ResultEncrypted
	}
	return made
}

// isCalledEncrypted reports whether the header of a message says that it is encrypted.
func isCalledEncrypted(m *message.Message) bool {
	kind := smime.Secured(m)
	return kind == smime.SMIMEEncrypted || kind == smime.PGPEncrypted
}
