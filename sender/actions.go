package sender

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"dnseal/smime/message"
)

// Class sorts what keeps a message from being signed, for the choice of an action.
type Class string

// Classes of what can prevent a signature ([on] in the configuration).
const (
	ClassNoRule Class = "no-rule" // no rule names this From or this user or TLS name
	// ClassNotAllowed: no rule matches, but one names this From or this submitter
	ClassNotAllowed Class = "not-allowed"
	// ClassKeyNotPublished: our own record is missing, does not match or cannot be validated
	ClassKeyNotPublished Class = "key-not-published"
	// ClassSignFailed: no such identity, or its key could not be used
	ClassSignFailed Class = "sign-failed"
	// ClassMalformed: the message can be read in two ways, would not survive transit, or is over a
	// limit of its structure
	ClassMalformed     Class = "malformed"
	ClassTooBig        Class = "too-big"        // over Options.MaxBytes
	ClassInternalError Class = "internal-error" // trouble of this machine
	// ClassNotEncrypted: the message would have to be encrypted to a recipient, and cannot be. It
	// is refused, or deferred where that can pass by itself; Options.On has no say in it.
	ClassNotEncrypted Class = "not-encrypted"
)

// DefaultActions returns what is done per class when Options.On says nothing.
func DefaultActions() map[Class]message.Action {
	return map[Class]message.Action{
		ClassNoRule:          message.Accept, // passed on unsigned
		ClassNotAllowed:      message.Reject,
		ClassKeyNotPublished: message.Defer,
		ClassSignFailed:      message.Defer,
		ClassMalformed:       message.Reject, // no later attempt cures it
		ClassTooBig:          message.Reject,
		ClassInternalError:   message.Defer,
	}
}

// actions puts on over the defaults.
func actions(on map[Class]message.Action) (map[Class]message.Action, error) {
	out := DefaultActions()
	for class, action := range on {
		if _, ok := out[class]; !ok {
			return nil, fmt.Errorf("sender: unknown class %q of actions: known are %v", class, slices.Sorted(maps.Keys(out)))
		}
		if action != message.Accept && action != message.Reject && action != message.Defer {
			return nil, fmt.Errorf("sender: %s: a sender can accept, reject or defer, not %s", class, action)
		}
		out[class] = action
	}
	return out, nil
}

// level is that of the log line of a class. Where our own key or record is at fault, all mail of
// its user waits or goes unsigned until the operator acts.
func level(class Class) slog.Level {
	switch class {
	case ClassInternalError:
		return slog.LevelError
	case ClassKeyNotPublished, ClassSignFailed:
		return slog.LevelWarn
	case ClassNoRule, ClassNotAllowed, ClassMalformed, ClassTooBig, ClassNotEncrypted:
	}
	return slog.LevelInfo
}

// causes are given to submitters, because they are only about what they wrote.
var causes = map[string]string{
	codeBadFrom:       "The From field cannot be read",
	codeSeveralFrom:   "The From field must hold one address",
	codeLocalPartCase: "The local part of From is written in another case than the address that may be used",
}

// reply is what the submitter is told about a class, and a code of it.
// RFC 3463, Sections 3.4, 3.7 and 3.8.
func (s *Sender) reply(class Class, code string, action message.Action) message.Reply {
	var r message.Reply
	switch {
	// RFC 5321, Section 4.2.1: 4yz is for what may pass later.
	case action == message.Defer:
		r = message.Reply{Code: 451, Enhanced: "4.7.1", Text: "Message cannot be signed now, try again later"}
	case action != message.Reject:
		return r
	// RFC 3463, Section 3.4: X.3.4, too big for the system.
	case class == ClassTooBig:
		r = message.Reply{Code: 552, Enhanced: "5.3.4", Text: refusals[class]}
	// RFC 6409, Section 6.1: 550 and 5.7.1 where the rights of the submitter do not suffice.
	default:
		r = message.Reply{Code: 550, Enhanced: "5.7.1", Text: cmp.Or(causes[code], refusals[class])}
	}
	return s.worded(class, r)
}

// worded is a reply in the words of the owner of this machine, where there are any for the class.
func (s *Sender) worded(class Class, r message.Reply) message.Reply {
	r.Text = cmp.Or(s.opts.ReplyTexts[class], r.Text)
	return r
}

// refusals say what kind of trouble it is and what to do. Causes go to the log.
var refusals = map[Class]string{
	ClassNoRule:          "You may not send as this From; write your own address there, or ask your administrator",
	ClassNotAllowed:      "You may not send as this From; write your own address there, or ask your administrator",
	ClassKeyNotPublished: "Message cannot be signed: the key of its sender is not published; tell your administrator",
	ClassSignFailed:      "Message cannot be signed: the key of its sender cannot be used; tell your administrator",
	ClassMalformed:       "Message cannot be signed; mend the program that made it",
	ClassTooBig:          "Message is too big to be signed; send a smaller one",
	ClassInternalError:   "Message cannot be signed; tell your administrator",
}

// checkTexts returns an error for texts of replies that cannot be used.
func checkTexts(texts map[Class]string) error {
	for class, text := range texts {
		if refusals[class] == "" {
			return fmt.Errorf("sender: unknown class %q of reply texts: known are %v", class, slices.Sorted(maps.Keys(refusals)))
		}
		if err := message.CheckReplyText(text); err != nil {
			return fmt.Errorf("sender: %s: %w", class, err)
		}
	}
	return nil
}
