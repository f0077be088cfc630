package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"time"

	"dnseal/lookup/dane"
)

// Generation is one key of an identity with its certificate.
type Generation struct {
	// ID names it among those of the identity; Key names its key: certificates of one key share it.
	ID, Key string
	// Revoked says that somebody revoked the key: it never signs, and its records go.
	Revoked bool
	// Want is the record that publishes it in the form of the state.
	Want dane.Record
	// Also are the other records that publish it, in other forms.
	Also []dane.Record
	// CA are those of State.User that vouch for it: records of the CA that issued its certificate.
	CA []dane.Record
	// Ends is when its certificate ends, which counts under a record of its CA; zero: no
	// certificate.
	Ends time.Time
}

// Publishes reports whether r publishes the generation.
func (g *Generation) Publishes(r dane.Record) bool {
	if g == nil {
		return false
	}
	if Same(g.Want, r) {
		return true
	}
	return contains(g.Also, r)
}

// Old is an earlier generation.
type Old struct {
	Generation
	// Settled says that its private part is gone from where it could sign: whether its record is
	// kept or withdrawn has been decided.
	Settled bool
}

// Retention is what becomes of the record of an earlier key.
type Retention string

// Retentions. The zero value is none: nobody said, and the record stays until somebody does.
const (
	Keep     Retention = "keep"     // it stays, and vouches for old mail
	Withdraw Retention = "withdraw" // it goes when mail under way has arrived
)

// State is what the folder of an identity says, and User.
type State struct {
	// Active signs; nil where there is no key.
	Active *Generation
	// Next is the key that is to sign; nil: no rollover is under way.
	Next *Generation
	// Old are the earlier ones.
	Old []Old
	// Folder names these keys in Memory.Others; "": they are those that sign.
	Folder string
	// Beside are other keys of the name: one that others encrypt to, an ML-DSA key that signs
	// beside the active one. Their records are published with its own, and never another's.
	Beside []Beside
	// User is what the name servers show at "_user" of the domain, where that counts: it is a mail
	// address that has no record, and a CA issued a certificate. Nil: nobody asked.
	User Seen
	// Memory is what neither keys nor DNS tell; its zero value is safe.
	Memory Memory
}

// Beside is another key of the name, which is rolled over by itself.
type Beside struct {
	// Folder names it among those of the identity.
	Folder string
	// Active is the one in use; nil where there is none. Next and Old are as in State.
	Active, Next *Generation
	Old          []Old
}

// Form is the form of a record (RFC 6698, Sections 2.1.1 to 2.1.3).
type Form struct {
	Usage    uint8 `json:"usage"`
	Selector uint8 `json:"selector"`
	Matching uint8 `json:"matching"`
}

// Memory is what is remembered between two steps. All of it can be lost.
type Memory struct {
	// Form is the form of the record; nil: nobody said, and it is that of the record in the DNS, or
	// the default. Next does not use it: it is in the Want of each generation.
	Form *Form
	// TTL of the records that are published; 0: that which they have, or [DefaultTTL]. TTLSent is
	// when it was last changed.
	TTL     time.Duration
	TTLSent time.Time
	// Publish says that somebody wants the active key published.
	Publish bool
	// Beside says that records of others at the name do not keep the active key from being
	// published.
	Beside bool
	// Retention is what becomes of the records of earlier keys.
	Retention Retention
	// OldFor is how long the record of an old key stays after the switch, with [Withdraw].
	OldFor time.Duration
	// Switched is when the active key began to sign; zero: not known.
	Switched time.Time
	// Others are the same three of the other keys of the name, by folder.
	Others map[string]Rollover
	// SeenTTL is the TTL that the records had when they were looked at last. Caches is until when
	// caches may hold answers with a longer one than they have now.
	SeenTTL time.Duration
	Caches  time.Time
	// Withdrawn are the IDs of earlier generations whose records were withdrawn, or are to be.
	Withdrawn map[string]bool
	// Gone is what is known of the records that were withdrawn last.
	Gone Gone
	// Ahead is the latest of these times that was found to lie in the future, and does so still.
	Ahead time.Time
	// Shown is what is known of each record of ours, by [RecordID].
	Shown map[string]Shown
}

