package sender

import (
	"errors"
	"log/slog"
	"strings"

	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// malformed is the outcome for a message with a fault of its own, or nil when err is about
// something else.
func (h *handling) malformed(err error) *message.Outcome {
	code, fault := faultOf(err)
	if code == "" {
		return nil
	}
	out := h.stop(ClassMalformed, code, err.Error())
	if out.Action == message.Reject {
		// RFC 3463, Section 3.7: X.6.0, a fault of the content.
		out.Reply = h.worded(ClassMalformed, message.Reply{Code: 550, Enhanced: "5.6.0", Text: "Message cannot be signed: " + fault})
	}
	return out
}

// faultOf sorts what is wrong with a message itself. fault may be shown to strangers: it names the
// place and no more.
func faultOf(err error) (code, fault string) {
	if over, ok := errors.AsType[*smime.LimitError](err); ok {
		return "limit:" + over.What, strings.TrimPrefix(over.Error(), "smime: ")
	}
	if over, ok := errors.AsType[*cms.LimitError](err); ok {
		return "limit:" + over.What, strings.TrimPrefix(over.Error(), "cms: ")
	}
	content, ok := errors.AsType[*smime.ContentError](err)
	switch {
	case !ok:
		return "", ""
	// RFC 8551, Section 3.1.2.
	case errors.Is(content, smime.ErrNotTransitProof):
		return "not-transit-proof", content.Place + " would not survive transit"
	}
	return "ambiguous", content.Place + " can be read in two ways"
}

// formAttrs are for the log: in which forms a message was signed, and why not in the one asked for.
func formAttrs(results []smime.SignResult) []slog.Attr {
	var forms, unprotected []string
	var cause, fragile *smime.ContentError
	noTime := false
	for _, r := range results {
		made := FormClear
		if r.Opaque {
			made = FormOpaque
		}
		forms = append(forms, string(made))
		if r.Cause != nil {
			cause = r.Cause
		}
		unprotected = r.Unprotected
		noTime = r.NoSigningTime
		if len(r.Fragile) > 0 {
			fragile = r.Fragile[0]
		}
	}
	attrs := []slog.Attr{slog.String("form", strings.Join(forms, ","))}
	if cause != nil {
		attrs = append(attrs, slog.String("cause", cause.Place+": "+cause.Reason))
	}
	if len(unprotected) > 0 {
		attrs = append(attrs, slog.String("unprotected", strings.Join(unprotected, ",")))
	}
	if fragile != nil {
		attrs = append(attrs, slog.String("fragile", fragile.Place+": "+fragile.Reason))
	}
	if noTime {
		attrs = append(attrs, slog.String("signing_time", "left out"))
	}
	return attrs
}
