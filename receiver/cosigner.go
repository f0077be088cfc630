package receiver

import (
	"cmp"
	"fmt"

	"dnseal/smime"
)

// cosigner asks whether everybody else who signed in the same SignedData did so rightly. Programs
// differ in which of several SignerInfos they show, so that one that is bad must not go by under
// one that is good. What cannot be judged is not bad: an algorithm that is not known here, a key
// that is not available.
func (sc *signatureCheck) cosigner() finding {
	for n, o := range sc.judged {
		if o.sig != sc.sig && o.sig.Integrity == smime.IntegrityBad && sc.sig.Cosigned(o.sig) {
			who := cmp.Or(o.certified(), "without a name")
			return finding{Policy, CodeBadCosigner, fmt.Sprintf("another signer in the same place, %s (signature %d), is bad: %s", who, n+1, o.sig.Reason)}
		}
	}
	return good
}

// certified is the name that the signer's certificate states, or "".
func (sc *signatureCheck) certified() string {
	if !sc.claim.certified {
		return ""
	}
	return sc.claim.String()
}
