package lifecycle

import (
	"time"

	"dnseal/lookup/dane"
)

// Server is what one name server of the zone shows at the owner name.
type Server struct {
	// Name of the server, for people.
	Name string
	// Err says why nothing is known of it; "": it answered.
	Err string
	// Status is that of its answer, validated from the trust anchor down: "secure", or another word
	// for one that nobody can rely on; Reason says why.
	Status, Reason string
	// Records are all of the identity's type at the name.
	Records []dane.Record
	// TTL is the original TTL of the records, 0 without any; Negative is how long caches keep that
	// there are none.
	TTL, Negative time.Duration
	// SignedUntil is the end of the signatures; an old answer can be replayed until then.
	SignedUntil time.Time
	// OptOut says that the absence of a name is not proven in this zone (RFC 5155, Section 12.2).
	OptOut bool
	// Alias is where a CNAME at the name leads; "": there is none.
	Alias string
	// Wildcard says that the records are those of a wildcard, and not at the name itself.
	Wildcard bool
	// Source is the name of that wildcard.
	Source string
	// Unproven says that the absence of records is as proven as a zone with opt-out can have it:
	// receivers do not rely on it.
	Unproven bool
}

// Secure is the Status of an answer that can be relied on.
const Secure = "secure"

// insecure is that of an answer that is not signed, whose records can be seen all the same.
const insecure = "insecure"

// Seen is what all name servers of the zone show, asked after the last step.
type Seen []Server

// known reports whether the answer of the server can be relied on.
func (s Server) known() bool { return s.Err == "" && s.Status == Secure }

// secure reports whether every server gave an answer that can be relied on.
func (s Seen) secure() bool {
	for _, server := range s {
		if !server.known() {
			return false
		}
	}
	return len(s) > 0
}

// reached reports whether some server answered.
func (s Seen) reached() bool {
	for _, server := range s {
		if server.Err == "" {
			return true
		}
	}
	return false
}

// everywhere reports whether every server shows r in an answer that can be relied on.
func (s Seen) everywhere(r dane.Record) bool {
	for _, server := range s {
		if !server.known() || !contains(server.Records, r) {
			return false
		}
	}
	return len(s) > 0
}

// denied reports whether some server has answered that r is not there.
func (s Seen) denied(r dane.Record) bool {
	for _, server := range s {
		if server.known() && !contains(server.Records, r) {
			return true
		}
	}
	return false
}

// somewhere reports whether some server shows r.
func (s Seen) somewhere(r dane.Record) bool {
	for _, server := range s {
		if contains(server.Records, r) {
			return true
		}
	}
	return false
}

// records are all records that some server shows.
func (s Seen) records() (all []dane.Record) {
	for _, server := range s {
		for _, r := range server.Records {
			if !contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// hold is the longest time that an answer which some server gives now may be in caches.
func (s Seen) hold() (longest time.Duration) {
	for _, server := range s {
		longest = max(longest, server.TTL, server.Negative)
	}
	return longest
}

// ttl is the longest TTL of the records.
func (s Seen) ttl() (longest time.Duration) {
	for _, server := range s {
		longest = max(longest, server.TTL)
	}
	return longest
}

// signedUntil is when the last signature ends.
func (s Seen) signedUntil() (last time.Time) {
	for _, server := range s {
		if server.SignedUntil.After(last) {
			last = server.SignedUntil
		}
	}
	return last
}

// expect is the RRset for a prerequisite, where all servers show the same; nil where they differ,
// or do not have it at the name itself.
func (s Seen) expect() []dane.Record {
	all := s.records()
	for _, server := range s {
		hidden := server.Err != "" || server.Status != Secure && server.Status != insecure
		if hidden || server.Wildcard || len(server.Records) != len(all) {
			return nil
		}
	}
	if all == nil {
		return []dane.Record{}
	}
	return all
}
