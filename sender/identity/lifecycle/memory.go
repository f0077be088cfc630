package lifecycle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxMemory is the most bytes of a memory: that of an identity with a hundred old keys has 40 kB.
const MaxMemory = 1 << 20

// maxSeconds bounds times in the file: the largest TTL is 2^31-1 seconds (RFC 2181, Section 8).
const maxSeconds = 1<<31 - 1

// file is the form of state.json. The words never change; new ones can come.
type file struct {
	Version   int                   `json:"version"`
	Form      *Form                 `json:"form,omitempty"`
	TTL       seconds               `json:"ttl,omitzero"`
	TTLSent   time.Time             `json:"ttl_sent,omitzero"`
	Publish   bool                  `json:"publish,omitzero"`
	Beside    bool                  `json:"beside,omitzero"`
	Old       Retention             `json:"old,omitzero"`
	OldFor    seconds               `json:"old_for,omitzero"`
	Switched  time.Time             `json:"switched,omitzero"`
	Others    map[string]fileOther  `json:"others,omitempty"`
	SeenTTL   seconds               `json:"seen_ttl,omitzero"`
	Caches    time.Time             `json:"caches,omitzero"`
	Withdrawn []string              `json:"withdrawn,omitempty"`
	Gone      fileGone              `json:"gone,omitzero"`
	Ahead     time.Time             `json:"ahead,omitzero"`
	Records   map[string]fileRecord `json:"records,omitempty"`
}

// fileOther is a Rollover.
type fileOther struct {
	Old      Retention `json:"old,omitzero"`
	OldFor   seconds   `json:"old_for,omitzero"`
	Switched time.Time `json:"switched,omitzero"`
}

type fileGone struct {
	Since  time.Time `json:"since,omitzero"`
	Hold   seconds   `json:"hold,omitzero"`
	Replay time.Time `json:"replay,omitzero"`
}

type fileRecord struct {
	Sent    time.Time `json:"sent,omitzero"`
	Removed time.Time `json:"removed,omitzero"`
	Once    bool      `json:"once,omitzero"`
	Since   time.Time `json:"since,omitzero"`
	Hold    seconds   `json:"hold,omitzero"`
}

// seconds is a time in whole seconds, rounded up, so that no wait becomes shorter.
type seconds int64

func inSeconds(d time.Duration) seconds { return seconds((d + time.Second - 1) / time.Second) }

func (s seconds) duration() time.Duration { return time.Duration(s) * time.Second }

func (s seconds) ok() bool { return 0 <= s && s <= maxSeconds }

// Marshal writes the memory as state.json has it.
func (m Memory) Marshal() ([]byte, error) {
	f := file{
		Version: 1, Form: m.Form, TTL: inSeconds(m.TTL), TTLSent: m.TTLSent, Publish: m.Publish, Beside: m.Beside,
		Old: m.Retention, OldFor: inSeconds(m.OldFor), Switched: m.Switched, SeenTTL: inSeconds(m.SeenTTL), Caches: m.Caches,
		Gone:    fileGone{m.Gone.Since, inSeconds(m.Gone.Hold), m.Gone.Replay},
		Ahead:   m.Ahead,
		Records: map[string]fileRecord{},
	}
	for id := range m.Withdrawn {
		f.Withdrawn = append(f.Withdrawn, id)
	}
	slices.Sort(f.Withdrawn)
	for id, s := range m.Shown {
		f.Records[id] = fileRecord{s.Sent, s.Removed, s.Once, s.Since, inSeconds(s.Hold)}
	}
	for folder, r := range m.Others {
		if f.Others == nil {
			f.Others = map[string]fileOther{}
		}
		f.Others[folder] = fileOther{r.Retention, inSeconds(r.OldFor), r.Switched}
	}
	text, err := json.MarshalIndent(f, "", "  ")
	return append(text, '\n'), err
}

// ParseMemory reads what Marshal wrote. Errors: it is another form, or longer than 1 MiB; the
// memory then counts as lost. Unknown words are left out: a later version may have written them.
func ParseMemory(text []byte) (Memory, error) {
	if len(text) > MaxMemory {
		return Memory{}, fmt.Errorf("lifecycle: the memory is longer than %d bytes", MaxMemory)
	}
	var f file
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&f); err != nil {
		return Memory{}, fmt.Errorf("lifecycle: the memory cannot be read: %w", err)
	}
	if err := f.check(); err != nil {
		return Memory{}, err
	}
	m := Memory{
		Form: f.Form, TTL: f.TTL.duration(), TTLSent: f.TTLSent, Publish: f.Publish, Beside: f.Beside,
		Retention: f.Old, OldFor: f.OldFor.duration(), Switched: f.Switched, SeenTTL: f.SeenTTL.duration(), Caches: f.Caches,
		Gone: Gone{f.Gone.Since, f.Gone.Hold.duration(), f.Gone.Replay}, Ahead: f.Ahead,
	}.clone()
	for _, id := range f.Withdrawn {
		m.Withdrawn[id] = true
	}
	for id, r := range f.Records {
		m.Shown[id] = Shown{r.Sent, r.Removed, r.Once, r.Since, r.Hold.duration()}
	}
	for folder, r := range f.Others {
		m.SetRollover(folder, Rollover{r.Old, r.OldFor.duration(), r.Switched})
	}
	return m, nil
}

func (r Retention) known() bool { return r == "" || r == Keep || r == Withdraw }

// check refuses what Marshal never writes.
func (f *file) check() error {
	ok := f.TTL.ok() && f.OldFor.ok() && f.SeenTTL.ok() && f.Gone.Hold.ok()
	for _, r := range f.Records {
		ok = ok && r.Hold.ok()
	}
	known := f.Old.known()
	for _, r := range f.Others {
		ok, known = ok && r.OldFor.ok(), known && r.Old.known()
	}
	switch {
	case f.Version != 1:
		return fmt.Errorf("lifecycle: the memory has version %d; this program knows 1", f.Version)
	case !ok:
		return errors.New("lifecycle: the memory has a time that is out of range")
	case !known:
		return errors.New("lifecycle: the memory has an unknown word for what becomes of old records")
	}
	return nil
}
