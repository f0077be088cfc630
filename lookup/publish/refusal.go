package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// Code says why a change was not made, or cannot be relied on. The words never change.
type Code string

// Codes.
const (
	Alias           Code = "cname"             // a CNAME is at the name
	Changed         Code = "changed"           // the records are not those that were expected
	Full            Code = "full"              // the server accepts no more records at the name
	ServerFailure   Code = "server-failure"    // the server failed for a reason of its own
	Policy          Code = "policy"            // this key may not change this name, type or zone
	RefusedUnsigned Code = "refused-unsigned"  // key, clock or permission: not said which
	BadKey          Code = "bad-key"           // the server does not know the key
	BadSignature    Code = "bad-signature"     // the server has another secret for the key
	BadTime         Code = "bad-time"          // the clocks differ
	NotHere         Code = "zone-not-here"     // the server does not have the zone
	OutsideZone     Code = "outside-zone"      // the name is not in the zone
	Secondary       Code = "secondary"         // the server is a secondary of the zone
	NoUpdates       Code = "no-updates"        // the server accepts no updates at all
	UnsignedReply   Code = "unsigned-reply"    // success without signature proves nothing
	BadReply        Code = "bad-reply"         // the reply is unreadable or wrongly signed
	Unreachable     Code = "unreachable"       // no connection: nothing was sent
	Unknown         Code = "unknown"           // no answer came: perhaps done
	NoZone          Code = "no-zone"           // no zone was found for the name
	NoPrimary       Code = "no-primary"        // the primary in the SOA has no address
	NoNameServers   Code = "no-name-servers"   // the zone has no name server with an address
	TooLong         Code = "too-long"          // the changes of one name are too long for a message
	OtherError      Code = "other-error"       // an error that no other code describes
	NotDone         Code = "not-done"          // accepted, but the server does not show it
	Behind          Code = "behind"            // a name server lacks it, or is unreadable
	NotSigned       Code = "not-signed"        // as asked, but nobody can validate it
	Bogus           Code = "bogus"             // as asked or not: the signatures are wrong
	OptOut          Code = "opt-out"           // withdrawn, but the absence cannot be proven
	ReloadFailed    Code = "reload-failed"     // the reload command failed
	ZoneFileInvalid Code = "zone-file-invalid" // the block of the zone file cannot be used
)

// Refusal says that a change was not made, or what it is worth.
type Refusal struct {
	Code Code
	// Server, Zone and Name are what it is about; "": not known, or not one.
	Server, Zone, Name string
	// Text is the sentence, Advice what to do ("": nothing).
	Text, Advice string
	Err          error // the cause, may be nil
}

// Error is the sentence.
func (r *Refusal) Error() string { return "publish: " + r.Text }

// Hint is what to do; "": nothing.
func (r *Refusal) Hint() string { return r.Advice }

// Unwrap is the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// IsUnanswered reports whether the cause is one of the network, and nobody answered.
func (r *Refusal) IsUnanswered() bool {
	_, isNet := errors.AsType[net.Error](r.Err)
	_, isSystem := errors.AsType[syscall.Errno](r.Err)
	return isNet || isSystem || errors.Is(r.Err, context.DeadlineExceeded)
}

// AliasRefusal is about a CNAME in the way of a change; target may be unknown.
func AliasRefusal(server, zone, owner, target string) *Refusal {
	to := ""
	if target != "" {
		to = " to " + target
	}
	return &Refusal{
		Code: Alias, Server: server, Zone: zone, Name: owner,
		// RFC 1034, Section 3.6.2.
		Text:   fmt.Sprintf("%s is an alias (CNAME%s), so no other record can be there", owner, to),
		Advice: "remove the CNAME, or publish at the name that it leads to",
	}
}

// PartialError says which of several changes were made before one failed.
type PartialError struct {
	// Done were made, NotDone were not. Of Unknown it is not known: the server went away.
	Done, NotDone, Unknown []Change
	Err                    error // a *Refusal, or the context's
}

// Error is one sentence.
func (e *PartialError) Error() string {
	total := len(e.Done) + len(e.NotDone) + len(e.Unknown)
	text := fmt.Sprintf("publish: %d of %d changes are made", len(e.Done), total)
	if len(e.NotDone) > 0 {
		text += fmt.Sprintf(", %d are not (%s)", len(e.NotDone), owners(e.NotDone))
	}
	if len(e.Unknown) > 0 {
		text += fmt.Sprintf(", of %d it is not known (%s)", len(e.Unknown), owners(e.Unknown))
	}
	return text + ": " + strings.TrimPrefix(e.Err.Error(), "publish: ")
}

// Hint is that of the cause.
func (e *PartialError) Hint() string {
	if h, ok := e.Err.(interface{ Hint() string }); ok {
		return h.Hint()
	}
	return ""
}

// Unwrap is the cause.
func (e *PartialError) Unwrap() error { return e.Err }

// owners names the first and the last.
func owners(list []Change) string {
	if len(list) == 1 {
		return list[0].Owner
	}
	return list[0].Owner + " to " + list[len(list)-1].Owner
}
