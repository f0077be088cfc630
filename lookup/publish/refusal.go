package publish

import "fmt"

// Code says why a change was not made, or cannot be relied on. The words never change.
type Code string

// Codes.
const (
	// a CNAME is at the name: no other record can be there
	Alias   Code = "cname"
	Changed Code = "changed" // the records are not those that were expected
	// the server takes no more records at the name, or has failed otherwise
	Full   Code = "full"
	Policy Code = "policy" // this key may not change this name, type or zone
	// refused in a reply without signature: the key, the clock or a permission
	RefusedUnsigned Code = "refused-unsigned"
	BadKey          Code = "bad-key"       // the server does not know the key
	BadSignature    Code = "bad-signature" // the server has another secret for the key
	BadTime         Code = "bad-time"      // the clocks differ
	NotHere         Code = "zone-not-here" // the server does not have the zone
	OutsideZone     Code = "outside-zone"  // the name is not in the zone
	Secondary       Code = "secondary"     // the server is a secondary of the zone
	NoUpdates       Code = "no-updates"    // the server takes no updates at all
	// success was said without signature, which proves nothing
	UnsignedReply Code = "unsigned-reply"
	// the reply cannot be read, or its signature is wrong
	BadReply    Code = "bad-reply"
	Unreachable Code = "unreachable" // no connection: nothing was sent
	// the server went away before it answered: perhaps done
	Unknown         Code = "unknown"
	NoZone          Code = "no-zone"           // no zone was found for the name
	NoPrimary       Code = "no-primary"        // the primary in the SOA has no address
	NoNameServers   Code = "no-name-servers"   // the zone has no name server with an address
	TooLong         Code = "too-long"          // the changes of one name are too long for a message
	OtherError      Code = "other-error"       // an error that no other code describes
	NotDone         Code = "not-done"          // accepted, but the server does not show it
	Behind          Code = "behind"            // a name server does not show it yet
	NotSigned       Code = "not-signed"        // published, but nobody can validate it
	Bogus           Code = "bogus"             // published, but the signatures are wrong
	OptOut          Code = "opt-out"           // withdrawn, but the absence cannot be proven
	ReloadFailed    Code = "reload-failed"     // the reload command failed
	ZoneFileInvalid Code = "zone-file-invalid" // the block of the zone file cannot be read
)

// Refusal says that a change was not made, or what it is worth.
type Refusal struct {
	Code Code
	// Server, Zone and Name are what it is about; "": not known, or not one.
	Server, Zone, Name string
	// Text is the sentence without advice.
	Text string
	// Advice is what to do; "": nothing.
	Advice string
	Err    error // the cause, may be nil
}

// Error is one sentence.
func (r *Refusal) Error() string { return "publish: " + r.Text }

// Hint is what to do.
func (r *Refusal) Hint() string { return r.Advice }

// Unwrap is the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// PartialError says which of several changes were made before one failed.
type PartialError struct {
	// Done were made, NotDone were not. Of Unknown it is not known: the server went away.
	Done, NotDone, Unknown []Change
	Err                    error
}

// Error is one sentence.
func (e *PartialError) Error() string {
	return fmt.Sprintf("publish: %d of %d changes are made, %d are not, of %d it is not known: %v",
		len(e.Done), len(e.Done)+len(e.NotDone)+len(e.Unknown), len(e.NotDone), len(e.Unknown), e.Err)
}

// Unwrap is the cause.
func (e *PartialError) Unwrap() error { return e.Err }
