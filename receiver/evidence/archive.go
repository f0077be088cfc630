package evidence

import (
	"context"
	"errors"
	"time"

	"dnseal/lookup/dnssec"
	"dnseal/receiver"
)

// Options are for reading.
type Options struct {
	// Anchors are the reader's own trust anchors; nil: the keys of the DNS root, each for the time
	// in which it was valid.
	Anchors *dnssec.Anchors
	// At is the time as of which messages are judged; zero: when each was checked.
	At time.Time
	// Policy is the reader's own: it is compared with that of the file.
	Policy Policy
}

// Archive is evidence that was opened. It is safe for concurrent use. Close it when done.
type Archive struct{ opts Options }

// Open opens a file of evidence, or a folder of *.evidence files.
func Open(path string, opts Options) (*Archive, error) {
	return nil, errors.New("evidence: not yet")
}

// Past finds what was kept about a message: for receiver.Options.Past.
func (a *Archive) Past(ctx context.Context, d receiver.Digests) *receiver.Past { return nil }

// Close closes the files.
func (a *Archive) Close() error { return nil }
