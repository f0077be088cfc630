package receiver

import (
	"slices"
	"strings"

	"dnseal/smime"
)

// combine concludes from the signatures to the message.
func (r *Report) combine(found *smime.Report) {
	switch {
	case found.Code != "":
		// The structure may hold signatures that were not found: nothing good can be said.
		r.unjudged = true
		r.conclude(finding{PermError, Code(found.Code), found.Reason})
	case len(r.Signatures) == 0:
		r.conclude(unsigned(found))
	default:
		r.decide(counting(r.Signatures))
	}
	if hidden := hiddenIn(found); found.Code == "" && r.ProtectedSubject == "" && hidden != r.Subject {
		r.DecryptedSubject = hidden
	}
}

// decide takes over the worst of the signatures that count.
func (r *Report) decide(sigs []*SignatureReport) {
	worst := worstOf(sigs)
	r.conclude(worst.finding())
	r.HeaderState, r.deciding = headerState(sigs), sigs
	if worst.Integrity == Good && len(worst.protectedFrom) > 0 {
		r.ProtectedFrom = worst.protectedFrom[0].String()
	}
	if worst.Integrity == Good && worst.protectedSubject != r.Subject {
		r.ProtectedSubject = worst.protectedSubject
	}
}

func worstOf(sigs []*SignatureReport) *SignatureReport {
	worst := sigs[0]
	for _, s := range sigs[1:] {
		if s.Verdict.severity() > worst.Verdict.severity() {
			worst = s
		}
	}
	return worst
}

// counting returns the signatures the worst of which gives the message its verdict: those bound to
// From, without those that strangers added; all when none is bound, and then each is policy at
// best.
func counting(all []*SignatureReport) []*SignatureReport {
	bound := selectSigs(all, (*SignatureReport).bound)
	if len(bound) == 0 {
		return all
	}
	// A signature on the whole message speaks for all that is in it, also for signed messages
	// attached to it.
	if whole := selectSigs(bound, func(s *SignatureReport) bool { return s.Covers == smime.CoversMessage }); len(whole) > 0 {
		bound = whole
		if outer := selectSigs(whole, func(s *SignatureReport) bool { return !s.inner }); len(outer) > 0 {
			bound = outer
		}
	}
	// One with an unsupported algorithm does not count when another of the same identity does.
	return selectSigs(bound, func(s *SignatureReport) bool {
		return s.Code != CodeUnsupported || !slices.ContainsFunc(bound, func(o *SignatureReport) bool {
			return o.Code != CodeUnsupported && o.Identity == s.Identity
		})
	})
}

func selectSigs(sigs []*SignatureReport, keep func(*SignatureReport) bool) []*SignatureReport {
	var out []*SignatureReport
	for _, s := range sigs {
		if keep(s) {
			out = append(out, s)
		}
	}
	return out
}

// unsigned says what a message without signature is instead.
func unsigned(found *smime.Report) finding {
	switch found.Kind {
	case smime.KindEncrypted:
		return finding{None, CodeEncrypted, "the message " + closed(found) + "; a signature inside cannot be seen"}
	case smime.KindCompressed:
		return finding{None, CodeCompressed, "the message is S/MIME compressed and not signed outside"}
	case smime.KindCertsOnly:
		return finding{None, CodeCertsOnly, "the message holds certificates and no signature"}
	case smime.KindPGP:
		return finding{None, CodePGP, "the message is signed or encrypted by OpenPGP, which is not judged here"}
	case smime.KindNone, smime.KindSigned:
	}
	if len(found.Sealed) > 0 {
		return finding{None, CodeEncrypted, "the message is not signed; " + found.Sealed[0] + ", and a signature inside cannot be seen"}
	}
	if len(found.Encryptions) > 0 {
		return finding{None, "", "the message is encrypted, which says nothing about its author, and not signed"}
	}
	return finding{None, "", "the message is not signed"}
}

// closed says that the message is encrypted, and why keys that are at hand did not open it.
func closed(found *smime.Report) string {
	n := len(found.Encryptions)
	if n == 0 || found.Encryptions[n-1].Err == nil {
		return "is encrypted"
	}
	why := reasonOf(found.Encryptions[n-1].Err)
	if said, ok := strings.CutPrefix(why, "it "); ok {
		return said
	}
	return "is encrypted and was not decrypted: " + why
}
