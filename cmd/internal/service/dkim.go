package service

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/dkim"
	"dnseal/sender"
	"dnseal/smime/message"
)

// dkimSigner signs by DKIM what a handler that signs passes on.
type dkimSigner struct {
	signer *dkim.Signer
	known  func(message.Submitter) bool
	failed message.Action // of class sign-failed
	text   string         // for the submitter then; "": ours
}

// newDKIM returns nil where [dkim] has no keys.
func newDKIM(c *config.Config) *dkimSigner {
	if len(c.DKIMKeys()) == 0 {
		return nil
	}
	failed, set := c.SenderOptions(nil).On[sender.ClassSignFailed]
	if !set {
		failed = sender.DefaultActions()[sender.ClassSignFailed]
	}
	return &dkimSigner{dkim.NewSigner(c.DKIMKeys(), c.Hostname), c.Submitters(), failed, c.ReplyText[string(sender.ClassSignFailed)]}
}

// add has an outcome sign each form of the message as it leaves. It does so for those who are known
// as submitters, and never where the rules do not allow them the From: a signature of the domain
// would say that they are.
func (d *dkimSigner) add(out *message.Outcome, m *message.Message, env *message.Envelope) {
	observed := strings.HasPrefix(out.Result, sender.ResultObserved)
	if d == nil || out.Action != message.Accept || forbidden(out) || !d.known(env.Submitter) {
		return
	}
	if !observed {
		out.Finish = func(ctx context.Context, m *message.Message, e *message.Edit) (*message.Edit, error) {
			return d.sign(ctx, out, m, e)
		}
		return
	}
	would := slog.String("would", message.Accept.String())
	if keys := d.signer.KeysFor(m); len(keys) > 0 && slices.ContainsFunc(out.Attrs, would.Equal) {
		out.Attrs = append(out.Attrs, slog.String("would_dkim", names(keys)))
	}
}

// forbidden reports whether the rules do not allow the submitter the From, whatever becomes of the
// message: the result is another word where a route encrypts it.
func forbidden(out *message.Outcome) bool {
	return strings.TrimPrefix(out.Result, sender.ResultObserved) == string(sender.ClassNotAllowed) ||
		slices.ContainsFunc(out.Attrs, slog.String("class", string(sender.ClassNotAllowed)).Equal)
}

func (d *dkimSigner) sign(ctx context.Context, out *message.Outcome, m *message.Message, e *message.Edit) (*message.Edit, error) {
	signed, keys, err := d.signer.Sign(ctx, m, e)
	switch {
	case err == nil && len(keys) > 0:
		addOnce(out, slog.String("dkim", names(keys)))
		return signed, nil
	case err == nil:
		return e, nil
	}
	addOnce(out, slog.String("dkim_error", err.Error()))
	out.Level = max(out.Level, slog.LevelWarn)
	if errors.Is(err, dkim.ErrUnsuitable) {
		return e, nil
	}
	if d.failed == message.Accept {
		return e, nil
	}
	out.Action, out.Result, out.Reply = d.failed, string(sender.ClassSignFailed), replySignFailed
	if d.failed == message.Reject {
		out.Reply = replyNotSigned
	}
	out.Reply.Text = cmp.Or(d.text, out.Reply.Text)
	return nil, err
}

// Replies of class sign-failed, in the words that package sender has for it.
// RFC 3463, Section 3.8: X.7.1.
var (
	replySignFailed = message.Reply{Code: 451, Enhanced: "4.7.1", Text: "Message cannot be signed now, try again later"}
	replyNotSigned  = message.Reply{Code: 550, Enhanced: "5.7.1", Text: "Message cannot be signed: the key of its sender cannot be used; tell your administrator"}
)

// addOnce adds what is the same for all forms.
func addOnce(out *message.Outcome, a slog.Attr) {
	if !slices.ContainsFunc(out.Attrs, a.Equal) {
		out.Attrs = append(out.Attrs, a)
	}
}

// names are "DOMAIN/SELECTOR", with commas between them.
func names(keys []dkim.Key) string {
	var all []string
	for _, k := range keys {
		all = append(all, k.Domain+"/"+k.Selector)
	}
	return strings.Join(all, ",")
}
