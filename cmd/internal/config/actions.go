package config

import (
	"reflect"
	"slices"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// On sets the action for a message, by the class of its problem ([on], and on in [[domain]]).
// Actions: "accept", "mark" (accept, with the result in Authentication-Results), "quarantine" (a
// milter; for a relay see its quarantine-as), "reject" and "defer". The classes of signing allow
// "accept", "reject" and "defer". When several classes apply, the strictest action wins.
// dnseal-verdicts(7) has the codes of each class. What senders are told: [reply-text].
type On struct {
	// NoRule: no rule names this From, or this user or TLS name; "accept" passes the message on
	// unsigned and counts it. Signing. Default: "accept".
	NoRule string `toml:"no-rule"`
	// NotAllowed: no rule matches, but one names this submitter, this From, or an address that some
	// mail reader may show for it. Signing. Default: "reject".
	NotAllowed string `toml:"not-allowed"`
	// KeyNotPublished: the signer's own record, or that of the ML-DSA key that signs beside, is
	// missing or does not match. Signing. Default: "defer".
	KeyNotPublished string `toml:"key-not-published"`
	// SignFailed: the identity is missing, or its key could not be used. Signing.
	// Default: "defer".
	SignFailed string `toml:"sign-failed"`
	// BadSignature: the message was changed, or its signature or that of another signer is wrong.
	// Default: "mark".
	BadSignature string `toml:"bad-signature"`
	// KeyMismatch: there are secure records, but none matches this key, or the matching one
	// requires a valid certificate. Default: "mark".
	KeyMismatch string `toml:"key-mismatch"`
	// NoSignature: the message is not signed, or does not have what a [[domain]] requires. A
	// message whose result is not known yet is then deferred, unless this is "accept" or "mark".
	// Default: "accept".
	NoSignature string `toml:"no-signature"`
	// NoKey: the signer publishes no record or no usable one, or [dns] allow and deny forbid the
	// lookup. Default: "mark".
	NoKey string `toml:"no-key"`
	// IdentityMismatch: the signer is not the author in From, or only an unproven certificate
	// states the signer's name. Default: "mark".
	IdentityMismatch string `toml:"identity-mismatch"`
	// HeaderChanged: a header field that the signature protects, and that mail readers show or act
	// on, differs from what was signed. Default: "mark".
	HeaderChanged string `toml:"header-changed"`
	// Partial: the signature covers only a part of the message, as in mail that a list has wrapped,
	// or omits a text that mail readers may show. Default: "mark".
	Partial string `toml:"partial"`
	// Weak: an algorithm or key that is too weak or not supported, a signing time in the future, or
	// a certificate for another purpose. Default: "mark".
	Weak string `toml:"weak"`
	// PQMissing: the message passes, and it lacks the ML-DSA signature whose key the signer
	// publishes whole (3 1 0 or 3 0 0): it was removed, or another program of the signer made the
	// message. Default: "accept".
	PQMissing string `toml:"pq-missing"`
	// Insecure: the signer's zone is not signed, or the resolver did not set AD (ad-only). Default:
	// "mark".
	Insecure string `toml:"insecure"`
	// DNSError: the DNS did not answer, or only in part, or the resolver strips DNSSEC records.
	// Default: "mark".
	DNSError string `toml:"dns-error"`
	// Bogus: the DNS answer did not validate: it is forged, or the zone is broken. Default: "mark".
	Bogus string `toml:"bogus"`
	// Malformed: the message or its signature cannot be read or exceeds a limit, or the signature
	// is over a file; when signing, the message can be read in two ways or would not survive
	// transit.
	// Default: "mark" when verifying, "reject" when signing; "mark" and "quarantine" apply
	// to verifying only; signing then keeps its default.
	Malformed string `toml:"malformed"`
	// TooBig: larger than a size limit. Default: "mark" when verifying, "reject" when signing;
	// "mark" and "quarantine" apply as for malformed.
	TooBig string `toml:"too-big"`
	// InternalError: a fault of this machine. Default: "defer"; "mark" and "quarantine" apply as
	// for malformed.
	InternalError string `toml:"internal-error"`
}

// signingClasses belong to signing alone, sharedClasses to signing and verifying. All others belong
// to verifying.
var (
	signingClasses = []string{"no-rule", "not-allowed", "key-not-published", "sign-failed"}
	sharedClasses  = []string{"malformed", "too-big", "internal-error"}
)

// actions are the words of [on] and what a listener does; mark is accept, because every verified
// message gets its result field.
var actions = map[string]message.Action{
	"accept":     message.Accept,
	"mark":       message.Accept,
	"quarantine": message.Quarantine,
	"reject":     message.Reject,
	"defer":      message.Defer,
}

// set returns the classes that the file names, with their words.
func (o On) set() map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(o)
	for i := range v.NumField() {
		if word := v.Field(i).String(); word != "" {
			out[v.Type().Field(i).Tag.Get("toml")] = word
		}
	}
	return out
}

// signing returns the actions of a sender.
func (o On) signing() map[sender.Class]message.Action {
	out := map[sender.Class]message.Action{}
	for class, word := range o.set() {
		shared := slices.Contains(sharedClasses, class) && word != "mark" && word != "quarantine"
		if shared || slices.Contains(signingClasses, class) {
			out[sender.Class(class)] = actions[word]
		}
	}
	return out
}

// verifying returns the actions of a receiver.
func (o On) verifying() map[receiver.Class]message.Action {
	out := map[receiver.Class]message.Action{}
	for class, word := range o.set() {
		if !slices.Contains(signingClasses, class) {
			out[receiver.Class(class)] = actions[word]
		}
	}
	return out
}

// QuarantineActions are what a relay can do instead of quarantine.
var QuarantineActions = []string{"mark", "reject", "defer"}

// verifyingAs is verifying with another action, by its word, instead of quarantine.
func (o On) verifyingAs(quarantine string) map[receiver.Class]message.Action {
	out := o.verifying()
	for class, action := range out {
		if action == message.Quarantine && quarantine != "" {
			out[class] = actions[quarantine]
		}
	}
	return out
}

// Quarantined are the classes that [on] or a [[domain]] quarantines, in their order.
func (c *Config) Quarantined() []string {
	tables := []On{c.On}
	for _, d := range c.Domains {
		tables = append(tables, d.On)
	}
	return slices.DeleteFunc(classWords(), func(class string) bool {
		return !slices.ContainsFunc(tables, func(on On) bool { return on.set()[class] == "quarantine" })
	})
}

// Domain is a security domain ([[domain]]): requirements for mail From its names. dnseal-verify(1)
// applies them to saved mail with --policy.
type Domain struct {
	// Names are the domains of From addresses: "bank.example", "*.bank.example". Mandatory.
	Names []string `toml:"names"`
	// Require is "nothing", "signature" (the verdict must be pass) or "protected" (pass, and the
	// header must be as it was signed). It also applies to mail whose From mail readers interpret
	// differently, if one of the names follows an @ in it. Default: "nothing".
	Require string `toml:"require"`
	// Devices maps device, service or host names to the From addresses within the names that they
	// may use, for example { "*._device.bank.example" = ["*@alerts.bank.example"] }. Default: none.
	Devices map[string][]string `toml:"devices"`
	// On sets the actions for mail of this domain. They can be stricter than the actions of [on],
	// never laxer, because a forger chooses From. Default: the actions of [on].
	On On `toml:"on"`
	// ReplyText is as [reply-text], which it wins over, for mail of this domain; the classes of
	// signing have none here. Default: that of [reply-text].
	ReplyText ReplyText `toml:"reply-text"`
}
