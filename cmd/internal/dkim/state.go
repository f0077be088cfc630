package dkim

import (
	"crypto"
	"fmt"
	"strings"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// State is what the DNS says about a key.
type State string

// States of a key's record.
const (
	Published State = "published"
	Missing   State = "missing"   // there is none, so no signature of the key verifies
	Different State = "different" // it has another key, or verifiers refuse it
	Revoked   State = "revoked"   // an empty p= says so (RFC 6376, Section 3.6.1)
	Several   State = "several"   // verifiers take any or none (RFC 6376, Section 3.6.2.2)
	Bogus     State = "bogus"     // not what its zone signed; validating resolvers give none
	Unknown   State = "unknown"   // it could not be looked up
)

// Found is the record of a key as it was looked up.
type Found struct {
	State State
	// DNS is the state of the answer (RFC 4033, Section 5).
	DNS dnssec.Status
	// Testing says that the domain tests DKIM: verifiers are to treat its signatures as none (RFC
	// 6376, Section 3.6.1: t=y).
	Testing bool
	// Reason is a sentence, "" where the key is published.
	Reason string
}

// Compare compares the record that was looked up, of type TXT at Name, with the key.
func (k Key) Compare(r *lookup.Result) Found {
	f := Found{State: Unknown, DNS: r.Status, Reason: r.Reason}
	if r.Status == dnssec.Bogus {
		f.State = Bogus
		return f
	}
	if r.Presence == dane.Unknown || r.Status != dnssec.Secure && r.Status != dnssec.Insecure {
		return f
	}
	var keys []string
	for _, text := range r.Texts {
		if tags := tagsOf(text); tags["v"] == "" || tags["v"] == "DKIM1" {
			if _, isKey := tags["p"]; isKey {
				keys = append(keys, text)
			}
		}
	}
	switch {
	case len(keys) == 0:
		f.State, f.Reason = Missing, fmt.Sprintf("there is no key at %s", k.Name())
		return f
	case len(r.Texts) > 1: // also one that is no key: verifiers take any, or none
		f.State, f.Reason = Several, fmt.Sprintf("%d texts are at %s, and there may be one", len(r.Texts), k.Name())
		if len(keys) > 1 {
			f.Reason = fmt.Sprintf("%d keys are at %s, and there may be one", len(keys), k.Name())
		}
		return f
	}
	return k.compareKey(f, keys[0])
}

// compareKey reads the record as a verifier does.
func (k Key) compareKey(f Found, record string) Found {
	there, problem := parseKey(record, k.Algorithm())
	f.Testing = there.testing
	public, _ := there.public.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case problem != nil && problem.code == codeRevoked:
		f.State, f.Reason = Revoked, "the record says that the key is withdrawn (p= is empty)"
	case typeOf(tagsOf(record)) != typeOf(tagsOf(k.Record())), problem == nil && !public.Equal(k.Private.Public()):
		f.State, f.Reason = Different, "the record has another key than the file"
	case problem != nil:
		f.State, f.Reason = Different, "verifiers refuse the record: "+problem.reason
	default:
		f.State, f.Reason = Published, ""
	}
	return f
}

// Is reports whether the text of a record has this key, in whatever words.
func (k Key) Is(text string) bool {
	there, own := tagsOf(text), tagsOf(k.Record())
	return there["p"] == own["p"] && typeOf(there) == typeOf(own)
}

// typeOf is the key type (RFC 6376, Section 3.6.1: k=, by default rsa).
func typeOf(tags map[string]string) string {
	if k := tags["k"]; k != "" {
		return k
	}
	return "rsa"
}

// tagsOf reads a tag list (RFC 6376, Section 3.2), without the white space in it.
func tagsOf(text string) map[string]string {
	tags := map[string]string{}
	for part := range strings.SplitSeq(strings.Join(strings.Fields(text), ""), ";") {
		if name, value, ok := strings.Cut(part, "="); ok {
			tags[name] = value
		}
	}
	return tags
}

// Wrong reports whether no signature of the key verifies.
func (f Found) Wrong() bool { return f.State != Published && f.State != Unknown }

// Text is the state in a line, with what to do.
func (f Found) Text(k Key) string {
	switch {
	case f.State == Missing:
		return fmt.Sprintf("%s; publish it with: dnseal dkim publish, or the line that dnseal dkim record prints", f.Reason)
	case f.State == Different:
		return f.Reason + "; publish the key of the file under a selector of its own, or name the right file"
	case f.State == Revoked:
		return f.Reason + "; take a new selector: dnseal dkim new " + k.Domain
	case f.State == Several:
		return f.Reason + "; remove all others"
	case f.State == Bogus:
		return fmt.Sprintf("the answer is bogus: %s; repair the DNSSEC of its zone", f.Reason)
	case f.State == Unknown:
		return fmt.Sprintf("%s, not known: %s", f.DNS, f.Reason)
	case f.Testing:
		return fmt.Sprintf("published, %s, as a test (t=y): verifiers treat mail with it as unsigned; publish it without t=y", f.DNS)
	}
	return fmt.Sprintf("published, %s", f.DNS)
}
