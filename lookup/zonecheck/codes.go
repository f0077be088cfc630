package zonecheck

import "slices"

// Code is a stable word for a kind of finding. Programs may compare it. [Kinds] describes all.
type Code string

// Codes of the chain of trust.
const (
	CodeNoDomain       Code = "no-domain"
	CodeUndecided      Code = "undecided"
	CodeSecure         Code = "secure"
	CodeUnsigned       Code = "unsigned"
	CodeNoDS           Code = "no-ds"
	CodeParentInsecure Code = "parent-insecure"
	CodeDSMismatch     Code = "ds-mismatch"
	CodeDSStale        Code = "ds-stale"
	CodeDSSHA1         Code = "ds-sha1"
	CodeDSSHA1Also     Code = "ds-sha1-also"
	CodeSHA1           Code = "sha1-algorithm"
	CodeUnsupported    Code = "unsupported-algorithm"
	CodeMixed          Code = "mixed-algorithms"
	CodeWeakKey        Code = "weak-key"
	CodeInsecure       Code = "insecure"
	CodeBogus          Code = "bogus"
	CodeDelegated      Code = "delegated"
)

// Codes of the name servers.
const (
	CodeServers          Code = "servers"
	CodeOneServer        Code = "one-server"
	CodeNoAddress        Code = "no-address"
	CodeUnreachable      Code = "unreachable"
	CodeNoIPv6           Code = "no-ipv6-here"
	CodeNoUDP            Code = "no-udp"
	CodeNoTCP            Code = "no-tcp"
	CodeNoEDNS           Code = "no-edns"
	CodeNoDNSSEC         Code = "no-dnssec"
	CodeLame             Code = "lame"
	CodeNotAuthoritative Code = "not-authoritative"
	CodeBehind           Code = "behind"
	CodeDiffers          Code = "differs"
)

// Codes of proofs of absence.
const (
	CodeDenial      Code = "denial"
	CodeDenialBogus Code = "denial-bogus"
	CodeOptOut      Code = "opt-out"
	CodeIterations  Code = "nsec3-iterations"
	CodeSalt        Code = "nsec3-salt"
	CodeHides       Code = "denial-hides"
	CodeENT         Code = "ent-nxdomain"
	CodeNXDOMAIN    Code = "existing-nxdomain"
	CodeUnknownType Code = "unknown-type"
)

// Codes of listing.
const (
	CodeHidden         Code = "hidden"
	CodeWalked         Code = "walked"
	CodeWalkIncomplete Code = "walk-incomplete"
	CodeWalkBroken     Code = "walk-broken"
	CodeHashes         Code = "nsec3-hashes"
)

// Codes of times.
const (
	CodeTimes        Code = "times"
	CodeReplay       Code = "replay"
	CodeReplayDenial Code = "replay-denial"
	CodeExpired      Code = "signature-expired"
	CodeNearEnd      Code = "signature-near-end"
	CodeFuture       Code = "signature-future"
	CodeTTL          Code = "ttl"
	CodeNegativeTTL  Code = "negative-ttl"
	CodeDNSKEYTTL    Code = "dnskey-ttl"
	CodeDSTTL        Code = "ds-ttl"
	CodeClock        Code = "clock"
)

// Codes of records.
const (
	CodeRecords        Code = "records"
	CodeNothingToCheck Code = "no-records"
	CodeSampled        Code = "sampled"
	CodeForeignType    Code = "foreign-type"
	CodeShared         Code = "shared-key"
	CodeOversized      Code = "oversized"
	CodeUnusable       Code = "unusable-record"
	CodeWildcard       Code = "wildcard"
	CodeWildcardLabels Code = "wildcard-labels"
)

// Codes of identities.
const (
	CodePublished    Code = "published"
	CodeNotPublished Code = "not-published"
	CodeOtherKey     Code = "other-key"
	CodeElsewhere    Code = "elsewhere"
	CodeForeign      Code = "foreign-record"
)

// Kind describes all findings with one code.
type Kind struct {
	Code     Code
	Severity Severity
	Group    string // the heading in the text for people
	Summary  string // what it says
	Why      string // it matters
	Advice   string // what to do
}

// groups are the headings in their order.
var groups = []string{groupChain, groupServers, groupDenial, groupListing, groupTimes, groupRecords, groupIdentities}

const (
	groupChain      = "chain of trust"
	groupServers    = "name servers"
	groupDenial     = "proofs of absence"
	groupListing    = "can a stranger list the names?"
	groupTimes      = "revocation: how long old answers live"
	groupRecords    = "records"
	groupIdentities = "own identities"
)

// Kinds describes every code, in the order of the groups.
func Kinds() []Kind { return slices.Clone(kinds) }

var kinds = slices.Concat(chainKinds, serverKinds, denialKinds, listingKinds, timeKinds, recordKinds, identityKinds)

func kindOf(code Code) Kind {
	if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Code == code }); i >= 0 {
		return kinds[i]
	}
	return Kind{Code: code, Severity: Undecided, Group: groupChain}
}
