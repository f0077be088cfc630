package receiver

import (
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

// reply is for strangers: it names no cause.
// RFC 3463, Section 3.8.
func reply(a message.Action) message.Reply {
	switch a {
	// RFC 5321, Section 4.2.1: 4yz is for what may pass later, 5yz for what will not.
	case message.Defer:
		return message.Reply{Code: 451, Enhanced: "4.7.1", Text: "Message cannot be checked now, try again later"}
	case message.Reject:
		return message.Reply{Code: 550, Enhanced: "5.7.1", Text: "Message refused by policy"}
	case message.Accept, message.Quarantine:
	}
	return message.Reply{}
}
