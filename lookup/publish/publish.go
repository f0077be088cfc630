// Package publish changes the SMIMEA, TLSA and TXT records of a zone, and reads back what became of
// it.
//
// A [Publisher] applies changes: [Client] (client.go) by dynamic update (RFC 2136), signed by TSIG
// (RFC 8945; key.go), over TCP; [ZoneFile] (zonefile.go) by a block in a file and a command that
// makes the server read it. Both are a [Reader] too (reader.go): it asks every name server of the
// zone directly, past all caches, and validates the answers from the trust anchor down. What a
// server refuses is a [Refusal] (refusal.go), which says what it means and what to do.
//
// A Change names the records it expects, so that two operators never overwrite each other, and
// deletes exact records, never a whole RRset. The zone is found by questions for SOA records
// (zone.go), changes become messages of at most 500 records (change.go, apply.go), and what a reply
// means is found out by further questions (diagnose.go, probe.go). [Notes] are about TTLs that are
// not as asked.
//
// # Limitations
//
// A change is not secret: it goes over TCP in the clear, signed. Updates by GSS-TSIG and SIG(0),
// and the interfaces of DNS providers, are not supported. Names in several zones are not changed
// together, nor are more than one message can hold. YADIFA accepts a part of the records as the
// expected ones (RFC 2136, Section 2.4.2, wants all). A zone file has records by their keyword
// (SMIMEA), which YADIFA does not read. The caller must read back before it says success.
package publish

import (
	"context"
	"time"

	"dnseal/lookup/dane"
)

// Change is what is done to the records of one type at one name, all of it or nothing.
type Change struct {
	// Owner is the absolute owner name.
	Owner string
	Type  dane.Type
	// TTL of the records in Add, in whole seconds. All records of a name and type have one TTL
	// (RFC 2181, Section 5.2): those that are there already get it too.
	TTL time.Duration
	// Add and Remove are exact records. One that is in both gets the new TTL. Adding what is
	// there and removing what is not changes nothing.
	Add, Remove []dane.Record
	// Expect is what must be there before, else nothing is done and the error is a [Refusal] with
	// [Changed]: nil is not compared, empty means no record of this type (RFC 2136, Sections 2.4.2
	// and 2.4.3). A record that a wildcard makes is not there ([Seen].Wildcard).
	Expect []dane.Record
}

// Publisher changes zones.
type Publisher interface {
	// Apply makes the changes. Those of one name are made together; many names need several
	// messages, and when one fails the error is a [*PartialError] that says which changes are
	// made. Without an error the server has accepted all; whether every name server shows them
	// [Reader.ReadBack] finds out. Other errors are a [*Refusal], or wrap the context's where it
	// ended before anything was sent.
	Apply(ctx context.Context, changes ...Change) error
}
