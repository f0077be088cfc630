package publish

import (
	"context"
	"errors"
	"time"

	"dnseal/lookup"
)

// ZoneFileOptions of a ZoneFile.
type ZoneFileOptions struct {
	// File is the zone file, or one of its own that the zone file has by $INCLUDE. Only what stands
	// between the lines "; dnseal begin" and "; dnseal end" is changed. A file that does not exist
	// is made.
	File string
	// Reload is the command that makes the server read the file, with its arguments; no shell.
	// Empty: none.
	Reload []string
	// Zone, NameServers, Lookup and Now are as in [Options].
	Zone        string
	NameServers []string
	Lookup      *lookup.Client
	Now         func() time.Time
	// Timeout for the command; 0: 30 s.
	Timeout time.Duration
}

// ZoneFile changes a zone by its file.
type ZoneFile struct {
	*Reader
	opts ZoneFileOptions
}

var _ Publisher = (*ZoneFile)(nil)

// NewZoneFile returns a ZoneFile. It fails on options that cannot be read.
func NewZoneFile(opts ZoneFileOptions) (*ZoneFile, error) {
	r, err := NewReader(ReaderOptions{Lookup: opts.Lookup, Zone: opts.Zone, NameServers: opts.NameServers, Now: opts.Now})
	return &ZoneFile{Reader: r, opts: opts}, err
}

// Apply implements [Publisher].
func (z *ZoneFile) Apply(_ context.Context, _ ...Change) error { return errors.ErrUnsupported }

// Script is what Apply would make of the block, as text.
func (z *ZoneFile) Script(_ context.Context, _ ...Change) (string, error) {
	return "", errors.ErrUnsupported
}
