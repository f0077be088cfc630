package config

import (
	"reflect"
	"slices"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// On says what is done with a message, by class of what is the matter with it ([on], and on in
// [[domain]]). Actions: "accept", "mark" (accept, with the result in Authentication-Results),
// "quarantine" (milter only), "reject" and "defer". Signing knows "accept", "reject" and "defer".
// Where several classes apply the strictest action wins. dnseal-verdicts(7) has the codes of each
// class.
type On struct {
	// NoRule: no rule names this From, or this user or TLS name: "accept" passes it on unsigned
	// (and counts it). Signing. Default: "accept".
	NoRule string `toml:"no-rule"`
	// NotAllowed: no rule matches, but one names this From, an address that some reader of it
	// may be shown, or this submitter. Signing. Default: "reject".
	NotAllowed string `toml:"not-allowed"`
	// KeyNotPublished: our own record is missing or does not match. Signing. Default: "defer".
	KeyNotPublished string `toml:"key-not-published"`
	// SignFailed: the identity is not there, or its key did not let itself be used. Signing.
	// Default: "defer".
	SignFailed string `toml:"sign-failed"`
	// BadSignature: the message was changed, or the signature or one of another signer with it
	// is wrong. Default: "mark".
	BadSignature string `toml:"bad-signature"`
	// KeyMismatch: secure records are there, and none is of this key, or it wants a valid
	// certificate. Default: "mark".
	KeyMismatch string `toml:"key-mismatch"`
	// NoSignature: the message is not signed, or does not have what a [[domain]] requires. What
	// cannot be told yet is then deferred, unless this is "accept" or "mark". Default:
	// "accept".
	NoSignature string `toml:"no-signature"`
	// NoKey: the signer publishes no record, none that can be used, or one that [dns] allow and
	// deny keep from being looked up. Default: "mark".
	NoKey string `toml:"no-key"`
	// IdentityMismatch: signed by another than the one in From, or under a name that the
	// certificate made up. Default: "mark".
	IdentityMismatch string `toml:"identity-mismatch"`
	// HeaderChanged: a header field that the signature protects and that readers show or act on
	// is not as it was signed. Default: "mark".
	HeaderChanged string `toml:"header-changed"`
	// Partial: the signature covers only a part, as in mail that a list has wrapped, or leaves
	// out a text that readers may show. Default: "mark".
	Partial string `toml:"partial"`
	// Weak: an algorithm or key that does not count or is not known, a signing time in the
	// future, or a certificate for something else. Default: "mark".
	Weak string `toml:"weak"`
	// Insecure: the signer's zone is not signed, or the resolver does not say that it is
	// (ad-only). Default: "mark".
	Insecure string `toml:"insecure"`
	// DNSError: the DNS did not answer, or only in part, or the resolver leaves out DNSSEC.
	// Default: "mark".
	DNSError string `toml:"dns-error"`
	// Bogus: the DNS answer is forged or broken. Default: "mark".
	Bogus string `toml:"bogus"`
	// Malformed: the message or its signature cannot be read, is over a limit, or signs a file;
	// or, when signing, the message can be read in two ways or would not survive transit.
	// Default: "mark" when verifying, "reject" when signing; "mark" and "quarantine" are for
	// verifying only and leave signing at its default.
	Malformed string `toml:"malformed"`
	// TooBig: over a size limit. Default: "mark" when verifying, "reject" when signing; for
	// "mark" and "quarantine" as with malformed.
	TooBig string `toml:"too-big"`
	// InternalError: trouble of this machine. Default: "defer"; for "mark" and "quarantine" as with
	// too-big.
	InternalError string `toml:"internal-error"`
}

// Classes that belong to signing alone, and to both doors' ways. All others belong to verifying.
var (
	signingClasses = []string{"no-rule", "not-allowed", "key-not-published", "sign-failed"}
	sharedClasses  = []string{"malformed", "too-big", "internal-error"}
)

// actions are the words and what a door does; mark is accept, because every verified message gets
// its result field.
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

// Domain is a security domain ([[domain]]): what is asked of mail From its names.
type Domain struct {
	// Names are the domains of From addresses: "bank.example", "*.bank.example". Mandatory.
	Names []string `toml:"names"`
	// Require is "nothing", "signature" (only pass will do) or "protected" (pass, with a header
	// as it was signed). It also holds for mail whose From readers do not understand alike, if
	// one of the names stands after an @ in it. Default: "nothing".
	Require string `toml:"require"`
	// Devices says which device, service or host names may use which From addresses within the
	// names, for example { "*._device.bank.example" = ["*@alerts.bank.example"] }. Default: none
	// may.
	Devices map[string][]string `toml:"devices"`
	// On are the actions for mail of this domain. They can be stricter than those of [on], never
	// laxer: From is what a forger chooses. Default: those of [on].
	On On `toml:"on"`
}