// Rollover is what is remembered of the rollover of one key; see [Memory].
type Rollover struct {
	Retention Retention
	OldFor    time.Duration
	Switched  time.Time
}

// Rollover is that of the key in a folder; "": of the one that signs.
func (m Memory) Rollover(folder string) Rollover {
	if folder == "" {
		return Rollover{m.Retention, m.OldFor, m.Switched}
	}
	return m.Others[folder]
}

// SetRollover replaces what Rollover returns.
func (m *Memory) SetRollover(folder string, r Rollover) {
	switch {
	case folder == "":
		m.Retention, m.OldFor, m.Switched = r.Retention, r.OldFor, r.Switched
	case r == Rollover{}:
		delete(m.Others, folder)
	default:
		m.Others = maps.Clone(m.Others)
		if m.Others == nil {
			m.Others = map[string]Rollover{}
		}
		m.Others[folder] = r
	}
}

// Shown is since when a record is to be seen.
type Shown struct {
	// Sent and Removed are when the primary was last told to add and to remove it; zero: not by us.
	Sent, Removed time.Time
	// Once says that every name server has shown it before.
	Once bool
	// Since is when every name server was seen to show it; zero: not all do.
	Since time.Time
	// Hold is the longest time that an answer without it may be in caches after Since.
	Hold time.Duration
}

// Gone is how long withdrawn records may still count.
type Gone struct {
	// Since is when no name server showed them any more; zero: some do, or nothing was withdrawn.
	Since time.Time
	// Hold is how long caches may keep them after Since.
	Hold time.Duration
	// Replay is the end of their signatures: until then somebody on the way can replay them.
	Replay time.Time
}

// DefaultTTL of records: how long a withdrawn key may still count.
const DefaultTTL = 300 * time.Second

// DefaultOldFor is how long the record of an old key stays by default: mail servers try for up to
// five days to deliver (RFC 5321, Section 4.5.4.1), and people read it later.
const DefaultOldFor = 7 * 24 * time.Hour

// RecordID names a record in the memory.
func RecordID(r dane.Record) string {
	sum := sha256.Sum256(append([]byte{r.Usage, r.Selector, r.MatchingType}, r.Data...))
	return hex.EncodeToString(sum[:8])
}

// Same reports whether two records are equal.
func Same(a, b dane.Record) bool {
	return a.Usage == b.Usage && a.Selector == b.Selector && a.MatchingType == b.MatchingType && string(a.Data) == string(b.Data)
}

func contains(rs []dane.Record, r dane.Record) bool {
	for _, other := range rs {
		if Same(other, r) {
			return true
		}
	}
	return false
}

// clone copies the maps, so that Next changes nothing of its caller's.
func (m Memory) clone() Memory {
	m.Shown, m.Withdrawn, m.Others = maps.Clone(m.Shown), maps.Clone(m.Withdrawn), maps.Clone(m.Others)
	if m.Shown == nil {
		m.Shown = map[string]Shown{}
	}
	if m.Withdrawn == nil {
		m.Withdrawn = map[string]bool{}
	}
	return m
}

// WithIntention is m with what somebody wants of the active key as other has it: whether and how it
// is published.
func (m Memory) WithIntention(other Memory) Memory {
	m = m.clone()
	m.Form, m.TTL, m.Publish, m.Beside = other.Form, other.TTL, other.Publish, other.Beside
	for id, s := range other.Shown {
		if s.Once { // one that vanished is published when somebody wants that
			mine := m.Shown[id]
			mine.Once = true
			m.Shown[id] = mine
		}
	}
	return m
}
