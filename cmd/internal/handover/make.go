package handover

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/progress"
	"dnseal/sender/fleet"
	"dnseal/sender/fleet/handover"
	"dnseal/sender/identity"
)

// maxTold is how many rows are told one by one that cannot be handed over.
const maxTold = 20

// Making is the making of a hand-over.
type Making struct {
	Source Source
	Giver  *identity.Identity
	// Taker is the name of the party that it is for; empty: anybody.
	Taker string
	// To is the file; of several parts each has its number before the extension.
	To string
	// PerFile is the most entries of a file; 0: as many as a file can have.
	PerFile int
	// Out gets a line for each file, Err what is wrong and, on a terminal, a progress bar.
	Out, Err io.Writer
}

// Run reads all entries first: where one cannot be handed over, all such are told, and no file is
// made. A part that is there already, whole, with the same entries, by the same key and for the
// same taker, is left as it is: a run that ended early goes on so. Errors: [cli.ExitNotPass] where
// something was told; what reading or writing returned.
func (m *Making) Run(ctx context.Context) error {
	var err error
	if m.Taker, err = taker(m.Taker); err != nil {
		return err
	}
	if m.PerFile == 0 {
		m.PerFile = handover.MaxEntries
	}
	if table, ok := m.Source.(*Table); ok && sameFile(table.File, m.To) {
		return fmt.Errorf("%s is the table itself; name another file with --to", m.To)
	}
	id, n, err := m.count(ctx)
	if err != nil {
		return err
	}
	parts := (n + m.PerFile - 1) / m.PerFile
	next, stop := iter.Pull2(m.Source.Entries())
	defer stop()
	bar := progress.New(m.Err, "identities")
	bar.Expect(n)
	defer bar.Clear()
	for part := 1; part <= parts; part++ {
		h := handover.Header{ID: id, Taker: m.Taker, Part: part, Parts: parts, Columns: m.Source.Columns()}
		count := min(m.PerFile, n-(part-1)*m.PerFile)
		if err := m.part(ctx, h, count, next); err != nil {
			return err
		}
		bar.Done(count)
	}
	return nil
}

// count reads all entries, and makes an ID of them: the same entries for the same taker are the
// same hand-over.
func (m *Making) count(ctx context.Context) (id string, n int, err error) {
	hash := sha256.New()
	enc := json.NewEncoder(hash)
	// A hash never fails.
	_ = enc.Encode([]string{m.Giver.Name, m.Taker, strings.Join(m.Source.Columns(), ",")})
	wrong := 0
	for e, err := range m.Source.Entries() {
		if f, ok := errors.AsType[*fleet.Failure](err); ok {
			if wrong++; wrong <= maxTold {
				cli.Print(m.Err, "dnseal: error: %s", cli.Plain(f))
			}
			continue
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return "", 0, err
		}
		n++
		_ = enc.Encode(e)
	}
	if f, ok := m.Source.(*Folders); ok && f.Revoked > 0 {
		cli.Print(m.Err, "dnseal: left out %s, because the keys are revoked", identities(f.Revoked))
	}
	switch {
	case wrong > maxTold:
		cli.Print(m.Err, "dnseal: error: %d more cannot be handed over", wrong-maxTold)
		fallthrough
	case wrong > 0:
		cli.Print(m.Err, "dnseal: hint: nothing was handed over; mend what is wrong, or leave it out, and run this again")
		return "", 0, cli.ExitNotPass
	case n == 0:
		return "", 0, errors.New("there is nothing to hand over")
	case n > m.PerFile*handover.MaxParts:
		return "", 0, fmt.Errorf("%d identities are more than %d files can have", n, handover.MaxParts)
	}
	return hex.EncodeToString(hash.Sum(nil)[:16]), n, nil
}

// part makes one file of the next count entries.
func (m *Making) part(ctx context.Context, h handover.Header, count int, next func() (handover.Entry, error, bool)) error {
	path := partName(m.To, h.Part, h.Parts)
	entries := func(yield func(handover.Entry, error) bool) {
		for range count {
			e, err, ok := next()
			if !ok {
				err = errors.New("handover: its entries became fewer meanwhile")
			}
			if err == nil {
				err = ctx.Err()
			}
			if !yield(e, err) {
				return
			}
		}
	}
	err := mayReplace(path, isSignedData)
	if err == nil && m.isMade(ctx, path, h, count) {
		for _, wrong := range entries {
			if wrong != nil {
				return wrong
			}
		}
		return say(m.Out, "%s: part %d of %d, %s, was made before", path, h.Part, h.Parts, identities(count))
	}
	if err == nil {
		err = replace(path, func(w io.Writer) error { return handover.Write(w, m.Giver, h, entries) })
	}
	if err == nil {
		err = say(m.Out, "%s: part %d of %d, %s", path, h.Part, h.Parts, identities(count))
	}
	return err
}

// say prints a result: one that cannot be printed is an error.
func say(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}

// isMade reports whether the file is this part.
func (m *Making) isMade(ctx context.Context, path string, want handover.Header, count int) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // only read from
	h, err := handover.Check(ctx, f, m.Giver)
	return err == nil && h.ID == want.ID && h.Taker == want.Taker && h.Part == want.Part && h.Parts == want.Parts && h.Entries == count
}

// partName is the file of a part: devices-2.p7m of devices.p7m.
func partName(to string, part, parts int) string {
	if parts == 1 {
		return to
	}
	ext := filepath.Ext(to)
	digits := len(fmt.Sprint(parts))
	return fmt.Sprintf("%s-%0*d%s", strings.TrimSuffix(to, ext), digits, part, ext)
}

func identities(n int) string {
	if n == 1 {
		return "1 identity"
	}
	return fmt.Sprintf("%d identities", n)
}

// sameFile reports whether two paths lead to one file that is there.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// replace writes a file whole or not at all, readable by its owner: it names devices.
func replace(path string, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // renamed away, if all went well
	if err = write(tmp); err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return identity.SyncDir(filepath.Dir(path))
}
