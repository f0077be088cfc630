package dnssec

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// verdict is a status with its code and reason. Its zero value is Indeterminate.
type verdict struct {
	status Status
	ede    int
	code   Code
	reason string
}

var secure = verdict{status: Secure, ede: noEDE}

// noEDE: no Extended DNS Error matches (RFC 8914, Section 4).
const noEDE = -1

// Code is a stable word for why a status is not secure: one of the constants, "budget:" and the
// word of a limit (see [Limits]), or what an [Exchanger] gave. Empty when secure.
type Code string

const budgetPrefix = "budget:"

// IsBudget reports whether a limit of the work was reached ([Limits]).
func (c Code) IsBudget() bool { return strings.HasPrefix(string(c), budgetPrefix) }

// Codes. Programs may compare them.
const (
	CodeNoAnchor      Code = "no-anchor"             // no trust anchor encloses the name
	CodeClock         Code = "clock"                 // our clock and all signatures disagree
	CodeTimeout       Code = "timeout"               // no reply in time
	CodeUnreachable   Code = "unreachable"           // no usable reply
	CodeServfail      Code = "servfail"              // the resolver answers SERVFAIL
	CodeRefused       Code = "refused"               // the resolver answers with another error
	CodeStale         Code = "stale"                 // the resolver served expired data (RFC 8767)
	CodeMalformed     Code = "malformed"             // the name or the reply cannot be used
	CodeAliasLoop     Code = "alias-loop"            // CNAME or DNAME records lead back
	CodeUnsupported   Code = "unsupported-algorithm" // only algorithms or digests we do not support
	CodeUnusableKeys  Code = "unusable-keys"         // only keys whose size is not allowed
	CodeUnsigned      Code = "unsigned-delegation"   // proven: the zone has no DS
	CodeOptOut        Code = "opt-out"               // the name is in an NSEC3 opt-out span
	CodeIterations    Code = "nsec3-iterations"      // too many NSEC3 iterations to check
	CodeNoSignature   Code = "missing-signature"     // a signed zone answered without RRSIG
	CodeBadSignature  Code = "bad-signature"         // the signature does not fit data and key
	CodeExpired       Code = "signature-expired"
	CodeNotYetValid   Code = "signature-not-yet-valid"
	CodeTimesInverted Code = "signature-times-inverted" // expires before it begins
	CodeSigner        Code = "bad-signer"               // signed by a zone that may not sign this
	CodeLabels        Code = "bad-labels"               // the RRSIG's Labels field is impossible
	CodeNoKey         Code = "missing-key"              // no DNSKEY fits the RRSIG or the DS
	CodeRevoked       Code = "revoked-key"
	CodeNotZoneKey    Code = "not-a-zone-key"
	CodeNoDenial      Code = "missing-denial" // absence is not proven
	CodeBadDenial     Code = "bad-denial"     // the denial is contradicted or not allowed here
	CodeNoWildcard    Code = "wildcard-not-proven"
	CodeBadAlias      Code = "bad-alias" // a CNAME that is not its DNAME's, or a wildcard DNAME
	CodeNotAZone      Code = "not-a-zone"
)

func bogus(ede uint16, code Code, format string, args ...any) verdict {
	return verdict{Bogus, int(ede), code, fmt.Sprintf(format, args...)}
}

func insecure(ede int, code Code, format string, args ...any) verdict {
	return verdict{Insecure, ede, code, fmt.Sprintf(format, args...)}
}

func indeterminate(ede int, code Code, format string, args ...any) verdict {
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
