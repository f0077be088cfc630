package receiver

import (
	"fmt"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence/staple"
	"dnseal/smime"
	"dnseal/smime/cms"
)

// Offline judges signers by the DNSSEC chains that they sent with their signatures (package
// staple), for receivers without DNS.
//
// A chain has to hold now, from the trust anchor down, and its records have to be signed lately:
// its signer chooses it, and one whose record was withdrawn can go on sending the last one that was
// signed. So a revocation takes effect here after MaxAge, and not at once as in the DNS. What a
// staple does not prove is temperror; each hop can have removed or changed it.
type Offline struct {
	// Validator has the trust anchors; nil: the keys of the DNS root.
	Validator *dnssec.Validator
	// MaxAge is how long ago the records may have been signed; 0: [staple.DefaultMaxAge].
	MaxAge time.Duration
}

// staples answers about the signer of s.
func (o *Offline) staples(s *smime.Signature, now func() time.Time) *staple.Resolver {
	values, err := s.Unsigned(cms.OIDStaple)
	return staple.NewResolver(values, err, staple.Options{Validator: o.Validator, MaxAge: o.MaxAge, Now: now})
}

// describe is what the DNS is reported to say; of a staple with its age.
func (sc *signatureCheck) describe(res *lookup.Result) *DNSReport {
	out := describeAnswer(res)
	if sc.staples == nil {
		return out
	}
	out.Source, out.TTL = SourceStaple, 0
	if res.Status == dnssec.Secure {
		out.Warnings = append(out.Warnings, fmt.Sprintf("stapled by the signer, DNSSEC signatures made at most %s ago; not looked up", staple.Days(staple.Age(res))))
	}
	return out
}

// absentInStaple judges a staple that proves only that there was no record. Whoever carried the
// message can have put it there: an old one, of the time before the key was published, holds too.
func absentInStaple(res *lookup.Result) finding {
	return finding{TempError, Code(staple.CodeMissing), "the staple proves only that no record was published at " + res.Name}
}
