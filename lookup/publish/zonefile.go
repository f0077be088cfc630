package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"dnseal/lookup"
)

// ZoneFileOptions of a ZoneFile.
type ZoneFileOptions struct {
	// File is the zone file, or one of its own that the zone file has by $INCLUDE. Only what stands
	// between the lines "; dnseal begin" and "; dnseal end" is changed. An empty file is made of
	// these lines. One that does not exist is an error: no server reads a file by another name.
	//
	// The serial of the zone is not raised, unless its SOA stands between these lines: then the
	// SOA gets the next serial (RFC 1982). Otherwise that is for Reload, or for a server that needs
	// none (Knot with zonefile-load: difference-no-serial).
	File string
	// Reload is the command that makes the server read the file, with its arguments. No shell reads
	// it; it is killed after Timeout. Empty: none.
	Reload []string
	// Zone, NameServers, Lookup and Now are as in [Options]. One file has records of one zone.
	Zone        string
	NameServers []string
	Lookup      *lookup.Client
	Now         func() time.Time
	// Timeout for the command; 0: 30 s.
	Timeout time.Duration
}

// ZoneFile changes a zone by its file, and reads back. It is safe for concurrent use, also by
// several processes.
type ZoneFile struct {
	*Reader
	opts ZoneFileOptions
	mu   sync.Mutex
}

var _ Publisher = (*ZoneFile)(nil)

// NewZoneFile returns a ZoneFile. It fails on options that cannot be read.
func NewZoneFile(opts ZoneFileOptions) (*ZoneFile, error) {
	r, err := NewReader(ReaderOptions{Lookup: opts.Lookup, Zone: opts.Zone, NameServers: opts.NameServers, Now: opts.Now})
	if err != nil {
		return nil, err
	}
	if opts.File == "" {
		return nil, errors.New("publish: no zone file")
	}
	opts.Timeout = cmp.Or(max(opts.Timeout, 0), 30*time.Second)
	return &ZoneFile{Reader: r, opts: opts}, nil
}

