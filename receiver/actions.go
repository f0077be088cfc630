package receiver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"dnseal/smime/message"
)

// Class sorts what is wrong with a message, for the choice of an action.
type Class string

// Classes of what can be wrong with a message ([on] in the configuration).
const (
	ClassBadSignature Class = "bad-signature" // the message was changed, or the signature made up
	ClassKeyMismatch  Class = "key-mismatch"  // signed by another key than the one published
	// ClassNoSignature: unsigned; where a signature is required, also what proves none
	ClassNoSignature      Class = "no-signature"
	ClassNoKey            Class = "no-key"            // no record, or none that can be used
	ClassIdentityMismatch Class = "identity-mismatch" // signed by another than the author in From
	// ClassHeaderChanged: a field that readers show or act on is not as it was signed
	ClassHeaderChanged Class = "header-changed"
	ClassPartial       Class = "partial" // only a part is signed, as after a list
	ClassWeak          Class = "weak"    // algorithm, date or certificate not good enough
	// ClassPQMissing: a pass without the post-quantum signature whose key the signer publishes
	ClassPQMissing     Class = "pq-missing"
	ClassInsecure      Class = "insecure"       // the signer's zone is not signed
	ClassDNSError      Class = "dns-error"      // could not be looked up now
	ClassBogus         Class = "bogus"          // DNS data that does not validate
	ClassMalformed     Class = "malformed"      // unreadable, or over a limit
	ClassTooBig        Class = "too-big"        // over Options.MaxBytes
	ClassInternalError Class = "internal-error" // trouble of this machine
)

// DefaultActions returns what is done per class when Options.On says nothing.
// To mark is to accept: the result is in the Authentication-Results field either way.
func DefaultActions() map[Class]message.Action {
	return map[Class]message.Action{
		ClassBadSignature:     message.Accept,
		ClassKeyMismatch:      message.Accept,
		ClassNoSignature:      message.Accept,
		ClassNoKey:            message.Accept,
		ClassIdentityMismatch: message.Accept,
		ClassHeaderChanged:    message.Accept,
		ClassPartial:          message.Accept,
		ClassWeak:             message.Accept,
		ClassPQMissing:        message.Accept,
		ClassInsecure:         message.Accept,
		ClassDNSError:         message.Accept,
		ClassBogus:            message.Accept,
		ClassMalformed:        message.Accept,
		ClassTooBig:           message.Accept,
		ClassInternalError:    message.Defer,
	}
}

// actions adds on to out, and returns that.
func actions(out, on map[Class]message.Action) (map[Class]message.Action, error) {
	known := DefaultActions()
	for class, action := range on {
		if _, ok := known[class]; !ok {
			return nil, fmt.Errorf("receiver: unknown class %q of actions: known are %v", class, slices.Sorted(maps.Keys(known)))
		}
		if action > message.Reject {
			return nil, fmt.Errorf("receiver: %s: %d is no action", class, action)
		}
		out[class] = action
	}
	return out, nil
}

// strictness orders actions: the stricter, the greater.
func strictness(a message.Action) int {
	switch a {
	case message.Accept:
		return 0
	case message.Quarantine:
		return 1
	case message.Defer:
		return 2
	case message.Reject:
	}
	return 3
}

// stricter returns the stricter of two actions.
func stricter(a, b message.Action) message.Action {
	if strictness(b) > strictness(a) {
		return b
	}
	return a
}

// Laxer reports whether a does less to a message than b: accept, quarantine, defer, reject in this
// order.
func Laxer(a, b message.Action) bool { return strictness(a) < strictness(b) }

// refusals are for strangers: what kind of trouble it is and what to do. Causes go to the log.
var refusals = map[Class]string{
	ClassBadSignature:     "Signature does not match the message, which was changed after signing; send it again unchanged",
	ClassKeyMismatch:      "Signed by a key that its owner does not publish; sign with the key in the DNS, or publish this one",
	ClassNoSignature:      "From requires a signature by its owner over the whole message; sign it, or use your own address",
	ClassNoKey:            "Signer publishes no usable key in the DNS; publish the key that signs",
	ClassIdentityMismatch: "Signature is not by the author in From; sign as the author, or write the signer in From",
	ClassHeaderChanged:    "Header is not as it was signed; send the message again unchanged",
	ClassPartial:          "Signature covers a part of the message only; sign all of it",
	ClassWeak:             "Signature is too weak, not supported or not for this use; sign with another algorithm or certificate",
	ClassPQMissing:        "Post-quantum signature that the signer publishes a key for is missing; sign with both keys",
	ClassInsecure:         "Domain of the signer is not secured by DNSSEC; sign the domain",
	ClassDNSError:         "Key of the signer could not be looked up; send the message again later",
	ClassBogus:            "DNSSEC of the signer's domain does not validate; mend the domain, and send the message again",
	ClassMalformed:        "Message or its signature cannot be read; mend the program that made it",
	ClassTooBig:           "Message is too big to be checked; send a smaller one",
	ClassInternalError:    "Message cannot be checked here; send it again later",
}

// checkTexts returns an error for texts of replies that cannot be used.
func checkTexts(texts map[Class]string) error {
	for class, text := range texts {
		if refusals[class] == "" {
			return fmt.Errorf("unknown class %q of reply texts: known are %v", class, slices.Sorted(maps.Keys(refusals)))
		}
		if err := message.CheckReplyText(text); err != nil {
			return fmt.Errorf("%s: %w", class, err)
		}
	}
	return nil
}

// text is what the owner of this machine says about a class in place of our words; "" is nothing.
func (r *Receiver) text(d decision) string { return cmp.Or(d.text, r.opts.ReplyTexts[d.class]) }

// reply is what the sender is told about a decision.
// RFC 3463, Section 3.8.
func (r *Receiver) reply(d decision) message.Reply {
	switch d.action {
	// RFC 5321, Section 4.2.1: 4yz is for what may pass later, 5yz for what will not.
	case message.Defer:
		return message.Reply{Code: 451, Enhanced: "4.7.1", Text: cmp.Or(r.text(d), "Message cannot be checked now, try again later")}
	case message.Reject:
		return message.Reply{Code: 550, Enhanced: "5.7.1", Text: cmp.Or(r.text(d), refusals[d.class])}
	case message.Accept, message.Quarantine:
	}
	return message.Reply{}
}
