package dnssec

import (
	"fmt"

	"github.com/miekg/dns"
)

// verdict is a status with its code and reason. Its zero value is Indeterminate.
type verdict struct {
	status Status
	ede    int
	code   string
	reason string
}

var secure = verdict{status: Secure, ede: noEDE}

// noEDE: no Extended DNS Error matches (RFC 8914, Section 4).
const noEDE = -1

// Codes of a status that is not secure. They are stable: programs may compare them.
const (
	CodeNoAnchor      = "no-anchor"             // no trust anchor encloses the name
	CodeClock         = "clock"                 // our clock and all signatures disagree
	CodeTimeout       = "timeout"               // no reply in time
	CodeUnreachable   = "unreachable"           // no usable reply
	CodeServfail      = "servfail"              // the resolver answers SERVFAIL
	CodeRefused       = "refused"               // the resolver answers with another error
	CodeStale         = "stale"                 // the resolver served expired data (RFC 8767)
	CodeMalformed     = "malformed"             // the name or the reply cannot be used
	CodeAliasLoop     = "alias-loop"            // CNAME or DNAME records lead back
	CodeUnsupported   = "unsupported-algorithm" // only algorithms or digests we do not support
	CodeUnusableKeys  = "unusable-keys"         // only keys whose size is not allowed
	CodeUnsigned      = "unsigned-delegation"   // proven: the zone has no DS
	CodeOptOut        = "opt-out"               // the name is in an NSEC3 opt-out span
	CodeIterations    = "nsec3-iterations"      // too many NSEC3 iterations to check
	CodeNoSignature   = "missing-signature"     // a signed zone answered without RRSIG
	CodeBadSignature  = "bad-signature"         // the signature does not fit data and key
	CodeExpired       = "signature-expired"
	CodeNotYetValid   = "signature-not-yet-valid"
	CodeTimesInverted = "signature-times-inverted" // expires before it begins
	CodeSigner        = "bad-signer"               // signed by a zone that may not sign this
	CodeLabels        = "bad-labels"               // the RRSIG's Labels field is impossible
	CodeNoKey         = "missing-key"              // no DNSKEY fits the RRSIG or the DS
	CodeRevoked       = "revoked-key"
	CodeNotZoneKey    = "not-a-zone-key"
	CodeNoDenial      = "missing-denial" // absence is not proven
	CodeBadDenial     = "bad-denial"     // the denial is contradicted or not allowed here
	CodeNoWildcard    = "wildcard-not-proven"
	CodeBadAlias      = "bad-alias" // a CNAME that its DNAME does not make, or a wildcard DNAME
	CodeNotAZone      = "not-a-zone"
	codeBudget        = "budget:"
)

func bogus(ede uint16, code, format string, args ...any) verdict {
	return verdict{Bogus, int(ede), code, fmt.Sprintf(format, args...)}
}

func insecure(ede int, code, format string, args ...any) verdict {
	return verdict{Insecure, ede, code, fmt.Sprintf(format, args...)}
}

func indeterminate(ede int, code, format string, args ...any) verdict {
	return verdict{Indeterminate, ede, code, fmt.Sprintf(format, args...)}
}

// severity orders statuses for chains of aliases: the worst link counts.
func (s Status) severity() int {
	switch s {
	case Secure:
		return 0
	case Insecure:
		return 1
	case Bogus:
		return 3
	case Indeterminate:
	}
	return 2
}

// worse returns the worse of two verdicts, the first when they are equal.
func worse(a, b verdict) verdict {
	if b.status.severity() > a.status.severity() {
		return b
	}
	return a
}

// final reports whether nothing that follows can change the outcome: a limit was hit or nothing
// could be asked.
func (v verdict) final() bool { return v.status == Indeterminate }

func typeName(t uint16) string {
	if s, ok := dns.TypeToString[t]; ok {
		return s
	}
	return fmt.Sprintf("TYPE%d", t)
}