// Apply implements [Publisher]: all changes or none are written, and the file is replaced whole. A
// change that the file has already counts as made, whatever it expects: a run that was killed wrote
// it, and the server has perhaps not read it, so that the command runs in any case.
// When the command fails, the file gets its old content back. Errors are a [*Refusal]:
// [ZoneFileInvalid], [Changed], [OutsideZone], [ReloadFailed], and [Unknown] when the command does
// not end in time: the new file stays then. Whether a CNAME is in the way the server says when it
// reads the file.
func (z *ZoneFile) Apply(ctx context.Context, changes ...Change) error {
	changes, err := Normal(changes)
	if err != nil {
		return err
	}
	at, err := z.zoneOfAll(ctx, changes)
	if err != nil {
		return err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	unlock, err := lockFolder(filepath.Dir(z.opts.File))
	if err != nil {
		return z.unusable(err)
	}
	defer unlock()
	old, next, err := z.edit(at, changes)
	if err != nil || len(changes) == 0 {
		return err
	}
	if old != next {
		if err = replace(z.opts.File, next); err != nil {
			return z.unusable(err)
		}
	}
	return z.reload(ctx, old)
}

// Script is the block as Apply would write it.
func (z *ZoneFile) Script(ctx context.Context, changes ...Change) (string, error) {
	changes, err := Normal(changes)
	if err != nil {
		return "", err
	}
	at, err := z.zoneOfAll(ctx, changes)
	if err != nil {
		return "", err
	}
	_, next, err := z.edit(at, changes)
	if err != nil {
		return "", err
	}
	b, err := split(next)
	return b.begin + b.body + b.end, err
}

// zoneOfAll is the zone of the changes; one file is of one zone. Where the zone is named nothing is
// asked.
func (z *ZoneFile) zoneOfAll(ctx context.Context, changes []Change) (string, error) {
	groups, err := z.byZone(ctx, changes)
	switch {
	case err != nil:
		return "", err
	case len(groups) == 0:
		return "", nil
	case len(groups) > 1:
		return "", &Refusal{
			Code: OutsideZone, Zone: groups[0].zone.name, Name: groups[1].changes[0].Owner, Advice: "publish the names of each zone by themselves",
			Text: fmt.Sprintf("%s is in the zone %s, %s in %s: one zone file has the records of one zone",
				groups[0].changes[0].Owner, groups[0].zone.name, groups[1].changes[0].Owner, groups[1].zone.name),
		}
	}
	return groups[0].zone.name, nil
}

// maxZoneFile bounds what is read.
const maxZoneFile = 256 << 20

// edit reads the file and makes its next content.
func (z *ZoneFile) edit(zone string, changes []Change) (old, next string, err error) {
	info, err := os.Stat(z.opts.File)
	switch {
	case err != nil:
		return "", "", z.unusable(err)
	case !info.Mode().IsRegular() || info.Size() > maxZoneFile:
		return "", "", z.unusable(errors.New("it is no file, or too large"))
	default:
		text, readErr := os.ReadFile(z.opts.File)
		if readErr != nil {
			return "", "", z.unusable(readErr)
		}
		old = string(text)
	}
	b, err := split(old)
	if err == nil {
		err = b.read(zone)
	}
	if err != nil {
		r := z.unusable(err)
		r.Advice = "only the records of keys stand between the lines \"" + beginMark + "\" and \"" + endMark + "\""
		return "", "", r
	}
	for i := range changes {
		if err := b.change(z.opts.File, zone, &changes[i]); err != nil {
			return "", "", err
		}
	}
	return old, b.text(), nil
}

// unusable is about the file, which was not changed.
func (z *ZoneFile) unusable(err error) *Refusal {
	if errors.Is(err, os.ErrNotExist) {
		return &Refusal{
			Code: ZoneFileInvalid, Server: z.opts.File, Err: err, Text: fmt.Sprintf("there is no zone file %s; nothing was changed", z.opts.File),
			Advice: "correct the path; for a file of its own make it empty first (touch " + z.opts.File + "), and let the zone file read it ($INCLUDE " + z.opts.File + ")",
		}
	}
	why := err
	if path, ok := errors.AsType[*os.PathError](err); ok {
		why = path.Err
	}
	return &Refusal{
		Code: ZoneFileInvalid, Server: z.opts.File, Err: err, Text: fmt.Sprintf("the zone file %s is not changed: %v", z.opts.File, why),
		Advice: "the user that this runs as must be able to read it, and to write into its folder",
	}
}

// reload runs the command.
func (z *ZoneFile) reload(ctx context.Context, old string) error {
	if len(z.opts.Reload) == 0 {
		return nil
	}
	run, cancel := context.WithTimeout(ctx, z.opts.Timeout)
	defer cancel()
	cmd := exec.CommandContext(run, z.opts.Reload[0], z.opts.Reload[1:]...) //nolint:gosec // the administrator's own command
	cmd.WaitDelay = time.Second
	var out beginning
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case run.Err() != nil:
		how := "did not end in time"
		if ctx.Err() != nil {
			how = "was ended (" + ctx.Err().Error() + ")"
		}
		return &Refusal{
			Code: Unknown, Server: z.opts.File, Err: run.Err(), Advice: "see what it waits for; the file stays as it is now",
			Text: fmt.Sprintf("the reload command %s %s; the zone file %s is changed, whether the server has read it is not known", z.opts.Reload[0], how, z.opts.File),
		}
	}
	what := "the zone file is as it was"
	if back := replace(z.opts.File, old); back != nil {
		what = fmt.Sprintf("the zone file is changed, and could not be changed back: %v", back)
	}
	return &Refusal{
		Code: ReloadFailed, Server: z.opts.File, Err: err, Advice: "run the command by hand and see what it says",
		Text: fmt.Sprintf("the reload command %s failed: %v%s; %s", z.opts.Reload[0], err, out.firstLine(), what),
	}
}

// replace writes a file whole, or not at all. It keeps the mode and the owner of the one that is
// there.
func replace(file, text string) error {
	mode := os.FileMode(0o644)
	info, err := os.Stat(file)
	if err == nil {
		mode = info.Mode().Perm()
		// A link stays one.
		if target, linkErr := filepath.EvalSymlinks(file); linkErr == nil {
			file = target
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".dnseal-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // renamed away, if all went well
	_, err = tmp.WriteString(text)
	keepOwner(tmp, info)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}
