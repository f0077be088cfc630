package sender

import (
	"log/slog"
	"strings"

	"dnseal/sender/recipient"
	"dnseal/smime/message"
)

// Codes of what cannot be encrypted although there are keys.
const (
	codeOneForm recipient.Code = "one-form"
	codeTooMany recipient.Code = "too-many-encryptions"
)

// refuse is the outcome where a recipient cannot get the message.
func (h *handling) refuse(err *recipient.Error) *message.Outcome {
	out := notEncrypted(err)
	h.why.Class, h.why.Code, h.why.Reason = ClassNotEncrypted, string(err.Code), err.Error()
	out.Attrs = append(h.attrs, notEncryptedAttrs(err)...)
	return out
}

// notEncrypted is the outcome where nothing can be encrypted to a recipient.
func notEncrypted(err *recipient.Error) *message.Outcome {
	out := &message.Outcome{Action: message.Reject, Result: string(ClassNotEncrypted), Reply: replyNotEncrypted(err)}
	if err.Temporary {
		out.Action = message.Defer
	}
	return out
}

// replyNotEncrypted is for the submitter: it is about the recipients whom he chose. RFC 3463,
// Sections 3.6 and 3.8: X.7.5, a key was not available; X.5.3, too many recipients.
func replyNotEncrypted(err *recipient.Error) message.Reply {
	switch {
	case err.Temporary:
		return message.Reply{Code: 451, Enhanced: "4.7.5", Text: "Key to encrypt to cannot be looked up now for " + printable(err.Address)}
	case err.Code == codeOneForm:
		return message.Reply{Code: 550, Enhanced: "5.7.5", Text: "Recipients need different encryptions: send to " + printable(err.Address) + " alone"}
	case err.Code == codeTooMany:
		return message.Reply{Code: 550, Enhanced: "5.5.3", Text: "Too many hidden recipients to encrypt to"}
	}
	return message.Reply{Code: 550, Enhanced: "5.7.5", Text: "No key to encrypt to is published for " + printable(err.Address)}
}

func notEncryptedAttrs(err *recipient.Error) []slog.Attr {
	return []slog.Attr{slog.String("class", string(ClassNotEncrypted)), slog.String("code", string(err.Code)), slog.String("reason", err.Error())}
}

// printable is an address in a reply. RFC 5321, Section 4.2: printable ASCII.
func printable(address string) string {
	if len(address) > 100 || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "a recipient"
	}
	return address
}

// encryptFailed is the outcome where a message could not be encrypted. What is wrong with the
// message itself no later attempt cures.
func (h *handling) encryptFailed(err error) *message.Outcome {
	h.why.Class, h.why.Code, h.why.Reason = ClassNotEncrypted, "encrypt-failed", err.Error()
	out := &message.Outcome{
		Action: message.Defer, Result: string(ClassNotEncrypted), Level: slog.LevelError,
		Reply: message.Reply{Code: 451, Enhanced: "4.7.5", Text: "Message cannot be encrypted now, try again later"},
	}
	if code, fault := faultOf(err); code != "" {
		h.why.Code = code
		out.Action, out.Level = message.Reject, slog.LevelInfo
		out.Reply = message.Reply{Code: 550, Enhanced: "5.6.0", Text: "Message cannot be encrypted: " + fault}
	}
	out.Attrs = append(h.attrs, slog.String("class", string(ClassNotEncrypted)), slog.String("code", h.why.Code), slog.String("reason", h.why.Reason))
	return out
}
