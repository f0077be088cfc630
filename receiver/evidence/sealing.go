package evidence

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// end has the file of today sealed, while the next one is written.
func (j *Journal) end() {
	f := j.today
	j.today = nil
	j.sealing.Go(func() { _ = j.seal(f) }) // it logs what goes wrong
}

// seal seals a file and closes it. Its lock ends with that. It logs what it did, and its error:
// also that nobody finds the file where it was. It is sealed all the same, as it may have been
// moved.
func (j *Journal) seal(f *dayFile) error {
	gone := f.there()
	err := errors.Join(j.writeSeal(f), f.file.Sync(), f.file.Close())
	name, messages := slog.String("file", f.file.Name()), slog.Int("messages", f.Messages())
	switch {
	case err != nil:
		j.opts.Log.Error("evidence is not sealed; the next start tries again", name, slog.String("error", err.Error()))
	case gone != nil:
		j.opts.Log.Error("evidence is sealed, and no longer where it was kept", name, messages, slog.String("error", gone.Error()))
	default:
		j.opts.Log.Info("evidence sealed", name, messages)
	}
	return errors.Join(err, gone)
}

// writeSeal writes the seal, or nothing.
func (j *Journal) writeSeal(f *dayFile) error {
	seal := Seal{Sealed: j.opts.Now().UTC().Truncate(time.Second)}
	if err := j.addOwn(f, &seal); err != nil {
		return err
	}
	if j.opts.Proof != nil {
		j.unproven(f, j.opts.Proof(&seal, f.Digest(), f.file))
	}
	size := f.Size()
	if err := f.Seal(seal); err != nil {
		return errors.Join(err, f.file.Truncate(size))
	}
	return nil
}

// addOwn adds the lookup of who signs. Where only a part of it could be written, that goes: the
// proofs are over the file as it is. An error says that it stays.
func (j *Journal) addOwn(f *dayFile, seal *Seal) (err error) {
	if j.opts.Own == nil {
		return nil
	}
	size := f.Size()
	if seal.Lookup, err = f.addLookup(j.opts.Own()); err != nil {
		j.unproven(f, err)
		if err = f.file.Truncate(size); err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
	}
	return nil
}

func (j *Journal) unproven(f *dayFile, err error) {
	if err != nil {
		j.opts.Log.Error("evidence is sealed without all proofs of its time", slog.String("file", f.file.Name()), slog.String("error", err.Error()))
	}
}
