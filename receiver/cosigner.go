package receiver

import (
	"cmp"
	"fmt"

	"dnseal/smime"
)

// cosigner looks for a bad signature of another signer in the same SignedData. Programs differ in
// which of several SignerInfos they show, so that a good one must not hide a bad one. What cannot
// be judged is not bad: an algorithm that is not known here, a key that is not available. RFC 5652,
// Section 5.1: signerInfos is a set.
func (sc *signatureCheck) cosigner() finding {
	for n, o := range sc.judged {
		if o.sig != sc.sig && o.sig.Integrity == smime.IntegrityBad && sc.sig.Cosigned(o.sig) {
			who := cmp.Or(o.certified(), "without a name")
			return finding{Policy, CodeBadCosigner, fmt.Sprintf("the signature of another signer of the same content, %s (signature %d), is bad: %s", who, n+1, o.sig.Reason)}
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
